#!/usr/bin/env python3
"""Measures pdbuild against plain tools, side by side on this machine, and prints the ratios.

    .venv/bin/python benchmarks/bench.py [--runs N] [NAME…]

"plain" is the same compilers and flags in the same file system (the dev image) with CMake and
ninja alone, timed inside the container, so that its start does not count. Seconds are medians;
only the ratios carry over to other machines.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from applying import application
from baking import buildah, engines, nothing, program, scratch
from carrying import offline
from claiming import verify
from compiling import cold, edit, loop, toolchain
from measure import PDBUILD, ROOT, SCRATCH, Row, edited, run, timed
from sending import jobs
from training import baking as bake_in_job
from training import training
from travelling import travel

from pdbuild import definition
from pdbuild.plan.types import Request
from pdbuild.platforms import native
from pdbuild.recipe.load import load
from pdbuild.render import bakefile
from pdbuild.resolve import resolve


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

    def seconds(*platforms: str) -> float:
        began = time.monotonic()
        recipe = load(path, blocks_dir=path.parent, hooks_dir=ROOT / "hooks")
        made = resolve(recipe, Request(platforms=platforms))
        definition.render_containerfile(made, path.name, "pdbuild bake")
        bakefile.render(made, containerfile="/c", contexts={}, secrets={})
        return time.monotonic() - began

    spans = [seconds() for _ in range(max(runs, 5) + 1)][1:]
    median = statistics.median(spans)
    yield Row(name="plan of 1,000 variants", ours=median, reference=None, goal=0.6)
    spans = [seconds("linux/amd64", "linux/arm64") for _ in range(max(runs, 5) + 1)][1:]
    name = "plan of 1,000 variants for two platforms"
    yield Row(name=name, ours=statistics.median(spans), reference=None, goal=1)


def platforms(runs: int) -> Iterator[Row]:
    """The example for this machine and another platform, beside this machine alone."""
    other = "linux/arm64" if native().name != "linux/arm64" else "linux/amd64"
    both = f"--platform={native().name},{other}"
    run(PDBUILD, "bake", "all", both, "-q")
    text = (ROOT / "recipes/paddle.toml").read_text()
    recipe = ROOT / "recipes" / "platforms-benchmark.toml"
    found: dict[str, list[float]] = {"cold": [], "cold both": []}
    for _ in range(runs):
        for kind, words in (("cold", ()), ("cold both", (both,))):
            # As in `cold`: other caches, and a source that BuildKit has not seen.
            recipe.write_text(text.replace('"paddle"', f'"cold{time.time_ns()}"', 1))
            try:
                with edited() as change:
                    change()
                    words = ("bake", "binaries", "--recipe", recipe, *words, "-q")
                    found[kind].append(timed(PDBUILD, *words))
            finally:
                recipe.unlink()
    yield _of_two("all variants, cold, for two platforms / for one", *found.values(), goal=1.7)
    with edited() as change:
        spans: tuple[list[float], list[float]] = ([], [])
        for _ in range(runs):
            for span, words in zip(spans, ((), (both,)), strict=True):
                change()
                span.append(timed(PDBUILD, "bake", "binaries-cpu", *words, "-q"))
    yield _of_two("one file edited, binaries-cpu for two platforms / for one", *spans, goal=2.2)
    run(PDBUILD, "bake", "all", both, "-q")
    spans = ([], [])
    for _ in range(max(runs, 5)):
        for span, words in zip(spans, ((), (both,)), strict=True):
            span.append(timed(PDBUILD, "bake", "all", *words, "-q"))
    yield _of_two("nothing changed, bake all for two platforms / for one", *spans, goal=1.2)


def emulated(runs: int) -> Iterator[Row]:
    """The example's CPU variant for another platform: crossed, beside the same under an emulator.

    With as few tools as it takes, as those are emulated, too; they are there before it is timed.
    """
    other = "linux/arm64" if native().name != "linux/arm64" else "linux/amd64"
    text = (ROOT / "recipes/paddle.toml").read_text()
    tools_table = text[text.index("[toolchain]") : text.index("[options]")]
    text = text.replace(
        tools_table, '[toolchain]\nblocks = ["gcc", "cmake", "ccache", "python"]\n\n'
    )
    text = text[: text.index("[docs]")]
    recipe = ROOT / "recipes" / "emulated-benchmark.toml"
    found: dict[str, list[float]] = {"true": [], "false": []}
    for emulate, seconds in found.items():
        for _ in range(2):  # the first also makes the tools
            named = text.replace('"paddle"', f'"cold{time.time_ns()}"', 1)
            recipe.write_text(named.replace("[build]", f"[build]\nemulate = {emulate}", 1))
            words = ("--variant=cpu", f"--platform={other}", "--recipe", recipe, "-q")
            try:
                with edited() as change:
                    change()
                    seconds.append(timed(PDBUILD, "bake", "binaries", *words))
            finally:
                recipe.unlink()
    emulated, crossed = (seconds[1:] for seconds in found.values())
    name = f"binaries-cpu for {other}, cold, crossed / emulated"
    yield _of_two(name, emulated, crossed, goal=0.5)


def _of_two(name: str, one: list[float], two: list[float], *, goal: float) -> Row:
    median = statistics.median
    return Row(name=name, ours=median(two), reference=median(one), goal=goal)


def size(runs: int) -> Iterator[Row]:
    """The CPU image, uncompressed."""
    listed = subprocess.run([PDBUILD, "images", "--json"], capture_output=True, check=True)
    sizes = [
        image["unpacked"]
        for image in json.loads(listed.stdout)
        if image["labels"].get("org.pdbuild.variant") == "cpu"
        and "/paddle:" in image["reference"]
        and image["platform"] == native().name
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
    "application": application,
    "buildah": buildah,
    "engines": engines,
    "start": start,
    "plan": plan,
    "platforms": platforms,
    "verify": verify,
    "emulated": emulated,
    "size": size,
    "scratch": scratch,
    "jobs": jobs,
    "training": training,
    "bake-in-job": bake_in_job,
    "travel": travel,
    "offline": offline,
}
# Those that measure nothing of the example, which is otherwise baked before.
ALONE = {"offline", "plan"}


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
    if set(arguments.name or BENCHMARKS) - ALONE:
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
