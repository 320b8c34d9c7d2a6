"""Sources of blocks: fetched once, checked, and missed loudly."""

import dataclasses
import functools
import hashlib
import http.server
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild import carried, sources
from pdbuild.errors import EngineError, PdbuildError
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Block, Mirrors, Recipe, Source

BLOCKS = Path(__file__).parents[2] / "recipes" / "toolchain"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    # The tester's own settings for git are no part of this.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


@pytest.fixture
def repository(tmp_path: Path) -> tuple[str, str]:
    """A repository, and the commit in it that is not the newest."""
    folder = tmp_path / "example.org" / "browser"
    folder.mkdir(parents=True)
    git = ("git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x")
    subprocess.run([*git, "init", "--quiet"], check=True)
    commits = []
    for text in ("pinned", "newer"):
        (folder / "file").write_text(text)
        subprocess.run([*git, "add", "file"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", text], check=True)
        found = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True)
        commits.append(found.stdout.decode().strip())
    return str(folder), commits[0]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server for the test's folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def recipe(tmp_path: Path, source: Source, *, optional: bool = True, own: str = "") -> Recipe:
    file = tmp_path / "r.toml"
    file.write_text('project.name = "x1"\n')
    block = Block(name="browser", description="", check="check/x", source=source, optional=optional)
    loaded = load(file, blocks_dir=BLOCKS)
    parameters: dict[str, dict[str, str | tuple[str, ...]]] = {}
    if own:
        parameters["browser"] = {"source": own}
    toolchain = dataclasses.replace(loaded.toolchain, parameters=parameters)
    return dataclasses.replace(loaded, blocks=(block,), toolchain=toolchain)


def missing(recipe: Recipe, *, fetch: bool = True) -> tuple[dict[str, str], list[str]]:
    said: list[str] = []
    return sources.missing(recipe, recipe.blocks, fetch=fetch, say=said.append), said


def test_a_commit_is_fetched_once_whatever_the_branch_is(
    tmp_path: Path, repository: tuple[str, str]
) -> None:
    address, commit = repository
    wanted = recipe(tmp_path, Source(git=f"file://{address}", commit=commit))
    found, said = missing(wanted)
    assert found == {}
    assert (sources.folder(wanted.blocks[0]) / "file").read_text() == "pinned"
    assert said == [f"fetching the source of browser from file://{address}"]
    subprocess.run(["rm", "-rf", address], check=True)
    assert missing(wanted) == ({}, [])
    assert missing(wanted, fetch=False) == ({}, [])


def test_a_local_clone_and_a_mirror(tmp_path: Path, repository: tuple[str, str]) -> None:
    address, commit = repository
    upstream = Source(git="https://example.org/browser", commit=commit)
    nearby = recipe(tmp_path, upstream, own="example.org/browser")
    found, said = missing(nearby)
    assert not found and said[0].endswith(address)
    subprocess.run(["rm", "-rf", tmp_path / "cache"], check=True)
    mirrored = dataclasses.replace(
        recipe(tmp_path, upstream), mirrors=Mirrors(git=f"file://{tmp_path}/")
    )
    found, said = missing(mirrored)
    assert not found and said[0].endswith(f"file://{tmp_path}/example.org/browser")
    gone = recipe(tmp_path, dataclasses.replace(upstream, commit="1" * 40), own="nowhere")
    with pytest.raises(PdbuildError, match=r"there is no .*nowhere"):
        missing(gone)


def test_an_optional_source_that_cannot_be_had_leaves_the_block_out(tmp_path: Path) -> None:
    wanted = recipe(tmp_path, Source(git=f"file://{tmp_path}/none", commit="1" * 40))
    found, said = missing(wanted)
    assert list(found) == ["browser"] and len(said) == 1
    told = f"fetching it failed: file://{tmp_path}/none does not give commit 111111111111"
    assert found["browser"].startswith(told)
    assert f"'{tmp_path}/none' does not appear to be a git repository" in found["browser"]
    # All that git said is kept, not its last line alone.
    log = Path(found["browser"].rpartition("(log: ")[2].removesuffix(")"))
    assert "fatal: " in log.read_text() and len(log.read_text().splitlines()) > 1
    # It is not asked for again at once, and still told; until somebody wants it to be.
    assert missing(wanted) == (found, [])
    assert missing(wanted, fetch=False)[0] == {"browser": "its source has not been fetched"}
    sources.ask_again(wanted.blocks[0])
    assert missing(wanted) == (found, said)
    needed = recipe(
        tmp_path, Source(git=f"file://{tmp_path}/none", commit="2" * 40), optional=False
    )
    with pytest.raises(EngineError, match="block browser cannot be built") as caught:
        missing(needed)
    assert "browser = { source =" in caught.value.hint


def test_a_commit_that_a_repository_lacks(tmp_path: Path, repository: tuple[str, str]) -> None:
    address, _ = repository
    found, _ = missing(recipe(tmp_path, Source(git=f"file://{address}", commit="0" * 39 + "1")))
    assert "does not give commit" in found["browser"]


def test_a_tarball_is_checked(tmp_path: Path, web: str) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "file").write_text("text")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "top", "browser-1.0")
    checksum = hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest()
    wanted = recipe(tmp_path, Source(url=f"{web}/a.tar.gz", sha256=checksum))
    assert missing(wanted)[0] == {}
    assert (sources.folder(wanted.blocks[0]) / "file").read_text() == "text"
    other = Source(url=f"{web}/a.tar.gz", sha256="0" * 64)
    with pytest.raises(PdbuildError, match="is not what the block pins"):
        missing(recipe(tmp_path, other))
    absent = Source(url=f"{web}/b.tar.gz", sha256="1" * 64)
    assert "not found" in missing(recipe(tmp_path, absent))[0]["browser"]
    assert not list((tmp_path / "cache" / "downloads").glob(".partial-*"))


def test_plain_tools_get_no_optional_block(tmp_path: Path) -> None:
    wanted = recipe(tmp_path, Source(url="https://x", sha256="0" * 64))
    assert sources.plain(wanted).at_hand == ()
    assert list(sources.plain(wanted).left_out) == ["browser"]


def test_a_source_that_was_carried_needs_no_network(
    tmp_path: Path, repository: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, commit = repository
    wanted = recipe(tmp_path, Source(git=f"file://{address}", commit=commit))
    missing(wanted)
    block = wanted.blocks[0]
    packed = [tmp_path / name for name in ("a", "b")]
    for path in packed:
        sources.packed(block, path)
    assert packed[0].read_bytes() == packed[1].read_bytes()
    place = f"downloads/{sources.folder(block).name}/source.tar"
    paths = {place: packed[0]}
    content = carried.Content(project="x1", machine="", files=carried.described(paths))
    carried.Carried(tmp_path / "there").add(content, paths)

    subprocess.run(["rm", "-rf", address, tmp_path / "cache"], check=True)
    monkeypatch.setenv(carried.VARIABLE, str(tmp_path / "there"))
    assert missing(wanted) == ({}, [])
    assert (sources.folder(block) / "file").read_text() == "pinned"
    other = recipe(tmp_path, Source(git=f"file://{address}", commit="2" * 40))
    found, _ = missing(other)
    assert "does not have the source of browser" in found["browser"]
    monkeypatch.delenv(carried.VARIABLE)
    # That it was not carried is not remembered where there is a network.
    assert "does not give commit" in missing(other)[0]["browser"]


def test_without_a_network_it_is_said_what_is_wanted(tmp_path: Path) -> None:
    source = Source(git="https://nowhere.invalid/browser", commit="1" * 40)
    found, _ = missing(recipe(tmp_path, source))
    assert "the source of browser is wanted from nowhere.invalid" in found["browser"]
