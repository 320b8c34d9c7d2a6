"""What the benchmarks are made of: commands that are timed, here or in the dev image, and rows."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pdbuild.container.host import find as found_host
from pdbuild.limits import limits

ROOT = Path(__file__).resolve().parents[1]
PDBUILD = Path(sys.executable).with_name("pdbuild")
SCRATCH = Path("/var/tmp") / f"pdbuild-bench-{os.getuid()}"
EDITED = "examples/paddle/src/core/random.cc"
# Those of Debian's packages, with a release's -O and little debug information: hooks/compiler.
FLAGS = (
    'eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+bindnow DEB_CFLAGS_MAINT_STRIP="-g -O2" '
    'DEB_CXXFLAGS_MAINT_STRIP="-g -O2" DEB_CFLAGS_MAINT_APPEND=-g1 DEB_CXXFLAGS_MAINT_APPEND=-g1 '
    'dpkg-buildflags --export=sh)"'
)
VARIANTS = {
    "cpu": ("OFF", "ON"),
    "noavx": ("OFF", "OFF"),
    "gpu": ("ON", "ON"),
    "gpu-noavx": ("ON", "OFF"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `goal` bounds `ours / reference`, or `ours` without a reference."""

    name: str
    ours: float
    reference: float | None
    goal: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """What is compared with the goal."""
        return self.ours / self.reference if self.reference else self.ours


def run(*argv: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        argv, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{argv}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def timed(*argv: str | Path, env: dict[str, str] | None = None) -> float:
    """Seconds that a command takes as a whole process."""
    began = time.monotonic()
    run(*argv, env=env)
    return time.monotonic() - began


def inside(script: str) -> float:
    """Seconds that a script takes in the dev image, by the clock inside."""
    done = subprocess.run(
        [
            *podman(),
            *("--network=host", "-v", f"{ROOT}:{ROOT}"),
            *("-v", f"{SCRATCH}:{SCRATCH}", "--entrypoint=bash", "localhost/paddle:dev"),
            *("-euc", f'began=$(date +%s%N); {script}; echo "took $(( $(date +%s%N) - began ))"'),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^took (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        sys.exit(f"in the dev image: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return int(found[1]) / 1e9


def podman() -> tuple[str, ...]:
    """The beginning of a `podman run` that works here."""
    host = found_host()
    return (host.podman, *host.flags, "run", "--rm", *limits())


def configure(variant: str, tree: Path) -> str:
    """The shell command that configures a plain build."""
    gpu, avx = VARIANTS[variant]
    options = f"-DWITH_GPU={gpu} -DWITH_AVX={avx} -DPADDLE_VERSION=1"
    return (
        f"rm -rf {tree}; {FLAGS}; cmake -S {ROOT}/examples/paddle -B {tree} -G Ninja "
        f"-DCMAKE_BUILD_TYPE=Release {options} >/dev/null"
    )


@contextlib.contextmanager
def edited() -> Iterator[Callable[[], None]]:
    """Gives the function that edits one source file; the file is restored in the end."""
    path = ROOT / EDITED
    text = path.read_text()
    count = 0

    def edit() -> None:
        nonlocal count
        count += 1
        path.write_text(f"{text}\n// {count} {time.time_ns()}\n")

    try:
        yield edit
    finally:
        path.write_text(text)


def nowhere(folder: Path) -> dict[str, str]:
    """The environment of a pdbuild that has nothing yet."""
    for kind in ("cache", "data"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    return {f"PDBUILD_{k}_DIR": str(folder / k.lower()) for k in ("CACHE", "DATA")}
