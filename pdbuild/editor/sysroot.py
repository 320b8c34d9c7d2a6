"""The headers of the dev image on the host: fetched once, then kept below the cache directory."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pdbuild import dirs, shipped
from pdbuild.container import Container, Mount
from pdbuild.editor.database import Probe, Search, parse_search
from pdbuild.errors import EngineError

_INSIDE = "/run/pdbuild/headers"
CUDA_HEADER = "cuda_for_clang.h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysroot:
    """Headers at `root`, in the places that they have in the image, and who looks where."""

    folder: Path
    searches: dict[Probe, Search]

    @property
    def root(self) -> Path:
        """What stands for `/` of the image."""
        return self.folder / "root"

    @property
    def cuda_header(self) -> Path:
        """What is read in front of CUDA sources."""
        return self.folder / CUDA_HEADER


def ensure(
    image: str, digest: str, project: str, probes: Sequence[Probe], folders: Sequence[str]
) -> Sysroot:
    """The headers that `probes` read and `folders`, from podman's image of this digest.

    `project` names the checkout: its earlier headers are deleted. Raises EngineError when the
    image's compilers cannot be asked.
    """
    place = dirs.cache_dir() / "sysroots"
    asked = json.dumps([digest, list(map(_line, probes)), list(folders), _own()])
    folder = place / f"{project}-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        place.mkdir(exist_ok=True)
        _fetch(image, folder, probes, folders)
        for old in place.glob(f"{project}-{'?' * 16}"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    return Sysroot(folder=folder, searches=_searches(folder, probes))


def _own() -> str:
    """What pdbuild itself contributes: other headers than this version's are fetched anew."""
    parts = [(shipped.hooks_dir() / "headers").read_bytes(), _header().read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _header() -> Path:
    return Path(__file__).with_name(CUDA_HEADER)


def _fetch(image: str, folder: Path, probes: Sequence[Probe], folders: Sequence[str]) -> None:
    from pdbuild.container import podman

    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        lines = (f"{number}\t{_line(probe)}" for number, probe in enumerate(probes))
        (scratch / "probes").write_text("".join(f"{line}\n" for line in lines))
        (scratch / "folders").write_text("".join(f"{path}\n" for path in folders))
        hook = Mount(
            source=shipped.hooks_dir() / "headers", target=f"{_INSIDE}-hook", read_only=True
        )
        code = podman.run(
            Container(
                image=image,
                entrypoint="bash",
                argv=(f"{_INSIDE}-hook", _INSIDE),
                mounts=(Mount(source=scratch, target=_INSIDE), hook),
                workdir="/",
                network="none",
            )
        )
        if code:
            raise EngineError(
                f"the headers of {image} cannot be copied (exit code {code})",
                hint="bake it again: pdbuild bake dev",
            )
        shutil.copy(_header(), scratch / CUDA_HEADER)
        scratch.chmod(0o755)
        scratch.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another pdbuild was faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _line(probe: Probe) -> str:
    return "\t".join((probe.language, probe.compiler, *probe.flags))


def _searches(folder: Path, probes: Sequence[Probe]) -> dict[Probe, Search]:
    found = {}
    for number, probe in enumerate(probes):
        path = folder / f"{number}.search"
        if path.exists():  # the image has this compiler
            machine = (folder / f"{number}.machine").read_text().strip()
            found[probe] = parse_search(path.read_text().splitlines(), machine)
    return found
