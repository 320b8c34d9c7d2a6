"""What an empty account gains by what another one has baked."""

import shutil
import time
from collections.abc import Iterator

from measure import PDBUILD, SCRATCH, Row, nowhere, run, timed

from pdbuild.dirs import data_dir


def travel(runs: int) -> Iterator[Row]:
    """All variants in an empty account, with another's file: one run, it takes minutes.

    Cold means with the engines and the base, which come with the file, too; taking it in counts.
    """
    places = SCRATCH / f"travel-{time.time_ns()}"
    cold, warm, shared = (nowhere(places / name) for name in ("cold", "warm", "shared"))
    for account in ("cold", "shared"):  # no layers: those come without
        for part in ("engines", "bases"):
            shutil.copytree(data_dir() / part, places / account / "data" / part)
    file = places / "cache.tar.zst"
    wanted = ("images", "binaries", "-q")
    reference = timed(PDBUILD, "bake", *wanted, env=cold)
    written = timed(PDBUILD, "cache", "export", file, "images", "binaries", "-q", env=cold)
    taken = timed(PDBUILD, "cache", "import", file, "-q", env=warm)
    baked = timed(PDBUILD, "bake", *wanted, env=warm)
    layers = places / "layers"
    kept = timed(PDBUILD, "bake", *wanted, "--cache-to", layers, env=cold)
    fetched = timed(PDBUILD, "bake", *wanted, "--cache-from", layers, env=shared)
    size = file.stat().st_size / 1e6
    for env in (cold, warm, shared):
        run(PDBUILD, "prune", "--caches", "--keep=1000", env=env)
    shutil.rmtree(places)
    yield Row(
        name="all variants in an empty account, from a file, taking it in included / cold",
        ours=taken + baked,
        reference=reference,
        goal=0.25,
    )
    yield Row(
        name=f"writing that file ({size:.0f} MB) / cold",
        ours=written,
        reference=reference,
        goal=0.5,
    )
    yield Row(
        name="all variants in an empty account, from a folder of layers / cold",
        ours=fetched,
        reference=reference,
        goal=0.25,
    )
    yield Row(name="keeping that folder / cold", ours=kept, reference=reference, goal=0.5)
