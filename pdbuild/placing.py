"""Unpacks layers to their place in `build/`, where each file is whole at any moment."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdbuild import lacks, programs
from pdbuild.errors import PdbuildError
from pdbuild.plan.types import Form

#: How folders in `build/` begin in which something is being unpacked.
SCRATCH = ".pdbuild-"


def unpacked(
    root: Path, destination: Path, form: Form, layers: Sequence[Path], owned: frozenset[Path]
) -> list[Path]:
    """The files and links of `layers`, put to `destination`; each is whole at any moment.

    `owned` are files that may be in the way of others. Raises EngineError when a layer cannot be
    unpacked and PdbuildError when something is in the way.
    """
    wanted = sum(layer.stat().st_size for layer in layers)
    with lacks.room(root / destination, wanted):
        return _into(root, destination, form, layers, owned)


def _into(
    root: Path, destination: Path, form: Form, layers: Sequence[Path], owned: frozenset[Path]
) -> list[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=root / "build"))
    try:
        if form is Form.ARCHIVE:
            for layer in layers:  # one: the stage copies once
                shutil.copyfile(layer, scratch / destination.name)
            destination = destination.parent
        else:
            for layer in layers:
                _unpack(layer, scratch)
        return list(_moved(scratch, root / destination, owned))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _moved(scratch: Path, final: Path, owned: frozenset[Path]) -> Iterator[Path]:
    """Move all that is in `scratch` to `final`; the files' new paths."""
    final.mkdir(parents=True, exist_ok=True)
    for new in sorted(scratch.rglob("*")):  # a folder before what is in it
        path = final / new.relative_to(scratch)
        if new.is_dir() and not new.is_symlink():
            new.chmod(new.stat().st_mode | 0o700)  # its files must be able to leave
            if path.is_symlink() or path.is_file():
                path.unlink()
            path.mkdir(exist_ok=True)
        elif new.is_symlink() or new.is_file():
            if path.is_dir() and not path.is_symlink():
                _clear(path, owned)
            new.replace(path)
            yield path


def _clear(folder: Path, owned: frozenset[Path]) -> None:
    """Delete a folder that stands where a file must be, unless something else is in it."""
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder after what is in it
        if path in owned:
            path.unlink(missing_ok=True)
        elif path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()
    try:
        folder.rmdir()
    except OSError:
        raise PdbuildError(f"{folder} is in the way of a file", hint="move it away") from None


def _unpack(layer: Path, folder: Path) -> None:
    # As root, tar would otherwise give the files the owners that they have in the image.
    argv = ("tar", "--extract", f"--file={layer}", f"--directory={folder}", "--no-same-owner")
    programs.ran(*argv, failing=f"cannot unpack {layer} into {folder}")
