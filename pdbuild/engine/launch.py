"""What a daemon is started with: its command line, environment and configuration."""

import os
import pwd
import shutil
from pathlib import Path

from pdbuild import tools
from pdbuild.engine import emulators, place
from pdbuild.engine.place import Place
from pdbuild.errors import EngineError

_KEPT = ("HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_WEEK = 7 * 24 * 3600
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


def specification(where: Place, run: Path, buildkitd: tools.Tool) -> dict[str, object]:
    """What the supervisor of `where`'s daemon is told; writes the daemon's configuration.

    Raises EngineError when a program that the daemon needs is missing.
    """
    runc = tools.require("runc", reason="run the steps of a build")
    env = _environment(run, buildkitd)
    words = wrapper(run)
    snapshotter = place.choose_snapshotter(where, words, env)
    address = run / "buildkitd.sock"
    config = run / "buildkitd.toml"
    # An ordinary user has no control groups to give to steps; root's would be left behind.
    cgroups = "" if os.getuid() else f"pdbuild-{run.name}"
    config.write_text(place.config(where, snapshotter, runc.path, cgroups))
    root = where.root(snapshotter)
    return {
        "argv": [
            *words, *emulators.words(run), str(buildkitd.path),
            f"--root={root}", f"--addr=unix://{address}", f"--config={config}",
        ],
        "env": env,
        "root": str(root),
        "run": str(run),
        "log": str(where.log),
        "socket": str(address),
        "doorbell": str(run / "pdbuild.sock"),
        "forwards": bool(os.getuid()),
        "cgroups": cgroups,
        "idle": _idle_seconds(),
    }  # fmt: skip


def wrapper(run: Path) -> list[str]:
    """The words before a command that put it into namespaces which die with their first process.

    Without a process namespace a killed daemon leaves running steps behind, which go on
    writing into cache mounts.
    """
    if os.getuid() == 0:
        unshare = shutil.which("unshare", path=tools.search_path()) or "unshare"
        return [unshare, "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
    for name in ("newuidmap", "newgidmap"):
        tools.require(name, reason="give builds a range of user ids")
    rootlesskit = tools.require("rootlesskit", reason="run BuildKit without root")
    return [str(rootlesskit.path), "--net=host", "--pidns", f"--state-dir={run / 'rk'}"]


def _environment(run: Path, buildkitd: tools.Tool) -> dict[str, str]:
    """The daemon's whole environment: nothing of the caller's but network and language."""
    kept = {name for name in os.environ if name.startswith("LC_")}
    kept |= {name for name in os.environ if name.upper() in _PROXIES} | set(_KEPT)
    env = {name: os.environ[name] for name in kept if name in os.environ}
    return env | {
        "PATH": f"{buildkitd.path.parent}:{tools.search_path()}",
        "USER": user(),
        "XDG_RUNTIME_DIR": str(run),  # else it makes /run/buildkit, which only root can
        "TMPDIR": str(run / "tmp"),  # where a killed one leaves mount points
        # unlimited: by default a step's log is clipped at 2 MiB and 200 KiB/s
        "BUILDKIT_STEP_LOG_MAX_SIZE": "-1",
        "BUILDKIT_STEP_LOG_MAX_SPEED": "-1",
    }


def user() -> str:
    """The user's name for $USER, by which RootlessKit looks for the range of ids."""
    # buildkitd takes its rootless defaults only when $USER is set and not "root".
    mapped = Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]
    if os.getuid() == 0:
        return "pdbuild" if mapped else "root"
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"


def _idle_seconds() -> float:
    text = os.environ.get("PDBUILD_IDLE_SECONDS") or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _WEEK:  # also refuses nan and inf
        raise EngineError(
            f"PDBUILD_IDLE_SECONDS={text} is not a number of seconds, at most a week",
            hint="give a number like 60, or unset it",
        )
    return seconds
