"""What a bake takes without a network, of what was carried, beside the same with one."""

import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from measure import PDBUILD, ROOT, SCRATCH, Row, nowhere, run, timed

from pdbuild.dirs import data_dir

_RECIPE = ROOT / "tests" / "recipes" / "make" / "pdbuild.toml"
_WORDS = ("bake", "all", "--engine=buildkit", f"--recipe={_RECIPE}", "-q")
# In a network namespace with nothing in it.
_CUT_OFF = ("unshare", "--net")


def offline(runs: int) -> Iterator[Row]:
    """All of a small project from empty caches; needs root, to be cut off the network.

    Once with base and engines on both sides, once without: what was carried has them.
    """
    places = SCRATCH / f"offline-{time.time_ns()}"
    carried = places / "carried"
    for parts in (("engines", "bases"), ("engines",)):
        found: tuple[list[float], list[float]] = ([], [])
        for number in range(runs):
            here, there = (places / f"{kind}{len(parts)}{number}" for kind in ("on", "off"))
            for folder, seconds in zip((here, there), found, strict=True):
                env = nowhere(folder)
                given = parts if folder == here or "bases" in parts else ()
                for part in given:
                    shutil.copytree(data_dir() / part, folder / "data" / part)
                offline = folder == there
                words = (*_WORDS, f"--output={folder}")
                if offline and not carried.exists():
                    run(PDBUILD, "fetch", f"--to={carried}", f"--recipe={_RECIPE}", "-q")
                argv = (*_CUT_OFF, PDBUILD, *words, f"--offline={carried}")
                seconds.append(timed(*(argv if offline else (PDBUILD, *words)), env=env))
                _removed(folder, env)
        what = "base and engines there" if "bases" in parts else "nothing there but what is carried"
        yield Row(
            name=f"all of a small project without a network, {what} / with one",
            ours=statistics.median(found[1]),
            reference=statistics.median(found[0]),
            goal=1,
        )
    shutil.rmtree(places)


def _removed(folder: Path, env: dict[str, str]) -> None:
    run(PDBUILD, "prune", "--caches", "--keep=1000", env=env)
    shutil.rmtree(folder)
