"""Compiling and installing, against the same compilers and mmdebstrap alone."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from measure import PDBUILD, ROOT, SCRATCH, VARIANTS, Row, configure, edited, inside, run, timed

from pdbuild.base import architecture
from pdbuild.bootstrap.options import arguments as bootstrap_arguments
from pdbuild.engine import daemon


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
    argv: list[str | Path] = [PDBUILD, "bake", "dev", f"--recipe={recipe}", "--progress=json"]
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
    alone = ("unshare", "--user", "--map-root-user", "--map-auto") if os.getuid() else ()
    run(*alone, "rm", "-rf", target)  # files of other ids, too
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
