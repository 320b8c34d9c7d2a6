"""Finds and reads recipes, what they extend and the blocks that they use."""

import dataclasses
import os
import re
from pathlib import Path

import tomli

from pdbuild.errors import Mistake, RecipeError, UsageError
from pdbuild.recipe import check, disk, names, neighbours, shape, tools
from pdbuild.recipe.blocks import Blocks
from pdbuild.recipe.files import File, locate, read
from pdbuild.recipe.finding import Finding, KeyPath, sound
from pdbuild.recipe.merge import Tables, merge
from pdbuild.recipe.tables import variants
from pdbuild.recipe.types import Recipe

_LONGEST_CHAIN = 32
_PROJECT = re.compile(rb"^\s*(\[\s*)?project\s*[].=]", re.MULTILINE)


def find(start: Path, chosen: str | None) -> Path:
    """The recipe to use: `chosen`, a path or the bare name of a file in `recipes/`, or else the
    only recipe of the nearest folder at or above `start` that has any.

    Raises UsageError when there is none, several, or not the one that was chosen.
    """
    start = Path(start).absolute()
    if chosen is None:
        return _shown(_nearest(start))
    path = start / chosen
    if chosen.endswith(".toml") or "/" in chosen:
        if disk.is_file(path):
            return _shown(path)
        if disk.is_file(path / "pdbuild.toml"):
            return _shown(path / "pdbuild.toml")
        hint = names.did_you_mean(path.name, (p.name for p in disk.toml_files(path.parent)))
        raise UsageError(f"there is no recipe {names.quote(chosen)}", hint=hint)
    for folder in (start, *start.parents):
        path = folder / "recipes" / f"{chosen}.toml"
        if disk.is_file(path):
            return _shown(path)
    hint = names.did_you_mean(chosen, known(start)) or "name a recipe's path, or a file of recipes/"
    raise UsageError(f"there is no recipe {names.quote(chosen)}", hint=hint)


def with_app(start: Path) -> str | None:
    """The path of the only recipe with an application in the nearest `recipes/` that has any.

    None when there is none, or `pdbuild.toml` is nearer: that is the one to use. Raises
    UsageError when there are several.
    """
    for folder in (start, *start.parents):
        if disk.is_file(folder / "pdbuild.toml"):
            return None
        found = [path for path in disk.toml_files(folder / "recipes") if _has_app(path)]
        if len(found) == 1:
            return str(found[0])
        if found:
            choices = ", ".join(path.stem for path in found)
            raise UsageError(
                f"{_shown(folder / 'recipes')} holds several applications: {choices}",
                hint=f"choose one with `--recipe NAME`, such as `--recipe {found[0].stem}`",
            )
    return None


def known(start: Path) -> tuple[str, ...]:
    """The names of the recipes in `recipes/` of the folders at and above `start`."""
    return tuple(
        recipe.stem
        for folder in (start, *start.parents)
        for recipe in disk.toml_files(folder / "recipes")
        if _is_recipe(recipe) or _has_app(recipe)
    )


def load(path: Path, *, blocks_dir: Path, hooks_dir: Path | None = None) -> Recipe:
    """The recipe at `path`, with what it extends merged in and its blocks read.

    Blocks are looked for in `toolchain/` beside the recipe, then in `blocks_dir`. With
    `hooks_dir`, hooks that the recipe names without a path must be files of it. Raises
    RecipeError with every mistake of the recipe, of what it extends and of its blocks.
    """
    mistakes: list[Mistake] = []
    files = _chain(path, mistakes)
    if not files:
        raise RecipeError(tuple(mistakes))
    # What is not there may stand in a file that could not be read.
    unsound = frozenset[KeyPath]({("extends",)} if mistakes else ())
    tables: Tables = {}
    for file in files:
        tables = merge(Recipe, tables, file.shaped.tables)
        own = *file.shaped.findings, *check.repeats(file.shaped.tables)
        mistakes += map(file.mistake, own)
        unsound |= file.shaped.unsound
    recipe, findings = shape.build(Recipe, variants.settled(tables))
    mistakes += [locate(finding, files) for finding in findings if sound(finding, unsound)]
    unsound = unsound.union(finding.path for finding in findings)

    blocks = Blocks(recipe.toolchain.blocks, (path.parent / "toolchain", blocks_dir))
    mistakes += blocks.mistakes
    recipe = dataclasses.replace(recipe, file=str(path), blocks=blocks.found)
    recipe, misplaced = _placed(recipe, path, hooks_dir)
    garbled = tuple(check.single_lines(recipe))
    mistakes += [locate(finding, files) for finding in garbled]
    unsound = unsound.union(finding.path for finding in garbled)
    later = (
        *blocks.unknown,
        *check.recipe(recipe),
        *misplaced,
        *neighbours.check(recipe, path, [Path(file.name) for file in files]),
    )
    mistakes += [locate(finding, files) for finding in later if sound(finding, unsound)]
    if mistakes:
        raise RecipeError(tuple(mistakes))
    return tools.as_options(recipe)


def written(path: Path) -> list[File]:
    """The files of the recipe at `path`, each after what it extends; none if it is unreadable."""
    return _chain(path, [])


def _nearest(start: Path) -> Path:
    for folder in (start, *start.parents):
        if disk.is_file(folder / "pdbuild.toml"):
            return folder / "pdbuild.toml"
        recipes = [path for path in disk.toml_files(folder / "recipes") if _is_recipe(path)]
        if len(recipes) == 1:
            return recipes[0]
        if recipes:
            choices = ", ".join(path.stem for path in recipes)
            raise UsageError(
                f"{_shown(folder / 'recipes')} holds several recipes: {choices}",
                hint=f"choose one with `--recipe NAME`, such as `--recipe {recipes[0].stem}`",
            )
    raise UsageError(
        f"no recipe in {start} or any folder above it: no pdbuild.toml, no recipes/*.toml",
        hint="`pdbuild init` writes one",
    )


def _shown(path: Path) -> Path:
    """`path` as people like to read it: relative when it is below the working directory."""
    path = Path(os.path.normpath(path))
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _is_recipe(path: Path) -> bool:
    """Whether a file has a `[project]` table; those without are there to be extended."""
    try:
        content = disk.content(path)
    except RecipeError:
        return True  # loading it says what is wrong
    try:
        return "project" in tomli.loads(content.decode())
    except (ValueError, RecursionError):
        return _PROJECT.search(content) is not None


def _has_app(path: Path) -> bool:
    try:
        return "app" in tomli.loads(disk.content(path).decode())
    except (RecipeError, ValueError, RecursionError):
        return False


def _chain(path: Path, mistakes: list[Mistake]) -> list[File]:
    """The recipe and all that it extends, each after what it extends; empty if unreadable."""
    files: dict[Path, File] = {}
    _extend(path, (), files, mistakes)
    return list(files.values()) if path.absolute() in files else []


def _extend(
    path: Path, trail: tuple[Path, ...], files: dict[Path, File], mistakes: list[Mistake]
) -> None:
    """Reads `path` and what it extends into `files`; `trail` are the files that led here."""
    try:
        file = read(disk.content(path), str(path))
    except RecipeError as error:
        mistakes += error.mistakes
        return
    trail = (*trail, path)
    for other in file.extends:
        target = Path(os.path.normpath(path.parent / other))
        if target.absolute() in files:
            continue
        problem, hint = _extends_problem(other, target, trail)
        if problem:
            item = other if isinstance(file.data["extends"], list) else None
            mistakes.append(file.mistake(Finding(("extends",), problem, hint, item)))
        else:
            _extend(target, trail, files, mistakes)
    files[path.absolute()] = file


def _extends_problem(named: str, target: Path, trail: tuple[Path, ...]) -> tuple[str, str]:
    """Why `target` cannot be extended by the last of `trail`, and a hint; empty when it can."""
    same = [i for i, path in enumerate(trail) if disk.same(path, target)]
    if same:
        cycle = " -> ".join(path.name for path in (*trail[same[0] :], target))
        return f"a cycle: {cycle}", ""
    if len(trail) > _LONGEST_CHAIN:
        return f"more than {_LONGEST_CHAIN} files extend one another", ""
    if not disk.is_file(target):
        beside = (path.name for path in disk.toml_files(target.parent) if path != trail[-1])
        return f"there is no file {names.quote(named)}", names.did_you_mean(target.name, beside)
    return "", ""


def _placed(recipe: Recipe, path: Path, hooks_dir: Path | None) -> tuple[Recipe, list[Finding]]:
    """`recipe` with its root and source, and what is wrong with the files that it names."""
    folder = path.parent.resolve()
    root = folder.parent if folder.name == "recipes" else folder
    recipe = dataclasses.replace(recipe, root=root.as_posix(), source=".")
    where: KeyPath = ("project", "source")
    named = names.quote(recipe.project.source)
    source = disk.resolved(folder, recipe.project.source)
    if source is None or not disk.is_folder(source):
        return recipe, [Finding(where, f"there is no folder {named}", f"looked in {folder}")]
    if not source.is_relative_to(root):
        hint = f"the project's root is {root}"
        return recipe, [Finding(where, f"{named} is outside the project", hint)]
    recipe = dataclasses.replace(recipe, source=source.relative_to(root).as_posix())
    return recipe, list(check.missing(recipe, source, hooks_dir))
