"""The hooks that a recipe names: files of its source, or pdbuild's."""

from collections.abc import Iterator
from pathlib import Path

from pdbuild.recipe import disk, names
from pdbuild.recipe.finding import Finding, KeyPath


def missing(where: KeyPath, hook: str, source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
    """Why the hook named at `where` is neither in `source` nor, without a path, in `hooks_dir`."""
    if "/" not in hook:
        yield from _shipped(where, hook, hooks_dir)
        return
    needs = (where, ("project", "source"))
    script = disk.resolved(source, hook)
    if script is not None and not script.is_relative_to(source):
        yield Finding(where, f"{names.quote(hook)} is outside the source", needs=needs)
    elif script is None or not disk.is_file(script):
        what = f"there is no file {names.quote(hook)} in the source"
        yield Finding(where, what, f"looked in {source}", needs=needs)


def _shipped(where: KeyPath, hook: str, hooks_dir: Path | None) -> Iterator[Finding]:
    if not names.HOOK.fullmatch(hook):
        hint = f"for a file of the source write {names.quote('./' + hook)}"
        yield Finding(where, f"{names.quote(hook)} is not a hook of pdbuild's", hint)
    elif hooks_dir is not None and not disk.is_file(hooks_dir / hook):
        known = (path.name for path in hooks_dir.iterdir() if disk.is_file(path))
        hint = names.did_you_mean(hook, known)
        yield Finding(where, f"{names.quote(hook)} is not a hook of pdbuild's", hint)
