"""Builds with one engine, keeps the layers in a folder, and builds again where no cache is.

    python -m conformance.kept ENGINE WORK

Prints what both builds gave: the digests of the images' layers, and the state of each step.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance import driver
from conformance.cases import BASE, Case, bash, stage
from pdbuild import base, definition
from pdbuild.engine.buildah import Buildah
from pdbuild.engine.buildkit import BuildKit
from pdbuild.engine.contract import Build, Engine
from pdbuild.engine.layers import Layers
from pdbuild.oci import Layout
from pdbuild.plan.instructions import Bind, Copy, Secret
from pdbuild.progress import view

CASE = Case(
    name="kept",
    files={"f": "source\n"},
    stages=(
        stage("tools", bash("mkdir /opt/t; head -c 100000 /dev/urandom >/opt/t/tool")),
        stage(
            "made",
            bash(
                "{ sha256sum /opt/t/tool /src/f; cat /run/secrets/compile-cache; } >/made",
                Bind(source="", target="/src"),
                Secret(id="compile-cache"),
            ),
            base="tools",
        ),
        stage(
            "other", bash("cat /m/made >/other; date +%N >>/other", Bind(stage="made", target="/m"))
        ),
        stage("out", Copy(stage="made", source="/made", target="/"), base="scratch"),
        stage("out-too", Copy(stage="other", source="/other", target="/"), base="scratch"),
    ),
    targets=("out", "out-too", "made"),
)


def main(argv: list[str]) -> int:
    engine: Engine = BuildKit() if argv[0] == "buildkit" else Buildah()
    work = Path(argv[1])
    shutil.rmtree(work, ignore_errors=True)
    (work / "context").mkdir(parents=True)
    driver.write(work / "context", "f", CASE.files["f"])
    kept = Layers(folder=work / "layers")
    first = built(engine, work, "one")
    with request(engine, work, "one") as (build, shown):
        engine.keep(build, shown, kept)
    again = built(engine, work, "two", kept)
    # What is not there, or damaged, is built.
    for blob in (work / "layers/blobs/sha256").iterdir():
        blob.unlink()  # nobody may write it
        blob.write_bytes(b"damaged")
    damaged = built(engine, work, "three", kept)
    json.dump({"first": first, "again": again, "damaged": damaged}, sys.stdout)
    return 0


@contextlib.contextmanager
def request(engine: Engine, work: Path, name: str, *layers: Layers) -> Iterator[tuple[Build, Any]]:
    os.environ["PDBUILD_CACHE_DIR"] = str(work / f"cache-{name}")
    os.environ["PDBUILD_RUNTIME_DIR"] = str(work / f"run-{name}")
    plan = driver.plan_of(CASE, work / "context")
    made = base.find("trixie", base.architecture())
    assert made
    defined = definition.write(
        plan,
        recipe="case",
        contexts={BASE: made.context},
        network={},
        ca=None,
        private={"compile-cache": f"the secret of {name}\n"},  # another one decides nothing
    )
    with view("quiet", sys.stderr, targets=[t.name for t in plan.targets]) as shown:
        yield (
            Build(plan=plan, definition=defined, exports=work / f"exports-{name}", layers=layers),
            shown,
        )


def built(engine: Engine, work: Path, name: str, *layers: Layers) -> dict[str, Any]:
    with request(engine, work, name, *layers) as (build, shown):
        done = engine.build(build, shown)
        images = {}
        for output in done.outputs:
            layout = Layout(output.layout)
            (manifest,) = layout.manifests(layout.describe(output.digest))
            images[output.target.name] = [layer.digest for layer in manifest.layers]
        return {"images": images, "ran": driver.ran(shown.solve, build.plan), "error": done.error}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
