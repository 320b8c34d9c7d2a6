"""What is carried: files by their content, in a folder and in an archive."""

import json
import tarfile
from dataclasses import replace
from errno import EXDEV
from pathlib import Path

import pytest

from pdbuild import carried
from pdbuild.carried import Carried, Content, content, described
from pdbuild.errors import EngineError, UsageError

KINDS = ("there", "there.tar")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))


def made(folder: Path, project: str, **texts: str) -> tuple[Content, dict[str, Path]]:
    """What a project needs, with a file for each of the texts."""
    paths = {}
    for name, text in texts.items():
        paths[f"mounts/0/{name}.deb"] = path = folder / f"{project}-{name}"
        path.write_text(text)
    content = Content(project=project, machine="linux/amd64", files=described(paths))
    return content, paths


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_back_as_they_were(tmp_path: Path, kind: str) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    paths = {"engines/1f/bin/tool": tool, "bases/trixie/index.json": tmp_path / "index"}
    paths["bases/trixie/index.json"].write_text("{}")
    content = Content(project="squares", machine="linux/amd64", files=described(paths))
    archive = Carried(tmp_path / kind)
    archive.add(content, paths)
    assert archive.contents() == (content,) == (archive.of("squares"),)
    assert archive.of("circles") is None
    assert archive.take("engines/1f", tmp_path / "out")
    assert not archive.take("engines/2f", tmp_path / "out")
    back = tmp_path / "out/bin/tool"
    assert back.read_text() == "#!/bin/sh\n" and back.stat().st_mode & 0o111
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["bin"]


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_files_are_lent(
    tmp_path: Path, kind: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is carried under another name, where that can be; what is there twice as one file."""
    texts = {"0/one.deb": "one", "0/lists": "lists", "1/lists": "lists", "1/same.deb": "one"}
    paths = {f"mounts/{place}": tmp_path / f"{n}" for n, place in enumerate(texts)}
    for path, text in zip(paths.values(), texts.values(), strict=True):
        path.write_text(text)
    archive = Carried(tmp_path / kind)
    archive.add(Content(project="x", machine="linux/amd64", files=described(paths)), paths)
    if elsewhere:
        monkeypatch.setattr(Path, "hardlink_to", _on_another_disk)
    archive.lend(archive.files("mounts"), "mounts", tmp_path / "out")
    found = {place: (tmp_path / "out" / place) for place in texts}
    assert {place: path.read_text() for place, path in found.items()} == texts
    # In the folder, out, and there once more.
    links = {"there": 3, "there.tar": 2}[kind]
    assert found["0/one.deb"].stat().st_nlink == (1 if elsewhere else links)
    assert found["0/lists"].stat().st_nlink == (1 if elsewhere else 2)


def _on_another_disk(path: Path, target: Path) -> None:
    raise OSError(EXDEV, "Invalid cross-device link")


@pytest.mark.parametrize("kind", KINDS)
def test_carried_twice_it_grows_by_the_change_alone(tmp_path: Path, kind: str) -> None:
    archive = Carried(tmp_path / kind)
    big = "x" * 100_000
    first = archive.add(*made(tmp_path, "squares", big=big, one="one"))
    assert first > len(big)
    assert archive.add(*made(tmp_path, "squares", big=big, one="one")) < 5_000
    assert archive.add(*made(tmp_path, "squares", big=big, two="two")) < 5_000
    assert archive.add(*made(tmp_path, "circles", big=big)) < 5_000
    squares = archive.of("squares")
    assert squares and [f.place for f in squares.files] == ["mounts/0/big.deb", "mounts/0/two.deb"]
    assert len(archive.contents()) == 2
    archive.take("mounts", tmp_path / "out")
    assert (tmp_path / "out/0/big.deb").read_text() == big


def test_one_file_more_costs_its_bytes_and_the_list_of_files(tmp_path: Path) -> None:
    """In a folder to the byte; a tar has blocks, and says the list again at its end."""
    texts = {f"file{n}": f"{n:02}" * 500 for n in range(50)}
    one, paths = made(tmp_path, "squares", **texts)
    two, more = made(tmp_path, "squares", **texts, new="new" * 700)
    listed = [len(content.text(each).encode()) for each in (one, two)]
    folder, tar = (Carried(tmp_path / kind) for kind in KINDS)
    assert folder.add(one, paths) == 50 * 1000 + listed[0]
    assert folder.add(two, more) == 2100 + listed[1] - listed[0]
    tar.add(one, paths)
    assert tar.add(one, paths) == 0
    assert tar.add(two, more) <= blocks(2100) + blocks(listed[1]) + tarfile.RECORDSIZE
    assert folder.add(two, more) == tar.add(two, more) == 0


def blocks(size: int) -> int:
    """The bytes of a file of that size in a tar, with its header."""
    return tarfile.BLOCKSIZE * (1 + -(-size // tarfile.BLOCKSIZE))


@pytest.mark.parametrize("place", ["mounts/0/one.deb", "downloads/one/source.tar"])
def test_what_is_not_what_its_checksum_says_is_refused(tmp_path: Path, place: str) -> None:
    file = tmp_path / "one"
    file.write_text("one")
    content = Content(project="squares", machine="linux/amd64", files=described({place: file}))
    archive = Carried(tmp_path / "there")
    archive.add(content, {place: file})
    (stored,) = (path for path in (tmp_path / "there/files").rglob("*") if path.is_file())
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    with pytest.raises(EngineError, match=f"{place} is missing or damaged") as raised:
        archive.take(place.partition("/")[0], tmp_path / "out")
    assert "pdbuild fetch --to" in raised.value.hint
    with pytest.raises(EngineError, match=f"{place} is missing or damaged"):
        archive.lend(content.files, place.partition("/")[0], tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    stored.unlink()
    with pytest.raises(EngineError, match="missing or damaged"):
        archive.take(place.partition("/")[0], tmp_path / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_damaged_is_mended_by_the_next_fetch(tmp_path: Path, kind: str) -> None:
    archive = Carried(tmp_path / kind)
    content, paths = made(tmp_path, "squares", one="one" * 1000)
    archive.add(content, paths)
    stored = archive.path if kind == "there.tar" else archive.path / content.files[0].stored
    stored.write_bytes(stored.read_bytes().replace(b"one", b"two"))
    with pytest.raises(EngineError, match="missing or damaged"):
        archive.take("mounts", tmp_path / "out")
    archive.add(content, paths)
    archive.take("mounts", tmp_path / "out")
    assert (tmp_path / "out/0/one.deb").read_text() == "one" * 1000


@pytest.mark.parametrize("place", ["../x", "mounts/../../x", "/etc/passwd", "home/x", "mounts//x"])
def test_nothing_is_written_elsewhere(tmp_path: Path, place: str) -> None:
    archive = Carried(tmp_path / "there")
    content, paths = made(tmp_path, "squares", one="one")
    archive.add(content, paths)
    listed = tmp_path / "there/recipes/squares.json"
    listed.write_text(json.dumps(json.loads(listed.read_text()) | {
        "files": [{"place": place, "sha256": content.files[0].sha256, "size": 3}],
    }))  # fmt: skip
    with pytest.raises(UsageError, match="is not what `pdbuild fetch` writes"):
        archive.contents()


def test_what_is_no_such_thing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        Carried(tmp_path / "none").contents()
    with pytest.raises(UsageError, match="nothing that `pdbuild fetch` collected"):
        Carried(tmp_path).contents()
    (tmp_path / "x.tar").write_text("no archive")
    with pytest.raises(UsageError, match="is no tar archive"):
        Carried(tmp_path / "x.tar").contents()
    content, paths = made(tmp_path, "squares", one="one")
    Carried(tmp_path / "there").add(content, paths)
    listed = tmp_path / "there/recipes/squares.json"
    listed.write_text(listed.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UsageError, match="another pdbuild wrote it"):
        Carried(tmp_path / "there").contents()


def test_a_folder_that_was_cut_short_has_nothing_new(tmp_path: Path) -> None:
    """The list of files comes last: what it names is there."""
    archive = Carried(tmp_path / "there")
    content, paths = made(tmp_path, "squares", one="one")
    lacking = replace(
        content, files=(*content.files, *described({"mounts/0/b": paths.popitem()[1]}))
    )
    with pytest.raises(KeyError):
        archive.add(lacking, paths)
    with pytest.raises(UsageError):
        archive.contents()


def test_the_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(carried.VARIABLE, raising=False)
    assert carried.here() is None
    monkeypatch.setenv(carried.VARIABLE, str(tmp_path))
    assert carried.here() == Carried(tmp_path)
