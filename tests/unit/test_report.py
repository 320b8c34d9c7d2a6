"""How reports, tables and sizes look, and how a base is found."""

import io
import json
import tarfile
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild import base, report
from pdbuild.artifacts import Artifact
from pdbuild.engine.contract import Built, Output
from pdbuild.oci import Layout
from pdbuild.plan.types import Form, Plan, Target
from pdbuild.progress import Solve
from pdbuild.table import lines, size
from pdbuild.version import Version


def test_what_steps_noted_of_the_recipe_stands_at_the_end() -> None:
    plan, built = made("binaries")
    solve = Solve(["t-binaries"])
    solve.feed(b'{"vertexes": [{"digest": "d", "name": "[s 1/1] RUN x"}]}')
    lines = b"-- Configuring\nnote: the recipe sets X\nnote: other\nnote: the recipe sets X\n"
    said = {"vertex": "d", "stream": 2, "data": b64encode(lines).decode()}
    solve.feed(json.dumps({"logs": [said]}).encode())
    done = report.make(replace(plan, notes=("of the plan",)), built, [], [], solve)
    assert done.notes == ("of the plan", "the recipe sets X")
    assert report.as_table(done).endswith("note: of the plan\nnote: the recipe sets X")
    again = report.make(plan, built, [], [], Solve())
    assert report.joined(plan, done, again).notes == done.notes


def test_tables_are_aligned() -> None:
    rows = [("NAME", "SIZE", ""), ("a", "1.0 kB", "x"), ("longer", "2 B", "")]
    assert lines(rows, right=frozenset({1})).splitlines() == [
        "NAME      SIZE",
        "a       1.0 kB  x",
        "longer     2 B",
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (75_000_000, "75.0 MB"),
        (1_550_000, "1.6 MB"), (12_345_678_901, "12.3 GB"), (10**15, "1000000.0 GB"),
    ],
)  # fmt: skip
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def made(*kinds: str) -> tuple[Plan, Built]:
    targets = tuple(
        Target(
            name=f"t-{kind}", stage="s", kind=kind, description="", destination=f"build/{kind}",
            tags=("localhost/x:1",) if kind == "image" else (),
            form=Form.IMAGE if kind == "image" else Form.FILES,
        )
        for kind in kinds
    )  # fmt: skip
    outputs = tuple(Output(target=t, layout=Path("/l"), digest="sha256:0") for t in targets)
    plan = Plan(
        project="x", version=Version("1"), root="/r", base="b",
        platforms=("linux/amd64",), stages=(),
        targets=targets, groups={},
    )  # fmt: skip
    return plan, Built(outputs=outputs)


def file(target: str, path: str, size: int, link: str = "") -> Artifact:
    return Artifact(
        path=path, kind="", variant="", platform="", size=size, sha256="", target=target,
        image="", link=link,
    )  # fmt: skip


def test_a_report_as_table_and_as_json() -> None:
    files = [
        file("t-binaries", "build/cpu/l.so.1", 2000),
        file("t-binaries", "build/cpu/l.so", 2000, link="l.so.1"),
        file("t-deb", "build/x-1.deb", 10),
        file("t-deb", "build/x-dbgsym-1.deb", 5),
    ]
    plan, built = made("binaries", "deb", "image")
    told = report.make(plan, built, files, (), Solve(targets=[t.name for t in plan.targets]))
    # A link takes no room of its own.
    assert [(row.where, row.size) for row in told.rows] == [
        ("build/binaries/ (2 files)", 2000),
        ("build/x-1.deb", 10),
        ("localhost/x:1", 0),
    ]
    table = report.as_table(replace(told, next="pdbuild run a.py"))
    assert table.splitlines()[0].split() == ["TARGET", "WHERE", "SIZE", "TIME"]
    assert table.endswith("\n\nnext: pdbuild run a.py")
    assert json.loads(report.as_json(told))["rows"][1]["size"] == 10


def test_a_base_is_an_image_that_is_found_by_suite_and_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    assert base.find("trixie", "amd64") is None
    tarball = tmp_path / "base.tar"
    with tarfile.open(tarball, "w") as archive:
        archive.addfile(tarfile.TarInfo("etc"), io.BytesIO())
    content = tarball.read_bytes()
    folder = base._folder("trixie", "amd64")
    folder.mkdir(parents=True)
    base._layout(folder, tarball, "amd64")

    found = base.find("trixie", "amd64")
    assert found and found.context == f"oci-layout://{folder}@{found.digest}"
    layout = Layout(found.layout)
    (image,) = layout.manifests(layout.describe(found.digest))
    (layer,) = image.layers
    assert layer.digest == f"sha256:{sha256(content).hexdigest()}" and layer.size == len(content)
    assert layout.config(image).platform == "linux/amd64"
    for blob in (folder / "blobs/sha256").iterdir():
        assert sha256(blob.read_bytes()).hexdigest() == blob.name

    said: list[str] = []
    assert base.ensure("trixie", "amd64", mirror="", say=said.append) == found and not said
    assert base.find("bookworm", "amd64") is None and base.find("trixie", "arm64") is None
