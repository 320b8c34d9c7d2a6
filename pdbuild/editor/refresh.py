"""Makes `build/compile_commands.json`, by which editors on the host understand the source."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pdbuild import dirs, whole
from pdbuild.editor import database, sysroot
from pdbuild.editor.database import CUDA, HEADERS, Places
from pdbuild.errors import EngineError, PdbuildError
from pdbuild.project import key, say
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store

FILE = "compile_commands.json"
_CLANGD = """\
# clangd finds build/compile_commands.json; `pdbuild build` writes it for this machine.
CompileFlags:
  CompilationDatabase: build
"""


def refresh(
    recipe: Recipe, image: str, tree: Path, build: Path, folders: tuple[tuple[str, str], ...]
) -> bool:
    """Write `compile_commands.json` in `build` from CMake's file in `tree`; False if it has none.

    `image` is the dev image that compiled, known to podman. `folders` are the container's
    folders with the host's, innermost first; all else is the image's, whose headers are
    fetched when they are not here yet. When nothing has changed this takes milliseconds.

    Raises EngineError when the headers cannot be had.
    """
    source = tree / FILE
    target = build / FILE
    stored = Store.own().find(image)
    if stored is None or not source.exists():
        return False
    status = source.stat()
    files = tuple(_unlisted(recipe))
    state = json.dumps([status.st_mtime_ns, status.st_size, str(tree), stored.digest, files])
    stamp = dirs.cache_dir() / "editor" / f"{key(recipe.root)}.json"
    if target.exists() and _is_stamped(stamp, state):
        return True
    text, used = _rewritten(recipe, image, stored.digest, source.read_text(), folders, files)
    whole.write(target, text)
    stamp.parent.mkdir(exist_ok=True)
    whole.write(stamp, json.dumps({"state": state, "sysroot": str(used)}))
    return True


def after_build(recipe: Recipe, image: str, tree: Path, build: Path) -> None:
    """`refresh` for a tree that was compiled at the host's own paths; never fails a build."""
    try:
        same = ((str(build), str(build)), (recipe.root, recipe.root))
        refresh(recipe, image, tree, build, same)
    except (PdbuildError, OSError) as error:
        say(f"note: build/{FILE} is not written: {error}")


def write_clangd(root: Path) -> Path | None:
    """Write `.clangd` unless there is one; its path when it is new."""
    path = root / ".clangd"
    if path.exists():
        return None
    path.write_text(_CLANGD)
    return path


def _rewritten(
    recipe: Recipe,
    image: str,
    digest: str,
    text: str,
    folders: tuple[tuple[str, str], ...],
    unlisted: tuple[str, ...],
) -> tuple[str, Path]:
    try:
        commands = database.read(text)
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"CMake's {FILE} cannot be read: {error}") from error
    inside = {outside: within for within, outside in reversed(folders)}
    commands = database.with_files(
        commands, [_in_container(file, inside) for file in unlisted], "nvcc"
    )
    places = Places(folders=folders)
    probes = tuple(sorted(set(map(database.probe, commands))))
    wanted = database.system_folders(commands, places)
    found = sysroot.ensure(image, digest, key(recipe.root), probes, wanted)
    places = Places(folders=folders, sysroot=str(found.root))
    written = [
        database.for_host(
            command, found.searches[database.probe(command)], places, str(found.cuda_header)
        )
        for command in commands
        if database.probe(command) in found.searches
    ]
    return database.write(written), found.folder


def _unlisted(recipe: Recipe) -> Iterator[str]:
    """The host's paths of files that CMake may not list: headers, and CUDA with its compiler."""
    cuda = CUDA if any(block.name == "nvcc" for block in recipe.blocks) else frozenset[str]()
    top = os.path.normpath(os.path.join(recipe.root, recipe.source))  # noqa: PTH118
    for folder, names, files in os.walk(top):
        names[:] = sorted(n for n in names if n != "build" and not n.startswith("."))
        for file in sorted(files):
            if os.path.splitext(file)[1] in HEADERS | cuda:  # noqa: PTH122
                yield f"{folder}/{file}"


def _in_container(path: str, inside: dict[str, str]) -> str:
    for outside, within in inside.items():
        if path.startswith(outside + "/"):
            return within + path[len(outside) :]
    return path


def _is_stamped(stamp: Path, state: str) -> bool:
    try:
        found = json.loads(stamp.read_bytes())
        return bool(found["state"] == state) and Path(found["sysroot"]).is_dir()
    except (OSError, ValueError, LookupError, TypeError):
        return False
