"""Where layers are kept for other accounts and machines, and taken from: BuildKit's own cache
exporters and importers, with a tag for each target.
"""

from dataclasses import dataclass
from pathlib import Path

from pdbuild import registries
from pdbuild.dirs import cache_path
from pdbuild.engine import caches
from pdbuild.errors import UsageError
from pdbuild.oci import Layout
from pdbuild.programs import run

_TAKEN = "pdbuild-taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A folder, which is an OCI layout, or a repository of a registry.

    From one that is there `once`, each target takes its layers once: the engine has them then.
    """

    folder: Path | None = None
    repository: str = ""
    once: bool = False

    def exporter(self, target: str) -> str:
        """What buildx is told to keep all layers that a target is made of."""
        if self.folder is None:
            how = "compression=zstd,image-manifest=true,oci-mediatypes=true"
            return f"type=registry,ref={self.repository}:{target},mode=max,{how}"
        # Uncompressed, as all exports here are: layers are unpacked by programs that know no zstd.
        how = "compression=uncompressed,force-compression=true,oci-mediatypes=true"
        return f"type=local,dest={self.folder},tag={target},mode=max,{how}"

    def importer(self, target: str) -> str:
        """What buildx is told to take layers of a target from here; "" when none are here."""
        if self.folder is None:
            return f"type=registry,ref={self.repository}:{target}"
        if not (self.folder / "index.json").exists() or self._mark(target).exists():
            return ""
        tags = {entry.reference for entry in Layout(self.folder).index()}
        return f"type=local,src={self.folder},tag={target}" if target in tags else ""

    def took(self, target: str) -> None:
        """Note that a target has been baked with what is here."""
        if self.once:
            self._mark(target).parent.mkdir(exist_ok=True)
            self._mark(target).touch()

    def _mark(self, target: str) -> Path:
        return Path(self.folder or "", _TAKEN, target)


def parse(text: str) -> Layers:
    """What `--cache-to` and `--cache-from` name. Raises UsageError for what is neither."""
    if text.startswith(("/", ".", "~")):
        folder = Path(text).expanduser().absolute()
        if {",", '"'} & set(str(folder)):
            raise UsageError(f"{folder}: a comma or a quote cannot be in it")
        return Layers(folder=folder)
    if problem := registries.repository_problem(text):
        raise UsageError(
            f"{text!r} is no place for layers: {problem}",
            hint="HOST[:PORT]/PATH is a repository; a folder begins with / or ./",
        )
    return Layers(repository=text)


def imported(project: str) -> Path:
    """The folder of the layers that a project has from an archive, or would have."""
    return _imported() / project


def find() -> tuple[caches.Cache, ...]:
    """Those of all projects, as caches that can be removed."""
    if not _imported().is_dir():
        return ()
    return caches.find(_imported(), lambda folder: folder / "lock", lambda words: run(*words))


def _imported() -> Path:
    return cache_path() / "imported"
