"""Whether outputs can be put where they belong, asked before the work that yields them."""

import os
from pathlib import Path

from pdbuild.errors import PdbuildError


def made(root: Path, *, chosen: bool) -> Path:
    """The folder above `build/`, made if it is not there.

    `chosen` says that `--output` named it. Raises PdbuildError when it cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PdbuildError(
            f"{root} cannot be made: {error.strerror}", hint=_elsewhere(chosen=chosen)
        ) from None
    return root


def check(root: Path, *, chosen: bool) -> None:
    """Raise PdbuildError when nothing can be written to `root`/build."""
    build = root / "build"
    there = build.exists() or build.is_symlink()
    if there and not build.is_dir():
        raise PdbuildError(
            f"{build} is not a folder", hint=f"move it away, or {_elsewhere(chosen=chosen)}"
        )
    if not os.access(build if there else root, os.W_OK | os.X_OK):
        what = "be written to" if there else "be made"
        raise PdbuildError(f"{build} cannot {what}", hint=_elsewhere(chosen=chosen))


def _elsewhere(*, chosen: bool) -> str:
    return "name another folder in --output" if chosen else "--output DIR makes DIR/build"
