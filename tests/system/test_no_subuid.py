"""A user without subordinate ids, as on many clusters: all targets, with Buildah and one id."""

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import User
from .project import Project, checkout, held_locks, mounts_below, sample

# Its package's postinst gives files to others, and its check lets somebody log in.
SSHD = 'blocks = ["gcc", "ccache", "sshd"]'
BASE = """
import sys
from pdbuild import base
print(base.ensure("trixie", "amd64", mirror="", say=lambda line: None).digest)
"""


@pytest.fixture(scope="module")
def greet(bare_user: User, pdbuild_python: Path) -> Iterator[Project]:
    """The make project with an sshd in its dev image."""
    project = sample(bare_user, pdbuild_python, "make", "greet")
    recipe = project.root / "pdbuild.toml"
    text = recipe.read_text()
    assert 'blocks = ["gcc", "ccache"]' in text
    recipe.write_text(text.replace('blocks = ["gcc", "ccache"]', SSHD))
    yield project


@pytest.fixture(scope="module")
def baked(greet: Project) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """`pdbuild bake all`: what it said, and its rows by target."""
    done = greet.pdbuild("bake", "all", "--json", "--progress=plain", timeout=1200)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = json.loads(done.stdout)["rows"]
    return done, {row["target"]: row for row in rows}


Baked = tuple[subprocess.CompletedProcess[str], dict[str, Any]]


def test_the_engine_is_buildah_and_it_says_why(baked: Baked) -> None:
    lines = [line for line in baked[0].stderr.splitlines() if line.startswith("engine: ")]
    assert len(lines) == 1 and lines[0].startswith("engine: buildah (one user id alone: ")


def test_buildkit_is_refused_before_any_work(greet: Project) -> None:
    done = greet.pdbuild("bake", "all", "--engine=buildkit")
    assert done.returncode == 1
    assert "buildkit needs a range of user ids: you have no range" in done.stderr
    assert "--engine buildah" in done.stderr and "usermod --add-subuids" in done.stderr


def test_everything_is_made_and_belongs_to_the_user(greet: Project, baked: Baked) -> None:
    expected = {"dev", "rootfs"}
    kinds = ("binaries", "deb", "image", "rootfs")
    expected |= {f"{kind}-{v}" for kind in kinds for v in ("english", "french")}
    assert set(baked[1]) == expected
    build = greet.root / "build"
    assert [p for p in build.rglob("*") if p.lstat().st_uid != greet.user.uid] == []
    library = f"LD_LIBRARY_PATH={build / 'french/lib'}"
    assert "vous" in greet.runs("env", library, str(build / "french/bin/greet"), "vous")
    listed = subprocess.run(
        ["dpkg-deb", "--contents", build / "greet-1.2.0.deb"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}


def test_what_steps_make_belongs_to_root_alone_and_images_say_so(
    greet: Project, baked: Baked
) -> None:
    data = greet.user.home / ".local/share/pdbuild"
    store = data / "images"
    # The base's layer comes out as it went in, with its owners.
    given = {f"sha256:{path.name}" for path in data.glob("bases/*/blobs/sha256/*")}
    listed = json.loads(greet.succeeds("images", "--json"))
    assert len(listed) == 3
    for image in listed:
        assert image["labels"]["org.pdbuild.ownership"] == "flattened"
        manifest = json.loads(blob(store, image["digest"]).read_bytes())
        for layer in manifest["layers"]:
            if layer["digest"] not in given:
                with tarfile.open(blob(store, layer["digest"])) as tar:
                    assert {(member.uid, member.gid) for member in tar} <= {(0, 0)}


def blob(store: Path, digest: str) -> Path:
    return store / "blobs" / digest.replace(":", "/")


def test_the_image_runs_and_what_it_writes_belongs_to_the_user(
    greet: Project, baked: Baked
) -> None:
    assert greet.succeeds("run", "greet", "you") == "Hello, you!\n"
    assert greet.succeeds("run", "--variant=french", "greet", "you") != "Hello, you!\n"
    done = greet.user.run(
        ["podman", "run", "--rm", "--network=host", "--volume", f"{greet.user.home}:/work",
         "localhost/greet:dev", "sh", "-c", "id -u; touch /work/touched"],
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert (greet.user.home / "touched").stat().st_uid == greet.user.uid


def test_where_podman_is_not_installed_namespaces_do(greet: Project, baked: Baked) -> None:
    without = "cd && mkdir bin && ln -s /usr/bin/* bin && rm bin/podman && echo $PWD/bin"
    path = {"PATH": greet.runs("sh", "-ec", without).strip()}
    first = greet.pdbuild("run", "greet", "you", env=path)
    assert (first.returncode, first.stdout) == (0, "Hello, you!\n"), first.stderr
    assert "runtime: unshare (podman is not installed)" in first.stderr
    again = greet.pdbuild("run", "greet", "you", env=path)
    assert (again.stdout, again.stderr) == ("Hello, you!\n", "")
    inside = greet.succeeds("shell", "sh", "-c", "pwd; id -u; touch touched", env=path)
    assert inside == "/greet\n0\n"
    assert (greet.root / "touched").stat().st_uid == greet.user.uid
    built = greet.succeeds("build", env=path)
    assert "build/" in built and (greet.root / "build/dev/english/greet").exists()
    assert "nothing has changed" in greet.succeeds("build", env=path)
    greet.runs("rm", "touched")


def test_again_there_is_nothing_to_do_and_nothing_is_left(greet: Project, baked: Baked) -> None:
    rows = json.loads(greet.succeeds("bake", "all", "--json"))["rows"]
    assert [row["target"] for row in rows if not row["cached"]] == []
    # podman keeps one process with the user's namespace, whoever runs it.
    left = [line for line in greet.user.processes() if "catatonit -P" not in line]
    assert left == []
    assert mounts_below(greet.user.home) == []
    assert held_locks(greet.user) == []


def test_a_failing_step_is_reported_as_elsewhere(greet: Project, baked: Baked) -> None:
    source = greet.root / "src/main.c"
    before = source.read_text()
    source.write_text(before + "\nint nonsense = ;\n")
    try:
        done = greet.pdbuild("bake", "binaries-english")
        assert done.returncode == 1
        assert "src/main.c" in done.stderr and "step" in done.stderr
    finally:
        source.write_text(before)
    greet.succeeds("bake", "binaries-english")


def test_the_base_is_the_one_of_users_with_a_range(
    user: User, bare_user: User, pdbuild_python: Path, baked: Baked
) -> None:
    digests = []
    for account in (user, bare_user):
        done = account.run([pdbuild_python, "-c", BASE], timeout=600)
        assert done.returncode == 0, done.stderr
        digests.append(done.stdout.strip())
    assert digests[0] == digests[1]


@pytest.mark.long
def test_the_example_from_a_clean_clone(bare_user: User, pdbuild_python: Path) -> None:
    paddle = checkout(bare_user, pdbuild_python, "paddle")
    done = paddle.pdbuild("bake", "all", "--json", "--progress=plain", timeout=3600)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = {row["target"]: row for row in json.loads(done.stdout)["rows"]}
    variants = ("cpu", "noavx", "gpu", "gpu-noavx")
    expected = {"dev", "docs", "rootfs"}
    kinds = ("binaries", "deb", "image", "rootfs")
    expected |= {f"{kind}-{v}" for kind in kinds for v in variants}
    assert expected <= set(rows)
    assert paddle.succeeds("run", "paddle", "version").startswith("paddle ")
    assert paddle.succeeds("run", "a.py", "--variant=noavx")
    assert [
        p for p in (paddle.root / "build").rglob("*") if p.lstat().st_uid != bare_user.uid
    ] == []


def test_ssh_is_refused_as_sshd_must_become_others(greet: Project, baked: Baked) -> None:
    done = greet.pdbuild("ssh")
    assert done.returncode == 1
    assert "this account has no subordinate ids" in done.stderr
