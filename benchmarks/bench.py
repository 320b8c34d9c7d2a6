#!/usr/bin/env python3
"""Measures pdbuild against plain tools, side by side on this machine, and prints the ratios.

    .venv/bin/python benchmarks/bench.py [--runs N] [NAME…]

"plain" is the same compilers and flags in the same file system (the dev image) with CMake and
ninja alone, timed inside the container, so that its start does not count. Seconds are medians;
only the ratios carry over to other machines.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdbuild import definition, tools
from pdbuild.base import architecture
from pdbuild.bootstrap.options import arguments as bootstrap_arguments
from pdbuild.container.host import find as found_host
from pdbuild.engine import daemon
from pdbuild.limits import limits
from pdbuild.oci import Layout
from pdbuild.plan.types import Request
from pdbuild.recipe.load import load
from pdbuild.render import bakefile
from pdbuild.resolve import resolve

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
        f"{FLAGS}; cmake -S {ROOT}/examples/paddle -B {tree} -G Ninja -DCMAKE_BUILD_TYPE=Release "
        f"{options} >/dev/null"
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


def cold(runs: int) -> Iterator[Row]:
    """Four variants, nothing compiled yet; the toolchain is there."""
    ours, plain = [], []
    text = (ROOT / "recipes/paddle.toml").read_text()
    recipe = ROOT / "recipes" / "cold-benchmark.toml"
    for _ in range(runs):
        # Another project's name has other caches of objects, and the same toolchain. The source
        # must differ too: BuildKit knows a step by its text, not by its cache mounts.
        name = f"cold{time.time_ns()}"
        recipe.write_text(text.replace('name = "paddle"', f'name = "{name}"'))
        try:
            with edited() as change:
                change()
                ours.append(timed(PDBUILD, "bake", "binaries", "--recipe", recipe, "-q"))
        finally:
            recipe.unlink()
        seconds = 0.0
        for variant in VARIANTS:
            tree = SCRATCH / "cold" / variant
            run("rm", "-rf", tree)
            seconds += inside(f"{configure(variant, tree)}; ninja -C {tree} >/dev/null")
        plain.append(seconds)
    run(PDBUILD, "bake", "binaries", "-q")
    yield Row(
        name="four variants, cold / four plain builds",
        ours=statistics.median(ours),
        reference=statistics.median(plain),
        goal=0.36,
    )


def toolchain(runs: int) -> Iterator[Row]:
    """The example's tools on a bootstrapped base, nothing cached, beside one plain mmdebstrap.

    That has the same packages, and no CUDA, no checks and no layers. It needs its own base, too.
    """
    text = (ROOT / "recipes/paddle.toml").read_text()
    tools_table = text[text.index("[toolchain]") : text.index("[options]")]
    recipe = ROOT / "recipes" / "toolchain-benchmark.toml"
    recipe.write_text(
        '[project]\nname = "tools"\nversion = "1"\nsource = "../examples/paddle"\n'
        + tools_table.replace('"woboq", ', "")
    )
    ready, whole, folder, archive = [], [], [], []
    try:
        packages = packages_of(recipe)
        for _ in range(runs):
            seconds = dev_image(recipe)
            ready.append(seconds[0])
            whole.append(seconds[1])
            folder.append(mmdebstrap(packages, "directory"))
            archive.append(mmdebstrap(packages, "tar"))
    finally:
        recipe.unlink()
    yield Row(
        name="toolchain, cold, until something can compile / mmdebstrap into a folder",
        ours=statistics.median(ready),
        reference=statistics.median(folder),
        goal=1.1,
    )
    yield Row(
        name="toolchain, cold, as an image on disk / mmdebstrap into an archive",
        ours=statistics.median(whole),
        reference=statistics.median(archive),
        goal=1.1,
    )


def packages_of(recipe: Path) -> list[str]:
    """The Debian packages of a recipe's toolchain."""
    printed = subprocess.run(
        [PDBUILD, "bake", "dev", "--print=containerfile", f"--recipe={recipe}"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout.replace("\\\n", " ")  # fmt: skip
    steps = re.findall(r'\["bash", "/run/hooks/apt-install", ([^]]*)\]', printed)
    return sorted({name for step in steps for name in json.loads(f"[{step}]")})


def dev_image(recipe: Path) -> tuple[float, float]:
    """Seconds until the toolchain is there, and until the dev image is on disk."""
    cache = SCRATCH / f"cache-toolchain-{time.time_ns()}"
    env = os.environ | {"PDBUILD_CACHE_DIR": str(cache)}
    argv = [PDBUILD, "bake", "dev", f"--recipe={recipe}", "--progress=json"]
    began = time.monotonic()
    ready = last = 0.0
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as baking:
        assert baking.stdout
        for line in baking.stdout:
            last = time.monotonic() - began  # after it, podman takes a copy
            for vertex in json.loads(line).get("vertexes") or ():
                if vertex.get("completed") and re.match(r"\[toolchain ", vertex["name"]):
                    ready = last
    if baking.returncode or not ready:
        sys.exit(f"{argv} failed ({baking.returncode})")
    run(PDBUILD, "prune", "--caches", "--keep=1000", env={"PDBUILD_CACHE_DIR": str(cache)})
    return ready, last


def mmdebstrap(packages: list[str], form: str) -> float:
    """Seconds that mmdebstrap takes to make a root file system of these packages."""
    target = SCRATCH / f"mmdebstrap-{time.time_ns()}"
    words = [word for word in bootstrap_arguments(architecture()) if "--format" not in word]
    seconds = timed(
        "mmdebstrap", *words, f"--format={form}", f"--include={','.join(packages)}", "trixie",
        target, env={"TMPDIR": str(SCRATCH)},
    )  # fmt: skip
    run("rm", "-rf", target)
    return seconds


def edit(runs: int) -> Iterator[Row]:
    """One file edited, the binaries of one variant out again; the builder is running."""
    tree = SCRATCH / "edit"
    inside(f"{configure('cpu', tree)}; ninja -C {tree} >/dev/null")
    ours, plain = [], []
    with edited() as change, daemon.join():
        for number in range(runs + 1):
            change()
            plain.append(inside(f"ninja -C {tree} >/dev/null"))
            ours.append(timed(PDBUILD, "bake", "binaries-cpu", "-q"))
            if number == 0:  # the version turns dirty and its file compiles, once
                ours, plain = [], []
    run(PDBUILD, "bake", "binaries-cpu", "-q")
    yield Row(
        name="one file edited, bake binaries-cpu / plain ninja",
        ours=statistics.median(ours),
        reference=statistics.median(plain),
        goal=2.0,
    )


def loop(runs: int) -> Iterator[Row]:
    """The inner loop: `pdbuild build` after an edit, and with nothing to do."""
    tree = SCRATCH / "loop"
    inside(f"{configure('cpu', tree)}; ninja -C {tree} >/dev/null")
    build = (PDBUILD, "build", "--set", "TEST=OFF")
    ours, plain = [], []
    with edited() as change:
        for number in range(runs + 1):
            change()
            plain.append(inside(f"ninja -C {tree} >/dev/null"))
            ours.append(timed(*build))
            if number == 0:  # the version turns dirty and its file compiles, once
                ours, plain = [], []
    yield Row(
        name="one file edited, pdbuild build / plain ninja",
        ours=statistics.median(ours),
        reference=statistics.median(plain),
        goal=1.5,
    )
    timed(*build)
    idle = statistics.median(timed(*build) for _ in range(max(runs, 5)))
    yield Row(
        name="nothing changed, pdbuild build",
        ours=idle,
        reference=None,
        goal=0.5,
    )


def nothing(runs: int) -> Iterator[Row]:
    """Nothing changed: all targets, against buildx with the same file on a warm daemon."""
    printed = SCRATCH / "bake.json"
    done = subprocess.run([PDBUILD, "bake", "all", "--print"], cwd=ROOT, capture_output=True)
    # Files go elsewhere, so that both write.
    printed.write_text(done.stdout.decode().replace(f"{ROOT}/build", f"{SCRATCH}/build"))
    buildx = tools.require("buildx", reason="measure").path
    ours, plain = [], []
    with daemon.join() as running:
        env = {"BUILDX_CONFIG": str(SCRATCH / "buildx"), "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
        subprocess.run([buildx, "rm", "bench"], env=os.environ | env, capture_output=True)
        run(buildx, "create", "--name=bench", "--driver=remote", running.address, env=env)
        for _ in range(runs + 1):
            plain.append(timed(buildx, "bake", "--builder=bench", "-f", printed, "all", env=env))
            ours.append(timed(PDBUILD, "bake", "all", "-q"))
    yield Row(
        name="nothing changed, bake all / buildx bake of the same file",
        ours=statistics.median(ours[1:]),
        reference=statistics.median(plain[1:]),
        goal=0.30,
    )
    idle = [timed(PDBUILD, "bake", "all", "-q") for _ in range(max(runs, 5))]
    yield Row(
        name="nothing changed, bake all", ours=statistics.median(idle), reference=None, goal=0.4
    )


def program(runs: int) -> Iterator[Row]:
    """A short program in an image that is up to date."""
    listed = subprocess.run(
        [PDBUILD, "bake", "image-cpu", "-q"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (image,) = listed.stdout.split()
    words = ("paddle", "version")
    ours, plain = [], []
    # The host's network, as `pdbuild run` has it.
    beside = (*podman(), "--network=host", "-v", f"{ROOT}:/work", image)
    for _ in range(max(runs, 5) + 1):
        plain.append(timed(*beside, *words))
        ours.append(timed(PDBUILD, "run", *words))
    yield Row(
        name="run of an image that is up to date / podman run",
        ours=statistics.median(ours[1:]),
        reference=statistics.median(plain[1:]),
        goal=1.3,
    )


def scratch(runs: int) -> Iterator[Row]:
    """From nothing, engines included, against one after the other: one run, it takes minutes."""
    places = SCRATCH / f"scratch-{time.time_ns()}"
    ours = timed(PDBUILD, "bake", "all", "--install", "-q", env=nowhere(places / "ours"))
    plain = nowhere(places / "plain")
    module = places / "module"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_bytes(tools.module_file(name))
    caches = {"GOMODCACHE": f"{places}/mod", "GOCACHE": f"{places}/go", "CGO_ENABLED": "0"}
    names = re.findall(r"^\t(\S+/cmd/\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    seconds = 0.0
    for name in names:
        tags = ("-tags=osusergo,netgo,static_build,seccomp",) if "buildkitd" in name else ()
        go = ("go", "-C", module, "build", *tags, "-modcacherw", "-ldflags=-s -w")
        seconds += timed(*go, "-o", places / "bin/", name, env=caches)
    shutil.copytree(places / "ours/data/engines", places / "plain/data/engines")
    seconds += timed(PDBUILD, "bake", "all", "-q", env=plain)
    for which in ("ours", "plain"):
        run(PDBUILD, "prune", "--caches", "--keep=1000", env=nowhere(places / which))
    shutil.rmtree(places)
    yield Row(
        name="from nothing, bake all --install / four go builds, then bake all",
        ours=ours,
        reference=seconds,
        goal=0.8,
    )


def nowhere(folder: Path) -> dict[str, str]:
    """The environment of a pdbuild that has nothing yet."""
    for kind in ("cache", "data"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    return {f"PDBUILD_{k}_DIR": str(folder / k.lower()) for k in ("CACHE", "DATA")}


def buildah(runs: int) -> Iterator[Row]:
    """Buildah: nothing changed, against `buildah build` of the same file, target by target."""
    engine = "--engine=buildah"
    run(PDBUILD, "bake", "all", engine, "-q")
    printed = subprocess.run([PDBUILD, "bake", "all", "--print"], cwd=ROOT, capture_output=True)
    bake = json.loads(printed.stdout)
    import_base(bake["target"]["image-cpu"]["contexts"])
    for wanted, targets in {
        "image-cpu": ["image-cpu"],
        "all": bake["group"]["all"]["targets"],
    }.items():
        builds = [plain_buildah(bake, target) for target in targets]
        ours, plain = [], []
        for _ in range(runs + 1):
            plain.append(sum(timed(*build) for build in builds))
            ours.append(timed(PDBUILD, "bake", wanted, engine, "-q"))
        yield Row(
            name=f"nothing changed, bake {wanted} with Buildah / buildah build of the same file",
            ours=statistics.median(ours[1:]),
            reference=statistics.median(plain[1:]),
            goal=1.5,
        )


def import_base(contexts: dict[str, str]) -> None:
    """Give plain Buildah the base under its name, as from a registry: with a history."""
    for name, context in contexts.items():
        if context.startswith("oci-layout://"):
            folder, _, digest = context.removeprefix("oci-layout://").partition("@")
            layout = Layout(Path(folder))
            (manifest,) = layout.manifests(layout.describe(digest))
            (layer,) = manifest.layers
            run("podman", "import", layout.blob(layer.digest), f"docker.io/library/{name}")


def plain_buildah(bake: dict[str, Any], name: str) -> list[str]:
    """The `buildah build` that a target of a bake file amounts to."""
    target = bake["target"][name]
    words = ["buildah", "build", "--layers", "--quiet", "--isolation=rootless"]
    words += ["--runtime", str(tools.require("runc", reason="measure").path)]
    words += ["--cgroup-manager=cgroupfs", "--network=host"]
    words += ["-f", target["dockerfile"], "--target", target["target"]]
    for key, value in target.get("args", {}).items():
        words += ["--build-arg", f"{key}={value}"]
    for key, value in target["contexts"].items():
        if not value.startswith("oci-layout://"):
            words += ["--build-context", f"{key}={value}"]
    for secret in target.get("secret", ()):
        words += ["--secret", secret]
    return [*words, target["context"]]


def engines(runs: int) -> Iterator[Row]:
    """All targets with each engine, with no cache but the base: one run each, it takes minutes."""
    seconds = {}
    for engine in ("buildkit", "buildah"):
        env = {"PDBUILD_CACHE_DIR": str(SCRATCH / f"cache-{engine}-{time.time_ns()}")}
        seconds[engine] = timed(PDBUILD, "bake", "all", f"--engine={engine}", "-q", env=env)
        run(PDBUILD, "prune", "--caches", "--keep=1000", env=env)
    yield Row(
        name="bake all, cold, with Buildah / with BuildKit",
        ours=seconds["buildah"],
        reference=seconds["buildkit"],
        goal=1.3,
    )


def start(runs: int) -> Iterator[Row]:
    """What costs no build."""
    for words, goal in ((("bake", "--print"), 0.25), (("--help",), 0.12)):
        seconds = [timed(PDBUILD, *words) for _ in range(max(runs, 5) + 1)][1:]
        name = f"pdbuild {' '.join(words)}"
        yield Row(name=name, ours=statistics.median(seconds), reference=None, goal=goal)


def plan(runs: int) -> Iterator[Row]:
    """A thousand variants, from the recipe's text to the two texts of the definition."""
    path = SCRATCH / "many" / "pdbuild.toml"
    path.parent.mkdir(exist_ok=True)
    values = [str(number) for number in range(1000)]
    variants = "".join(
        f'{v} = {{ LEVEL = "{v}", default = {str(v == "0").lower()} }}\n' for v in values
    )
    path.write_text(
        f'[project]\nname = "many"\n[options.LEVEL]\ndefault = "0"\nvalues = {values}\n'
        f'cmake = "LEVEL"\n[variants]\n{variants}[image]\n[package]\n'
        'maintainer = "A <a@example.org>"\ndescription = "has many variants"\n'
    )

    def seconds() -> float:
        began = time.monotonic()
        recipe = load(path, blocks_dir=path.parent, hooks_dir=ROOT / "hooks")
        made = resolve(recipe, Request())
        definition.render_containerfile(made, path.name, "pdbuild bake")
        bakefile.render(made, containerfile="/c", contexts={}, secrets={})
        return time.monotonic() - began

    spans = [seconds() for _ in range(max(runs, 5) + 1)][1:]
    median = statistics.median(spans)
    yield Row(name="plan of 1,000 variants", ours=median, reference=None, goal=0.6)


def size(runs: int) -> Iterator[Row]:
    """The CPU image, uncompressed."""
    listed = subprocess.run([PDBUILD, "images", "--json"], capture_output=True, check=True)
    sizes = [
        image["unpacked"]
        for image in json.loads(listed.stdout)
        if image["labels"].get("org.pdbuild.variant") == "cpu" and "/paddle:" in image["reference"]
    ]
    yield Row(
        name="production CPU image", ours=max(sizes) / 1e6, reference=None, goal=75, unit="MB"
    )


BENCHMARKS: dict[str, Callable[[int], Iterator[Row]]] = {
    "toolchain": toolchain,
    "cold": cold,
    "edit": edit,
    "loop": loop,
    "nothing": nothing,
    "program": program,
    "buildah": buildah,
    "engines": engines,
    "start": start,
    "plan": plan,
    "size": size,
    "scratch": scratch,
}


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    head = ["| what | pdbuild | reference | ratio | goal |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(line, rows)])


def line(row: Row) -> str:
    """A row of the table."""
    reference = f"{row.reference:.2f} {row.unit}" if row.reference else "-"
    ratio = f"{row.ratio:.2f}" if row.reference else "-"
    goal = f"≤ {row.goal:g}" + ("" if row.reference else f" {row.unit}")
    return f"| {row.name} | {row.ours:.2f} {row.unit} | {reference} | {ratio} | {goal} |"


def main() -> int:
    """Measure; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", nargs="*", choices=[[], *BENCHMARKS], help="default: all")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    SCRATCH.mkdir(exist_ok=True)
    # As users have it: an installed wheel brings its byte code along.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run(PDBUILD, "bake", "all", "-q")
    rows: list[Row] = []
    for name in arguments.name or BENCHMARKS:
        print(f"measuring: {name}", file=sys.stderr)
        for row in BENCHMARKS[name](arguments.runs):
            rows.append(row)
            print(line(row), file=sys.stderr)
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(f"{cpu[1] if cpu else '?'}, {os.cpu_count()} cores, Linux {platform.release()}\n")
    print(table(rows))
    missed = [row.name for row in rows if row.ratio > row.goal]
    for name in missed:
        print(f"missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
