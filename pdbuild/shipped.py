"""Finds the hooks and blocks that pdbuild ships: inside the wheel, or at the top of a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def hooks_dir() -> Path:
    """The folder of the scripts that run inside build steps."""
    return _first(_PACKAGE / "_shipped" / "hooks", _PACKAGE.parent / "hooks")


def toolchain_dir() -> Path:
    """The folder of the toolchain blocks."""
    return _first(_PACKAGE / "_shipped" / "toolchain", _PACKAGE.parent / "recipes" / "toolchain")


def _first(*candidates: Path) -> Path:
    for path in candidates:
        if path.is_dir():
            return path
    raise FileNotFoundError(f"pdbuild's own files are missing: {candidates[0]}")
