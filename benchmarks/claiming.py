"""What it takes to check the claims of a recipe's images."""

import shutil
import statistics
import time
from collections.abc import Iterator

from measure import PDBUILD, ROOT, Row, edited, run, timed

from pdbuild import dirs
from pdbuild.container.host import find as found_host
from pdbuild.store import Store


def verify(runs: int) -> Iterator[Row]:
    """A cold `bake all` with the example's claims, beside one whose recipe claims nothing.

    The distribution's files in the images were read before, as in every bake but the first, and
    once more they were not. "Nothing changed" is what `pdbuild verify` takes then.
    """
    text = (ROOT / "recipes/paddle.toml").read_text()
    silent = text[: text.index("[verify]")]
    first: list[float] = []
    claimed: list[float] = []
    without: list[float] = []
    run(PDBUILD, "bake", "all", "-q")
    for _ in range(runs):
        without.append(_cold(silent))
        claimed.append(_cold(text))
        shutil.rmtree(dirs.cache_dir() / "verified-files", ignore_errors=True)
        first.append(_cold(text))
    reference = statistics.median(without)
    for name, spans in (
        ("bake all, cold, with claims / without", claimed),
        ("bake all, cold, with claims on images that were never read / without", first),
    ):
        yield Row(name=name, ours=statistics.median(spans), reference=reference, goal=1.25)
    run(PDBUILD, "verify", "-q")
    spans = [timed(PDBUILD, "verify", "-q") for _ in range(max(runs, 5))]
    yield Row(
        name="nothing changed, pdbuild verify", ours=statistics.median(spans), reference=None,
        goal=0.4,
    )  # fmt: skip


def _cold(text: str) -> float:
    """Seconds of a cold `bake all` of a recipe with this text; its images go again.

    As in `compiling.cold`: another name has other caches, and the source is another.
    """
    name = f"cold{time.time_ns()}"
    recipe = ROOT / "recipes" / "claims-benchmark.toml"
    recipe.write_text(text.replace('name = "paddle"', f'name = "{name}"', 1))
    try:
        with edited() as change:
            change()
            seconds = timed(PDBUILD, "bake", "all", "--recipe", recipe, "-q")
    finally:
        recipe.unlink()
    store = Store.own()
    made = [image for image in store.images() if f"/{name}:" in image.reference]
    store.collect(made)
    host = found_host()
    run(host.podman, *host.flags, "rmi", "--force", *(image.reference for image in made))
    return seconds
