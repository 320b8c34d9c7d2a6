"""Puts the files that targets yielded below `build/`, and keeps `build/artifacts.json`.

Files of earlier builds that a target no longer yields go; nothing else in `build/` is touched.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pdbuild.engine.contract import Output
from pdbuild.errors import EngineError
from pdbuild.oci import Layout
from pdbuild.plan.types import Kind

MANIFEST = "build/artifacts.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file that ships. `path` is relative to the project root, `size` in bytes.

    `target` made it; `image` is the digest of that target's output, from which it came.
    """

    path: str
    kind: str
    variant: str
    platform: str
    size: int
    sha256: str
    target: str
    image: str


def collect(root: Path, outputs: Sequence[Output]) -> tuple[Artifact, ...]:
    """Put the files of `outputs` (no images among them) below `root`/build; return theirs.

    An output that is there already, whole and unchanged since, costs a look at its files.
    Everything belongs to the calling user. Raises EngineError when a layer cannot be unpacked.
    """
    build = root / "build"
    build.mkdir(exist_ok=True)
    with _alone(build):
        kept = list(read(root))
        # A file changed after the manifest was written has changed since it was collected.
        since = (root / MANIFEST).stat().st_mtime_ns if kept else 0
        changed = False
        for output in outputs:
            mine = [artifact for artifact in kept if artifact.target == output.target.name]
            if mine and all(_intact(root, artifact, output.digest, since) for artifact in mine):
                continue
            changed = True
            kept = [artifact for artifact in kept if artifact not in mine]
            kept += _place(root, output)
            now = {artifact.path for artifact in kept}
            for gone in (artifact.path for artifact in mine if artifact.path not in now):
                (root / gone).unlink(missing_ok=True)
        if changed:
            kept.sort(key=lambda artifact: artifact.path)
            _write(root / MANIFEST, kept)
    names = {output.target.name for output in outputs}
    return tuple(artifact for artifact in kept if artifact.target in names)


def read(root: Path) -> tuple[Artifact, ...]:
    """What `build/artifacts.json` lists; nothing when it is missing or not ours."""
    try:
        listed = json.loads((root / MANIFEST).read_bytes())["artifacts"]
        return tuple(Artifact(**entry) for entry in listed)
    except (OSError, ValueError, LookupError, TypeError):
        return ()


def _intact(root: Path, artifact: Artifact, image: str, since: int) -> bool:
    try:
        status = (root / artifact.path).lstat()
    except OSError:
        return False
    same = artifact.image == image and status.st_size == artifact.size
    return same and status.st_ctime_ns <= since


def _place(root: Path, output: Output) -> Iterator[Artifact]:
    """Unpack every platform of an output to its place; yield its files."""
    layout = Layout(output.layout)
    manifests = tuple(layout.manifests(layout.describe(output.digest)))
    for manifest in manifests:
        platform = layout.config(manifest).platform
        layers = [layout.blob(layer.digest) for layer in manifest.layers]
        destination = Path(output.target.destination)
        if len(manifests) > 1:  # build/cpu becomes build/linux-arm64/cpu
            inside = destination.relative_to("build")
            destination = Path("build", platform.replace("/", "-"), inside)
        for path in _unpacked(root, destination, output.target.kind, layers):
            yield Artifact(
                path=path.relative_to(root).as_posix(),
                kind=str(output.target.kind),
                variant=output.target.variant,
                platform=platform,
                size=path.stat().st_size,
                sha256=_sha256(path),
                target=output.target.name,
                image=output.digest,
            )


def _unpacked(root: Path, destination: Path, kind: Kind, layers: Sequence[Path]) -> list[Path]:
    """The regular files of `layers`, put to `destination` whole or not at all."""
    scratch = Path(tempfile.mkdtemp(prefix=".pdbuild-", dir=root / "build"))
    try:
        if kind is Kind.ROOTFS:
            for layer in layers:  # one: the stage copies once
                shutil.copyfile(layer, scratch / destination.name)
            destination = destination.parent
        else:
            for layer in layers:
                _unpack(layer, scratch)
        names = sorted(path.relative_to(scratch) for path in scratch.rglob("*") if _is_file(path))
        final = root / destination
        final.mkdir(parents=True, exist_ok=True)
        if kind in (Kind.DEB, Kind.ROOTFS):  # beside the files of other targets
            for name in names:
                (scratch / name).replace(final / name)
        else:
            scratch.chmod(0o755)
            _swap(scratch, final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [final / name for name in names]


def _unpack(layer: Path, folder: Path) -> None:
    # As root, tar would otherwise give the files the owners that they have in the image.
    argv = ["tar", "--extract", f"--file={layer}", f"--directory={folder}", "--no-same-owner"]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode:
        raise EngineError(f"cannot unpack {layer} into {folder}: {run.stderr.strip()}")


def _swap(new: Path, old: Path) -> None:
    """Put folder `new` in the place of `old`, and delete what was there."""
    gone = Path(tempfile.mkdtemp(prefix=".pdbuild-", dir=new.parent))
    try:
        old.rename(gone / "old")
        new.rename(old)
    finally:
        shutil.rmtree(gone, ignore_errors=True)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, artifacts: Sequence[Artifact]) -> None:
    text = json.dumps({"artifacts": [asdict(artifact) for artifact in artifacts]}, indent=1)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text + "\n")
    temporary.replace(path)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One pdbuild at a time; the folder itself is the lock, so no file is left."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
