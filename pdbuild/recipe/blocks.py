"""Reads the blocks that a recipe names and those that they require, in the order of building."""

import dataclasses
from pathlib import Path

from pdbuild.errors import Mistake, RecipeError
from pdbuild.recipe import disk, names, shape
from pdbuild.recipe.files import File
from pdbuild.recipe.files import read as read_file
from pdbuild.recipe.finding import Finding, sound
from pdbuild.recipe.tables.block import Block, check


class Blocks:
    """The sound blocks among those named, each behind what it requires.

    A block's file is looked for in `folders`, one after the other. `mistakes` are those of the
    blocks' own files; `unknown` are findings for blocks that the recipe names and nobody has.
    """

    def __init__(self, named: tuple[str, ...], folders: tuple[Path, ...]) -> None:
        self.mistakes: list[Mistake] = []
        self.unknown: list[Finding] = []
        self._folders = folders
        self._found: dict[str, Block] = {}
        self._seen: set[str] = set()
        for name in dict.fromkeys(named):
            if path := self._path(name):
                self._add(name, path, ())
            else:
                what = f"unknown block {names.quote(name)}"
                where = ("toolchain", "blocks")
                self.unknown.append(Finding(where, what, self._meant(name), item=name))

    @property
    def found(self) -> tuple[Block, ...]:
        """The blocks in order."""
        return tuple(self._found.values())

    def _add(self, name: str, path: Path, trail: tuple[str, ...]) -> None:
        """Add a block and, before it, what it requires; the blocks of `trail` led here."""
        if name in self._seen:
            return
        self._seen.add(name)
        try:
            block, file = _block(path)
        except RecipeError as error:
            self.mistakes += error.mistakes
            return
        trail = (*trail, name)
        for needed in block.requires:
            other = self._path(needed)
            if needed in trail:
                what, hint = f"a cycle: {_cycle(trail, needed)}", ""
            elif other is None:
                what, hint = f"unknown block {names.quote(needed)}", self._meant(needed)
            else:
                self._add(needed, other, trail)
                continue
            self.mistakes.append(file.mistake(Finding(("requires",), what, hint, item=needed)))
        self._found[name] = block

    def _path(self, name: str) -> Path | None:
        if not names.BLOCK.fullmatch(name):
            return None
        paths = (folder / f"{name}.toml" for folder in self._folders)
        return next(filter(disk.is_file, paths), None)

    def _meant(self, name: str) -> str:
        known = (path.stem for folder in self._folders for path in disk.toml_files(folder))
        return names.did_you_mean(name, known)


def _cycle(trail: tuple[str, ...], name: str) -> str:
    return " -> ".join((*trail[trail.index(name) :], name))


def _block(path: Path) -> tuple[Block, File]:
    """A block with its file; raises RecipeError with all that is wrong in it."""
    file = read_file(disk.content(path), str(path), Block)
    block: Block
    block, missing = shape.build(Block, file.shaped.tables)
    block = dataclasses.replace(block, name=path.stem)
    unsound = file.shaped.unsound
    findings = [finding for finding in missing if sound(finding, unsound)]
    unsound = unsound.union(finding.path for finding in missing)
    findings += [finding for finding in check(block) if sound(finding, unsound)]
    findings += file.shaped.findings
    if findings:
        raise RecipeError(tuple(map(file.mistake, findings)))
    return block, file
