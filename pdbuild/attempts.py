"""Remembers which optional blocks failed, why, and what they said meanwhile.

A block that failed is not tried again before its definition changes or somebody asks for it.
What is remembered is in `cache_dir()/blocks`, in a folder named by that definition: the file
`log`, with `reason` when it failed, and `tries` when it was asked for again.
"""

import contextlib
import dataclasses
import hashlib
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pdbuild import shipped
from pdbuild.dirs import cache_dir
from pdbuild.oci import Layout
from pdbuild.recipe.types import Block, Recipe


def folder(recipe: Recipe, block: Block) -> Path:
    """Where a block's attempts are noted; another definition has another folder."""
    parameters = recipe.toolchain.parameters.get(block.name, {})
    made_of = [dataclasses.replace(block, tries=0), sorted(parameters.items()), recipe.base]
    texts = [_text(recipe, hook) for hook in (block.install, block.check)]
    key = hashlib.sha256(repr((made_of, texts)).encode()).hexdigest()[:12]
    return cache_dir() / "blocks" / f"{block.name}-{key}"


def with_tries(recipe: Recipe) -> Recipe:
    """The recipe with how often each optional block was asked for again.

    A step that failed is finished work to an engine: the number makes it another one.
    """
    blocks = tuple(
        dataclasses.replace(block, tries=_tries(folder(recipe, block))) if block.optional else block
        for block in recipe.blocks
    )
    return dataclasses.replace(recipe, blocks=blocks)


def recall(recipe: Recipe, blocks: Iterable[Block]) -> dict[str, str]:
    """Those of the optional blocks that failed, with the reason and the place of the log."""
    found = {}
    for block in blocks:
        if block.optional:
            with contextlib.suppress(OSError):
                noted = folder(recipe, block) / "reason"
                found[block.name] = with_log(noted.read_text().strip(), noted.with_name("log"))
    return found


def again(recipe: Recipe) -> None:
    """Have all blocks that failed tried again."""
    for block in recipe.blocks:
        noted = folder(recipe, block)
        if block.optional and (noted / "reason").exists():
            (noted / "tries").write_text(str(_tries(noted) + 1))
            (noted / "reason").unlink()


def learn(recipe: Recipe, block: Block, layout: Path, digest: str) -> str:
    """Take in the outcome of a block, an image in an OCI layout; why it failed, or "".

    Also keeps the log of what went well: it has the compiler's warnings.
    """
    files = dict(_files(Layout(layout), digest))
    reason = files.get("reason", b"").decode(errors="replace").strip()
    log = write_log(recipe, block, files.get("log", b""))
    if not reason:
        return ""
    log.with_name("reason").write_text(reason)
    return with_log(reason, log)


def write_log(recipe: Recipe, block: Block, said: bytes) -> Path:
    """Keep what a block's steps said; the file's path."""
    log = folder(recipe, block) / "log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(said)
    return log


def with_log(reason: str, log: Path) -> str:
    """A reason in one line, with the place of the log."""
    return f"{' '.join(reason.split())} (log: {log})"


def without_logs(left_out: Mapping[str, str]) -> dict[str, str]:
    """The reasons alone, which are the same on every machine."""
    return {name: why.rpartition(" (log: ")[0] or why for name, why in left_out.items()}


def _files(layout: Layout, digest: str) -> Iterable[tuple[str, bytes]]:
    for manifest in layout.manifests(layout.describe(digest)):
        for layer in manifest.layers:
            with tarfile.open(layout.blob(layer.digest)) as archive:
                for entry in archive:
                    content = archive.extractfile(entry) if entry.isfile() else None
                    if content:
                        yield Path(entry.name).name, content.read()


def _tries(noted: Path) -> int:
    try:
        return int((noted / "tries").read_text())
    except (OSError, ValueError):
        return 0


def _text(recipe: Recipe, hook: str) -> str:
    """The text of a hook: pdbuild's, or the project's own."""
    own = "/" in hook and not hook.startswith(("check/", "install/"))
    path = Path(recipe.root, recipe.source, hook) if own else shipped.hooks_dir() / hook
    try:
        return path.read_text(errors="replace") if hook else ""
    except OSError:
        return ""
