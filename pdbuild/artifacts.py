"""Puts the files that targets yielded below `build/`, and keeps `build/artifacts.json`.

Files of earlier builds that a target no longer yields go, and those of variants that the recipe
no longer has; what the user or another target has put into `build/` stays.
"""

import contextlib
import hashlib
import json
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pdbuild import mounts
from pdbuild.engine.contract import Output
from pdbuild.errors import PdbuildError
from pdbuild.locks import alone
from pdbuild.oci import Layout
from pdbuild.placing import SCRATCH, unpacked
from pdbuild.plan.types import GENERATOR
from pdbuild.project import say

MANIFEST = "build/artifacts.json"

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file that ships. `path` is relative to the project root, `size` in bytes.

    `target` made it; `image` is the digest of that target's output, from which it came, or ""
    when the file has changed since. `link` is where a symbolic link leads; size and checksum
    are of what is read there.
    """

    path: str
    kind: str
    variant: str
    platform: str
    size: int
    sha256: str
    target: str
    image: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The recipe by which outputs were made: its file, relative to the project root if it is
    below it, and its variants.
    """

    recipe: str = ""
    variants: Collection[str] = ()


_UNKNOWN = Origin()


def collect(
    root: Path,
    outputs: Sequence[Output],
    left_out: Mapping[str, str] = _NOTHING,
    record: str = "",
    silent_on: Collection[str] = (),
    origin: Origin = _UNKNOWN,
) -> tuple[Artifact, ...]:
    """Put the files of `outputs` (no images among them) below `root`/build; return theirs.

    `left_out` are optional blocks that the toolchain lacked, with the reason, for the manifest,
    which keeps what it says of those in `silent_on`; which block made the pages of the source
    is there too, and the bake's `record`, whose path it keeps until another bake changes
    something. What the same recipe (`origin`) yielded of these kinds for variants that it has no
    more goes; not what has changed since.

    An output that is there already, whole and unchanged since, costs a look at its files.
    Everything belongs to the calling user. Raises PdbuildError when `build` is no folder and
    EngineError when a layer cannot be unpacked.
    """
    build = root / "build"
    try:
        build.mkdir(exist_ok=True)
    except FileExistsError:
        raise PdbuildError(f"{build} is not a folder", hint="move it away") from None
    with alone(_lock(build)):
        for left in build.glob(f"{SCRATCH}*"):  # of a pdbuild that was killed
            shutil.rmtree(left, ignore_errors=True)
        kept = list(read(root))
        # A file changed after the manifest was written has changed since it was collected.
        since = (root / MANIFEST).stat().st_mtime_ns if kept else 0
        kept = [a if _intact(root, a, since) else replace(a, image="") for a in kept]
        generators, recipes = _generators(root, outputs), _recipes(root, outputs, origin)
        orphans = _orphans(root, kept, outputs, origin)
        kept = [artifact for artifact in kept if artifact not in orphans]
        before = _manifest(root).get("left_out", {})
        left_out = {n: why for n, why in before.items() if n in silent_on} | dict(left_out)
        changed = before != left_out
        changed |= _manifest(root).get("generators", {}) != generators
        changed |= bool(orphans) or _manifest(root).get("recipes", {}) != recipes
        others = {artifact.path for artifact in kept}
        if orphans:
            variants = ", ".join(sorted({orphan.variant for orphan in orphans}))
            say(f"build/: removing what was made of {variants}, which the recipe does not have")
        for orphan in orphans:
            if orphan.image and orphan.path not in others:
                _remove(root, orphan.path)
        for output in outputs:
            mine = [artifact for artifact in kept if artifact.target == output.target.name]
            if mine and all(artifact.image == output.digest for artifact in mine):
                continue
            changed = True
            kept = [artifact for artifact in kept if artifact not in mine]
            kept += _place(root, output, frozenset(root / artifact.path for artifact in mine))
            now = {artifact.path for artifact in kept}
            for gone in (artifact.path for artifact in mine if artifact.path not in now):
                _remove(root, gone)
        if changed:
            kept.sort(key=lambda artifact: artifact.path)
            _write(root / MANIFEST, kept, left_out, generators, recipes, record)
    names = {output.target.name for output in outputs}
    return tuple(artifact for artifact in kept if artifact.target in names)


def _lock(build: Path) -> Path:
    """What is locked while `build` changes: it itself, so that no file is left.

    But for a network's file system, where only a file is locked for other machines, too.
    """
    return build / ".lock" if mounts.remote(build) else build


def read(root: Path) -> tuple[Artifact, ...]:
    """What `build/artifacts.json` lists; nothing when it is missing or not ours."""
    try:
        artifacts = tuple(Artifact(**entry) for entry in _manifest(root)["artifacts"])
    except (LookupError, TypeError):
        return ()
    return artifacts if all(map(_sound, artifacts)) else ()


def _manifest(root: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((root / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _generators(root: Path, outputs: Sequence[Output]) -> dict[str, str]:
    """The blocks that made pages, by target: of these outputs and of earlier ones."""
    before = _manifest(root).get("generators", {})
    labels = {output.target.name: output.target.labels.get(GENERATOR) for output in outputs}
    return dict(before) | {name: label for name, label in labels.items() if label}


def _recipes(root: Path, outputs: Sequence[Output], origin: Origin) -> dict[str, str]:
    """The recipes that the targets are of: of these outputs and of earlier ones."""
    before = dict(_manifest(root).get("recipes", {}))
    return before | {o.target.name: origin.recipe for o in outputs if origin.recipe}


def _orphans(
    root: Path, kept: Sequence[Artifact], outputs: Sequence[Output], origin: Origin
) -> list[Artifact]:
    """What is listed of these outputs' kinds and of variants that the recipe has no more.

    Another recipe of the project has variants of its own.
    """
    kinds = {output.target.kind for output in outputs}
    recipes = _manifest(root).get("recipes", {})
    return [
        artifact
        for artifact in kept
        if artifact.variant not in ("", *origin.variants)
        and artifact.kind in kinds
        and origin.recipe
        and recipes.get(artifact.target) == origin.recipe
    ]


def _sound(artifact: Artifact) -> bool:
    """Whether an entry can be ours: files that it names may be deleted."""
    parts = str(artifact.path).split("/")
    return len(parts) > 1 and parts[0] == "build" and not {"", ".", ".."} & set(parts)


def _intact(root: Path, artifact: Artifact, since: int) -> bool:
    """Whether the file is what was collected; a link is compared by where it leads."""
    path = root / artifact.path
    try:
        status = path.lstat()
        if artifact.link:
            return str(path.readlink()) == artifact.link
    except OSError:
        return False
    same = stat.S_ISREG(status.st_mode) and status.st_size == artifact.size
    return same and status.st_ctime_ns <= since


def _remove(root: Path, path: str) -> None:
    """Delete a file below `build`, and the folders that are empty then."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        (root / path).unlink()
    for folder in Path(path).parents[:-2]:  # not `build`, not the root
        try:
            (root / folder).rmdir()
        except OSError:
            return


def _place(root: Path, output: Output, owned: frozenset[Path]) -> Iterator[Artifact]:
    """Unpack an output to its place; yield its files.

    `owned` are the files of earlier builds of this target.
    """
    layout = Layout(output.layout)
    for manifest in layout.manifests(layout.describe(output.digest)):
        platform = layout.config(manifest).platform
        layers = [layout.blob(layer.digest) for layer in manifest.layers]
        destination = Path(output.target.destination)
        for path in unpacked(root, destination, output.target.form, layers, owned):
            link = str(path.readlink()) if path.is_symlink() else ""
            there = path.is_file()  # a link may lead to a folder, or nowhere
            yield Artifact(
                path=path.relative_to(root).as_posix(),
                kind=output.target.kind,
                variant=output.target.variant,
                platform=platform,
                size=path.stat().st_size if there else 0,
                sha256=_sha256(path) if there else "",
                target=output.target.name,
                image=output.digest,
                link=link,
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(
    path: Path,
    artifacts: Sequence[Artifact],
    left_out: Mapping[str, str],
    generators: Mapping[str, str],
    recipes: Mapping[str, str],
    record: str,
) -> None:
    listed = {
        "artifacts": [asdict(a) for a in artifacts],
        "left_out": dict(left_out),
        "generators": dict(generators),
        "recipes": dict(recipes),
        "record": record,
    }
    text = json.dumps(listed, indent=1)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text + "\n")
    temporary.replace(path)
