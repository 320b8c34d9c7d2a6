"""What `run` makes of its words: files of the working directory, and commands of the image."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pdbuild.api import running
from pdbuild.container import Mount
from pdbuild.errors import UsageError

Words = tuple[str, ...]
Place = Callable[..., Words]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    here = tmp_path / "here"
    (here / "sub dir").mkdir(parents=True)
    for name in ("here/a.py", "here/sub dir/b.py", "here/tool", "outside.py"):
        (tmp_path / name).touch()

    def placed(*words: str, workdir: str = "/work", mounts: Sequence[Mount] = ()) -> Words:
        return running.placed(words, here, workdir, mounts)

    return placed


def test_files_here_are_found_there(place: Place, tmp_path: Path) -> None:
    assert place("a.py", "x", "a.py") == ("/work/a.py", "x", "a.py")
    assert place("./sub dir/../a.py") == ("/work/a.py",)
    assert place("sub dir/b.py", "") == ("/work/sub dir/b.py", "")
    assert place(str(tmp_path / "here/a.py")) == ("/work/a.py",)
    assert place("tool", workdir="/") == ("/tool",)


def test_other_words_are_commands_of_the_image(place: Place) -> None:
    assert place("python3", "-c", "pass") == ("python3", "-c", "pass")
    assert place("sub dir") == ("sub dir",)
    # Also one that this machine happens to have at the same place.
    assert place("/usr/bin/env", "x") == ("/usr/bin/env", "x")
    assert place() == ()


@pytest.mark.parametrize("word", ["no.py", "sub dir/no.py", "/no/no.py"])
def test_a_program_that_is_not_there(word: str, place: Place) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        place(word)


@pytest.mark.parametrize("word", ["../outside.py", "sub dir/../../outside.py", "{}/outside.py"])
def test_a_program_that_the_container_cannot_see(word: str, place: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="outside the working directory") as caught:
        place(word.format(tmp_path))
    assert f"-v {tmp_path}:" in caught.value.hint


def test_programs_that_are_named_as_the_container_sees_them(place: Place, tmp_path: Path) -> None:
    mount = Mount(source=tmp_path, target=str(tmp_path))
    program = str(tmp_path / "outside.py")
    assert place(program, mounts=(mount,)) == (program,)
    assert place("/work/a.py") == ("/work/a.py",)
    assert place("/data/b.py", mounts=(Mount(source=tmp_path, target="/data"),)) == ("/data/b.py",)
