"""The programs that engines need: where each is, which version, and how to get it."""

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from pdbuild import dirs, programs
from pdbuild.dirs import data_dir
from pdbuild.errors import EngineError

#: Written last into a finished install; `find` reads versions here instead of asking programs.
MANIFEST = "versions.json"

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program that was found. `version` is "" when nobody has asked the program yet.

    `origin` is "pdbuild" (built by `pdbuild engines install`), "PATH" or "system".
    """

    name: str
    path: Path
    version: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row of `pdbuild engines`: the tool in use, or None and why and what to do."""

    name: str
    tool: Tool | None
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    minimum: Version
    ask: tuple[str, ...] = ("--version",)
    debian: str = ""  # the Debian package that has it
    built: bool = False  # `pdbuild engines install` can build it
    files: tuple[str, ...] = ()  # other places than PATH where distributions put it


# Minimums: buildkitd 0.28 has the metadata format that 0.34 reads; buildx 0.20 enforces
# BUILDX_BAKE_ENTITLEMENTS_FS; rootlesskit 1.1.0 and the rest are Debian 12's, seen working.
_KNOWN: dict[str, _Known] = {
    "buildkitd": _Known(minimum=(0, 28, 0), built=True),
    "buildctl": _Known(minimum=(0, 28, 0), built=True),
    "buildx": _Known(
        minimum=(0, 20, 0),
        ask=("version",),
        built=True,
        files=(
            "~/.docker/cli-plugins/docker-buildx",
            "/usr/local/lib/docker/cli-plugins/docker-buildx",
            "/usr/lib/docker/cli-plugins/docker-buildx",
            "/usr/libexec/docker/cli-plugins/docker-buildx",
        ),
    ),
    "rootlesskit": _Known(minimum=(1, 1, 0), built=True),
    "runc": _Known(minimum=(1, 1, 0), debian="runc"),
    "newuidmap": _Known(minimum=(), ask=(), debian="uidmap"),
    "newgidmap": _Known(minimum=(), ask=(), debian="uidmap"),
    "mmdebstrap": _Known(minimum=(1, 2, 0), debian="mmdebstrap"),
    "skopeo": _Known(minimum=(1, 9, 0), debian="skopeo"),
    "podman": _Known(minimum=(4, 3, 0), debian="podman"),
    "buildah": _Known(minimum=(1, 28, 0), debian="buildah"),
    "proot": _Known(minimum=(), debian="proot"),
    "git": _Known(minimum=(2, 30, 0), debian="git"),
}

#: Every name that `find` and `require` know.
NAMES = tuple(_KNOWN)


def find(name: str) -> Tool | None:
    """The program to use for `name`, or None when there is none that is recent enough.

    pdbuild's own build comes first and costs one small file; only without it are programs
    on PATH run to learn their version. System tools are located, not run: see `measured`.
    """
    known = _KNOWN[name]
    if not known.built:
        place = _located(name, known)
        return Tool(name=name, path=place, version="", origin="system") if place else None
    own = _own(name)
    if own:
        return own
    path = _located(name, known)
    if not path:
        return None
    tool = measured(Tool(name=name, path=path, version="", origin="PATH"))
    return tool if recent(tool) else None


def require(name: str, *, reason: str) -> Tool:
    """The program `name`; `reason` completes "... is needed to".

    Raises EngineError, with how to get it, when `find` finds none.
    """
    tool = find(name)
    if tool is None:
        raise EngineError(f"{name} is needed to {reason}: {_missing(name)}", hint=hint(name))
    return tool


def listing() -> tuple[Listed, ...]:
    """All known tools for the table of `pdbuild engines`; runs programs to ask versions."""
    return tuple(map(_listed, _KNOWN))


def measured(tool: Tool) -> Tool:
    """`tool` with its version, which costs a process unless it is known already."""
    if tool.version or not _KNOWN[tool.name].ask:
        return tool
    return replace(tool, version=_asked(tool.path, _KNOWN[tool.name].ask))


def recent(tool: Tool) -> bool:
    """Whether `tool` (measured) is recent enough for pdbuild."""
    minimum = _KNOWN[tool.name].minimum
    return not minimum or numbers(tool.version) >= minimum


def numbers(version: str) -> Version:
    """`v1.2.3-rc1` as (1, 2, 3); () when it has no numbers."""
    found = re.search(r"\d+(?:\.\d+)+", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def hint(name: str) -> str:
    """What to do to get the program `name`."""
    known = _KNOWN[name]
    return "run: pdbuild engines install" if known.built else f"run: apt install {known.debian}"


def stamp(file: Path) -> str:
    """What tells a changed file from the same: for findings that are remembered."""
    try:
        status = os.stat(file)  # noqa: PTH116 - a third of Path.stat's time
    except OSError:
        return f"{file}: none"
    return f"{file}: {status.st_size} {status.st_mode} {status.st_ctime_ns}"


def engines_dir() -> Path:
    """Where installs live: one directory each, named by digest."""
    return data_dir() / "engines"


def module_file(name: str) -> bytes:
    """The text of `go.mod` or `go.sum` of the pinned module that pdbuild ships."""
    return Path(__file__).with_name("engine").joinpath("module", name).read_bytes()


@cache
def module_digest() -> str:
    """Identifies the pinned versions; an install belongs to us when its manifest has it."""
    return sha256(module_file("go.mod") + module_file("go.sum")).hexdigest()


def installed() -> Path | None:
    """The finished install of this pdbuild's pinned versions, or None.

    It is the user's own, or the site's, which PDBUILD_ENGINES names and nobody writes to.
    """
    own, site = dirs.chosen_data(), os.environ.get("PDBUILD_ENGINES")
    # What had to move has left behind what can be read from anywhere.
    folders = (engines_dir(), own.wanted / "engines", *([Path(site)] if site else []))
    return next(filter(None, map(installed_in, folders)), None)


def installed_in(folder: Path) -> Path | None:
    """As `installed`, of those in a folder of installs."""
    for manifest in sorted(folder.glob(f"*/{MANIFEST}")):
        if _manifest(manifest).get("module") == module_digest():
            return manifest.parent
    return None


def search_path() -> str:
    """PATH and the directories of system programs that users' PATHs often lack (runc)."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    parts += ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return os.pathsep.join(dict.fromkeys(part for part in parts if part))


def _own(name: str) -> Tool | None:
    folder = installed()
    if folder is None:
        return None
    path = folder / "bin" / name
    versions = _manifest(folder / MANIFEST).get("versions")
    if not isinstance(versions, dict) or not os.access(path, os.X_OK):
        return None
    return Tool(name=name, path=path, version=str(versions.get(name, "")), origin="pdbuild")


def _manifest(path: Path) -> dict[str, object]:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _located(name: str, known: _Known) -> Path | None:
    found = shutil.which(name, path=search_path())
    if found:
        return Path(found)
    others = (Path(place).expanduser() for place in known.files)
    return next((place for place in others if os.access(place, os.X_OK)), None)


def _asked(path: Path, ask: tuple[str, ...]) -> str:
    # podman and buildah make directories in /tmp for a user who has no session, even for this.
    with tempfile.TemporaryDirectory(prefix="pdbuild-") as session:
        try:
            environment = {**os.environ, "XDG_RUNTIME_DIR": session}
            # Each bake asks some: quick.
            answer = programs.run(path, *ask, env=environment, timeout=20, quick=True)
        except EngineError:
            return ""
    return ".".join(map(str, numbers(answer.out or answer.err)))


def _missing(name: str) -> str:
    known = _KNOWN[name]
    path = _located(name, known)
    if path is None:
        return "it is not installed"
    minimum = ".".join(map(str, known.minimum))
    seen = _asked(path, known.ask) or "a version that it does not tell"
    return f"{path} is {seen}, and {minimum} is the oldest that works"


def _listed(name: str) -> Listed:
    tool = find(name)
    if tool is None:
        return Listed(name=name, tool=None, problem=_missing(name), hint=hint(name))
    tool = measured(tool)
    if not recent(tool):
        return Listed(name=name, tool=None, problem=_missing(name), hint=hint(name))
    return Listed(name=name, tool=tool)
