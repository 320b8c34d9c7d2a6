"""BuildKit inside a Docker Engine, and in a container there, bakes the same graph as our own."""

import dataclasses
import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import unpacked
from system import small
from system.conftest import User
from system.project import Project, give

from .conftest import client_of, give_base
from .engines import Engine, running

# The next suite's, which has named contexts: unpacked once, and kept.
SUITE = "trixie"
_KEPT = Path("/var/tmp/pdbuild-tests") / f"docker-{SUITE}"
_PACKAGES = "docker.io,docker-cli,containerd,tini"
_PROGRAMS = ("./usr/bin/docker*", "./usr/bin/containerd*", "./usr/bin/tini*", "./usr/sbin/docker*")


@pytest.fixture(scope="module")
def newer() -> Iterator[Engine]:
    if not _KEPT.is_dir():
        _unpack()
    programs = f"{_KEPT}/usr/bin:{_KEPT}/usr/sbin"
    with running(programs=programs) as engine:
        yield engine


def _unpack() -> None:
    partial = unpacked(_KEPT, SUITE, _PACKAGES, *_PROGRAMS)
    for path in (_KEPT.parent, partial):
        path.chmod(0o755)
    partial.rename(_KEPT)


@pytest.fixture(scope="module")
def note(account: User, newer: Engine, own_base: Path, pdbuild_python: Path) -> Iterator[Project]:
    """A small project, of a user who has the newer engine."""
    give_base(newer, own_base)
    user = client_of(account, newer)
    root = user.home / "note"
    shutil.copytree(Path(__file__).with_name("note"), root)
    give(user, root)
    yield Project(user=user, root=root, program=pdbuild_python.parent / "pdbuild")
    shutil.rmtree(root)


# Type, mode, owner, link, content.
Entry = tuple[bytes, int, int, int, str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baked:
    """What a bake has left: the digests of files by path, and the files of images by name."""

    files: dict[str, str]
    images: dict[str, dict[str, Entry]]


def baked(project: Project, *words: str) -> Baked:
    rows = project.bake("binaries", "images", *words)
    listed = json.loads((project.root / "build/artifacts.json").read_text())["artifacts"]
    names = [row["where"] for row in rows.values() if row["where"].startswith("localhost/")]
    return Baked(
        files={file["path"]: file["sha256"] for file in listed},
        images={name: tree(project, name) for name in names},
    )


def tree(project: Project, name: str) -> dict[str, Entry]:
    """The files of an image that the engine has, without their times."""
    container = project.runs("docker", "create", name).strip()
    archive = project.root / "tree.tar"
    project.runs("docker", "export", "--output", str(archive), container)
    project.runs("docker", "rm", container)
    found: dict[str, Entry] = {}
    with tarfile.open(archive) as files:
        for file in files:
            content = files.extractfile(file) if file.isreg() else None
            digest = hashlib.sha256(content.read()).hexdigest() if content else ""
            found[file.name] = (file.type, file.mode, file.uid, file.gid, file.linkname, digest)
    archive.unlink()
    return found


def layers(project: Project, name: str) -> list[str]:
    """The layers of an image that the engine has."""
    shown = project.runs("docker", "image", "inspect", "--format={{json .RootFS.Layers}}", name)
    found: list[str] = json.loads(shown)
    return found


@pytest.fixture(scope="module")
def by_ours(note: Project) -> Baked:
    return baked(note)


def test_images_of_our_own_bake_are_in_docker(note: Project, by_ours: Baked) -> None:
    assert set(by_ours.images) == {f"localhost/note:{tag}" for tag in ("1.0", "1.0-french")}
    assert note.runs("docker", "run", "--rm", "localhost/note:1.0-french") == "Bonjour\n"
    stored = {row["reference"]: row for row in json.loads(note.succeeds("images", "--json"))}
    for name in by_ours.images:
        found = note.runs("docker", "image", "inspect", "--format={{.Id}}", name).strip()
        assert found == stored[name]["config_digest"]


def test_after_an_edit_only_what_changed_is_new_there(note: Project, by_ours: Baked) -> None:
    word = note.root / "words/en"
    before = layers(note, "localhost/note:1.0")
    word.write_text("Howdy\n")
    note.succeeds("bake", "image-english")
    now = layers(note, "localhost/note:1.0")
    assert now[:-1] == before[:-1] and now[-1] != before[-1]
    assert note.runs("docker", "run", "--rm", "localhost/note:1.0") == "Howdy\n"
    # The image that had the name has gone.
    dangling = ("docker", "image", "ls", "--quiet", "--filter", "dangling=true")
    assert not note.runs(*dangling).strip()
    word.write_text("Hello\n")


def test_docker_runs_what_was_pushed(note: Project, by_ours: Baked, tmp_path: Path) -> None:
    with small.registry(tmp_path) as registry:
        to = f"{registry.address}/team/note"
        note.succeeds("push", "note:1.0", "note:1.0-french", "--to", to, "--insecure")
        assert registry.tags("team/note") == ["1.0", "1.0-french"]
        assert note.runs("docker", "run", "--rm", f"{to}:1.0-french") == "Bonjour\n"
        note.runs("docker", "image", "rm", f"{to}:1.0-french")


def test_docker_asks_an_application_how_it_is(note: Project, by_ours: Baked) -> None:
    row = note.bake("apps")["app-french"]
    assert row["where"] == "localhost/card:1.0-french"
    shown = ("docker", "image", "inspect", "--format={{json .Config}}", row["where"])
    config = json.loads(note.runs(*shown))
    assert config["Healthcheck"]["Test"] == ["CMD", "note"]
    assert config["WorkingDir"] == "/card" and "WHO=nobody" in config["Env"]
    words = ("docker", "run", "--detach", "--interactive", "--health-interval=0.5s")
    container = note.runs(*words, row["where"], "sh", "-c", "read x").strip()
    try:
        state = ("docker", "inspect", "--format={{.State.Health.Status}}", container)
        deadline = time.monotonic() + 20
        while note.runs(*state) != "healthy\n":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        note.runs("docker", "rm", "--force", container)


def test_dockers_own_buildkit_bakes_the_same(note: Project, by_ours: Baked) -> None:
    shutil.rmtree(note.root / "build")
    assert baked(note, "--builder", "default") == by_ours
    assert note.runs("docker", "run", "--rm", "localhost/note:1.0") == "Hello\n"


def test_a_failing_step_is_told_by_dockers_own_buildkit(note: Project, by_ours: Baked) -> None:
    failing = note.written("fail-fr", "")
    done = note.pdbuild("bake", "binaries", "--builder", "default", "--keep-going")
    failing.unlink()
    assert done.returncode == 1
    assert "error: binaries-french: step" in done.stderr
    assert "error: no word of fr" in done.stderr


def test_a_shell_in_the_development_image_by_docker(note: Project, by_ours: Baked) -> None:
    program = ("sh", "-c", "id -un; pwd; command -v dpkg-source")
    said = note.succeeds("shell", "--runtime", "docker", *program)
    assert said.split() == [note.user.name, "/note", "/usr/bin/dpkg-source"]


BUILDER = """\
FROM debian:trixie-slim
COPY buildkitd buildctl runc /usr/bin/
ENTRYPOINT ["buildkitd"]
"""


def test_a_builder_in_a_container_bakes_the_same(note: Project, by_ours: Baked) -> None:
    folder = note.user.home / "builder"
    folder.mkdir()
    (engines,) = (note.user.home / ".local/share/pdbuild/engines").glob("*/bin")
    runc = shutil.which("runc", path="/usr/sbin:/usr/bin")
    assert runc
    for program in (engines / "buildkitd", engines / "buildctl", Path(runc)):
        shutil.copy(program, folder)
    (folder / "Dockerfile").write_text(BUILDER)
    give(note.user, folder)
    note.runs("docker", "build", "--quiet", "-t", "localhost/buildkit:own", str(folder))
    create = ("docker", "buildx", "create", "--name=boxed", "--driver=docker-container")
    note.runs(*create, "--driver-opt=image=localhost/buildkit:own,network=host")
    try:
        shutil.rmtree(note.root / "build")
        assert baked(note, "--builder", "boxed") == by_ours
    finally:
        note.runs("docker", "buildx", "rm", "boxed")


def test_a_docker_too_old_for_the_graph_is_refused(project: Project, engine: Engine) -> None:
    done = project.pdbuild("bake", "dev", "--builder", "default")
    assert done.returncode == 1
    said = f"the BuildKit inside Docker {engine.version} is too old"
    assert said in done.stderr and "hint: Docker 23 and newer" in done.stderr
