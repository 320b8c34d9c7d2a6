"""The example project from a clean clone, baked by a user without root: all that it yields."""

import hashlib
import json
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdbuild.version import Version
from system.project import Project, held_locks

VARIANTS = ("cpu", "noavx", "gpu", "gpu-noavx")


def suffix(variant: str) -> str:
    return "" if variant == "cpu" else f"-{variant}"


def test_everything_is_made_and_belongs_to_the_user(
    paddle: Project, baked: dict[str, Any], version: str
) -> None:
    expected = {"dev", "docs", "browse", "rootfs"}
    kinds = ("binaries", "deb", "image", "rootfs", "verify")
    expected |= {f"{kind}-{v}" for kind in kinds for v in VARIANTS}
    assert set(baked) == expected
    build = paddle.root / "build"
    for variant in VARIANTS:
        assert (build / variant / "bin/paddle").is_file()
        assert (build / variant / "lib/libpaddle.so").resolve().is_file()
        assert (build / f"paddle-{version}{suffix(variant)}.deb").is_file()
        assert (build / f"paddle-dbgsym-{version}{suffix(variant)}.deb").is_file()
    assert (build / "docs/index.html").is_file()
    assert (build / "Dockerfile").is_file()
    strangers = [path for path in build.rglob("*") if path.lstat().st_uid != paddle.user.uid]
    assert strangers == []
    paddle.runs("rm", "-rf", "build/docs")
    paddle.bake("docs")
    assert (build / "docs/index.html").is_file()


def test_artifacts_json_tells_the_truth(paddle: Project, baked: dict[str, Any]) -> None:
    manifest = json.loads((paddle.root / "build/artifacts.json").read_text())
    listed = manifest["artifacts"]
    for artifact in listed:
        content = (paddle.root / artifact["path"]).read_bytes()
        assert len(content) == artifact["size"]
        assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
        assert artifact["platform"] == "linux/amd64"
    kinds = {artifact["kind"] for artifact in listed}
    assert kinds == {"binaries", "browse", "deb", "docs", "rootfs"}
    record = json.loads(Path(manifest["record"]).read_text())
    assert record["outcome"] == "done"
    # The newest bake may have compiled nothing; the one that did has its record beside it.
    records = [
        json.loads(path.read_text()) for path in Path(manifest["record"]).parent.glob("*.json")
    ]
    steps = [step for one in records for step in one["steps"]]
    compiles = [s for s in steps if s["stage"] == "build-cpu" and s["log"]]
    assert any("libpaddle" in Path(step["log"]).read_text() for step in compiles)


def test_a_read_only_source_is_baked_elsewhere(
    paddle: Project, baked: dict[str, Any], version: str
) -> None:
    closed, elsewhere = (paddle.root, paddle.root / "build"), paddle.root.parent / "baked-elsewhere"
    for folder in closed:
        folder.chmod(0o555)
    try:
        rows = paddle.bake("deb-cpu", "binaries-cpu", f"--output={elsewhere}")
    finally:
        for folder in closed:
            folder.chmod(0o755)
    deb = f"build/paddle-{version}.deb"
    assert rows["deb-cpu"]["where"] == str(elsewhere / deb)
    assert (elsewhere / deb).read_bytes() == (paddle.root / deb).read_bytes()
    assert (elsewhere / "build/cpu/bin/paddle").is_file()


def daemons(paddle: Project) -> dict[Path, int]:
    """The logs of buildkitds, with their times: one that starts writes a new one."""
    found = paddle.user.home.glob(".cache/pdbuild/buildkit/*.log*")
    return {path: path.stat().st_mtime_ns for path in found}


def test_what_was_deleted_comes_back_without_an_engine(
    paddle: Project, baked: dict[str, Any]
) -> None:
    rows = paddle.bake("all")
    logs = daemons(paddle)
    assert logs
    library = next((paddle.root / "build/cpu").rglob("libpaddle.so*"))
    content = library.read_bytes()
    library.unlink()
    image = rows["image-noavx"]["where"]
    paddle.runs("podman", "image", "rm", "--force", image)
    paddle.bake("all")
    assert library.read_bytes() == content
    program = ("podman", "run", "--rm", "--network=host", image, "paddle", "version")
    assert paddle.runs(*program).startswith("paddle ")
    assert daemons(paddle) == logs


def test_again_there_is_nothing_to_do(paddle: Project, baked: dict[str, Any]) -> None:
    paddle.bake("all")  # whatever an earlier test changed
    before = {p: p.stat().st_mtime_ns for p in (paddle.root / "build").rglob("*")}
    logs = daemons(paddle)
    spans = []
    for _ in range(3):
        began = time.monotonic()
        rows = paddle.bake("all")
        spans.append(time.monotonic() - began)
    assert {p: p.stat().st_mtime_ns for p in (paddle.root / "build").rglob("*")} == before
    assert [row for row in rows.values() if not row["cached"]] == []
    assert daemons(paddle) == logs  # none was started
    took = statistics.median(spans)
    print(f"nothing changed, median of 3: {took:.2f} s")
    assert took < 2.0
    # podman keeps one to hold the user's namespace until logout.
    assert [p for p in paddle.user.processes() if "catatonit -P" not in p] == []
    assert held_locks(paddle.user) == []


def test_one_version_everywhere(paddle: Project, version: str) -> None:
    described = paddle.runs("git", "describe", "--always", "--exclude", "*").strip()
    assert described in version
    said = paddle.succeeds("run", "paddle", "version")
    assert said.startswith(f"paddle {version} ")
    imported = "import paddle; print(paddle.__version__)"
    assert paddle.succeeds("run", "python3", "-c", imported).strip() == version
    deb = f"build/paddle-{version}.deb"
    assert paddle.runs("dpkg-deb", "--field", deb, "Version").strip() == Version(version).debian
    images = {i["reference"]: i for i in json.loads(paddle.succeeds("images", "--json"))}
    for variant in VARIANTS:
        labels = images[f"localhost/paddle:{version}{suffix(variant)}"]["labels"]
        prefix = "org.opencontainers.image"
        assert labels[f"{prefix}.version"] == version
        assert labels[f"{prefix}.revision"] == paddle.runs("git", "rev-parse", "HEAD").strip()
        assert labels["org.pdbuild.variant"] == variant
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels[f"{prefix}.created"])
        assert labels[f"{prefix}.source"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_program_runs_in_every_image(paddle: Project, version: str, variant: str) -> None:
    done = paddle.pdbuild("run", "a.py", "--variant", variant)
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"accuracy (\S+)", done.stdout)
    assert accuracy
    assert float(accuracy[1]) > 0.9
    gpu, avx = ("ON" if word else "OFF" for word in ("gpu" in variant, "noavx" not in variant))
    assert f"(GPU={gpu} AVX={avx})" in done.stdout
    assert ("no NVIDIA driver" in done.stderr) == ("gpu" in variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_avx_depends_on_the_variant_alone(paddle: Project, version: str, variant: str) -> None:
    library = paddle.root / "build" / variant / "lib/libpaddle.so"
    code = subprocess.run(["objdump", "-d", library], capture_output=True, text=True, check=True)
    assert ("%ymm" in code.stdout) == ("noavx" not in variant)
    needed = subprocess.run(["objdump", "-p", library], capture_output=True, text=True, check=True)
    assert "libcuda" not in needed.stdout


def test_production_images_are_minimal(paddle: Project, baked: dict[str, Any]) -> None:
    for variant in VARIANTS:
        assert baked[f"image-{variant}"]["size"] <= 75_000_000
    names = set(listing(paddle, "image-cpu"))
    assert {"usr/bin/paddle", "usr/lib/libpaddle.so.0", "usr/bin/python3"} <= names
    unwanted = re.compile(
        r"bin/(gcc|g\+\+|cc|clang|nvcc|cmake|ninja|ccache|apt-get|sphinx-build)$"
        r"|^var/lib/apt/lists/.|^root/\.cache|\.deb$|^usr/share/(doc|man)/.|^usr/include/.|^src/"
    )
    assert [name for name in names if unwanted.search(name)] == []
    assert not [name for name in names if "cuda" in name.lower()]


def listing(project: Project, target: str) -> Iterator[str]:
    """The paths in all layers of an exported target."""
    (exports,) = (project.user.home / ".local/share/pdbuild/exports").glob(
        f"{project.root.name}-*/{target}"
    )
    for blob in (exports / "blobs/sha256").iterdir():
        run = subprocess.run(["tar", "-tf", blob], capture_output=True, text=True, check=False)
        if run.returncode == 0:
            yield from (name.removeprefix("./").rstrip("/") for name in run.stdout.splitlines())


def test_lintian_finds_nothing(paddle: Project, version: str) -> None:
    debs = {path.name for path in (paddle.root / "build").glob("*.deb")}
    assert {f"paddle-{version}{suffix(variant)}.deb" for variant in VARIANTS} <= debs
    lintian = ["lintian", "--fail-on=error,warning", *sorted(debs)]
    done = paddle.user.run(lintian, cwd=paddle.root / "build")
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_the_packages_say_how_they_relate(paddle: Project, version: str) -> None:
    for variant in VARIANTS:
        deb = f"build/paddle-{version}{suffix(variant)}.deb"
        text = paddle.runs("dpkg-deb", "--field", deb)
        fields = dict(re.findall(r"^(\S+): (.*)$", text, re.MULTILINE))
        name = f"paddle{suffix(variant)}"
        others = {f"paddle{suffix(v)}" for v in VARIANTS} - {name}
        assert fields["Package"] == name
        assert set(fields["Conflicts"].split(", ")) == others
        assert "libc6 (>= " in fields["Depends"]
        assert "libstdc++6" in fields["Depends"]
        assert "python3" in fields["Depends"]
        assert ("Provides" in fields) == (name != "paddle")
        assert fields["Maintainer"] == "The paddle developers <paddle@example.org>"


IN_BARE_BASE = r"""
set -e
apt-get -qq update
apt-get -qq install --no-install-recommends -y /debs/paddle-{version}.deb > /dev/null 2>&1
paddle version
python3 -c 'import paddle; print(paddle.__version__)'
dpkg -L paddle | grep -c libpaddle
apt-get -qq install -y /debs/paddle-{version}-noavx.deb > /dev/null 2>&1
echo installed: $(dpkg-query -W -f '${db:Status-Status}:${Package}\n' 'paddle*' | grep ^installed)
paddle version
apt-get -qq purge -y paddle-noavx > /dev/null 2>&1
find / -xdev -not -path '/proc/*' | grep -i paddle | grep -v -e ^/debs -e ^/var/lib/dpkg \
    -e ^/var/cache/apt -e ^/var/lib/apt || echo clean
"""


def test_the_package_works_in_a_bare_base(paddle: Project, version: str) -> None:
    (layout,) = (paddle.user.home / ".local/share/pdbuild/bases").glob("trixie-*")
    paddle.runs("skopeo", "copy", "-q", f"oci:{layout}", f"oci-archive:{paddle.root}/base.tar")
    image = paddle.runs("podman", "load", "-q", "-i", "base.tar").split()[-1]
    (paddle.root / "base.tar").unlink()
    script = IN_BARE_BASE.replace("{version}", version)
    argv = ["podman", "run", "--rm", "--network=host", "-v", f"{paddle.root}/build:/debs:ro"]
    said = paddle.runs(*argv, image, "bash", "-c", script)
    paddle.runs("podman", "rmi", image)
    lines = said.splitlines()
    assert lines[0] == f"paddle {version} (GPU=OFF AVX=ON)"
    assert lines[1] == version
    assert "installed: installed:paddle-noavx" in lines  # in the place of the other
    assert f"paddle {version} (GPU=OFF AVX=OFF)" in lines
    assert lines[-1] == "clean"


def test_plain_podman_runs_the_image(paddle: Project, version: str) -> None:
    argv = ["podman", "run", "--rm", "-v", f"{paddle.root}:/work"]
    said = paddle.runs(*argv, f"localhost/paddle:{version}", "/work/a.py")
    assert "accuracy" in said
    assert "paddle " in paddle.runs(*argv, f"localhost/paddle:{version}")


def test_one_edited_file_compiles_alone(paddle: Project, version: str) -> None:
    source = paddle.root / "examples/paddle/src/core/random.cc"
    source.write_text(source.read_text() + "\n// edited\n")
    done = paddle.pdbuild("bake", "binaries-cpu", "--progress=plain")
    assert done.returncode == 0, done.stderr
    compiled = [line for line in done.stderr.splitlines() if "Building CXX object" in line]
    paddle.runs("git", "checkout", "-q", "--", source)
    paddle.bake("binaries-cpu")  # build/ has the clean one's again
    # The version gains "-dirty", and its file is compiled again as well.
    assert sorted(re.findall(r"(\w+)\.cc\.o", "\n".join(compiled))) == ["random", "version"]


def test_tests_run_where_they_are_asked_for(paddle: Project, baked: dict[str, Any]) -> None:
    done = paddle.pdbuild("bake", "binaries-cpu", "--set", "TEST=ON", "--progress=plain")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "tests passed" in done.stderr
    refused = paddle.pdbuild("bake", "binaries-cpu", "--set", "GPU=ON")
    assert refused.returncode == 2
    assert "variant cpu is defined by GPU=OFF" in refused.stderr
