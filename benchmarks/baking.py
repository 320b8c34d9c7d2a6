"""Bakes with nothing to do, bakes from nothing, and `run`: against plain engines and podman."""

import json
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import PDBUILD, ROOT, SCRATCH, Row, nowhere, podman, run, timed

from pdbuild import tools
from pdbuild.engine import daemon
from pdbuild.oci import Layout


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
