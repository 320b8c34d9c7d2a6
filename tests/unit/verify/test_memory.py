"""What was read in files is remembered, and read ahead on all cores."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from test_code import _EXPORTED, _LIBRARY
from verify_bits import compiled, layer, subject

from pdbuild import dirs
from pdbuild.recipe.tables.verify import Cpu, Verify
from pdbuild.verify import ahead, code, cpu, elf, memory

_PATH = "/usr/lib/libthing.so"
_CLAIMS = Verify(cpu=Cpu(feature="avx", model="Nehalem", variants=("plain",)))


def files() -> dict[str, Any]:
    return {_PATH: compiled(_EXPORTED, *_LIBRARY), "/etc/text": b"\x7fELF? no", "/x": b"y" * 99}


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on nobody can read an ELF file, or its code."""

    def refuse(*_: object) -> None:
        raise AssertionError("it was read again")

    def from_now_on() -> None:
        monkeypatch.setattr(elf, "parse", refuse)
        monkeypatch.setattr(code, "scan", refuse)

    return from_now_on


def test_a_file_is_read_once_whatever_image_it_is_in(unreadable: Callable[[], None]) -> None:
    first, second = layer(files()), layer({"/new": b"x"} | files())
    (entry,) = (e for e in first.entries if e.path == _PATH)
    found, functions = elf.of(first, entry), cpu.scan(first, entry, "avx")
    assert found and [f.name for f in functions] == ["wide"]
    unreadable()
    (same,) = (e for e in second.entries if e.path == _PATH)
    assert elf.of(second, same) == found
    assert cpu.scan(second, same, "avx") == functions
    assert cpu.is_known(second, same, "avx") and not cpu.is_known(second, same, "avx2")
    with pytest.raises(AssertionError, match="read again"):
        cpu.scan(second, same, "avx2")


@pytest.mark.parametrize("what", ["content", "damage", "pdbuild"])
def test_what_changes_is_read_again(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = layer(files())
    (entry,) = (e for e in first.entries if e.path == _PATH)
    found = elf.of(first, entry)
    kept = list((dirs.cache_dir() / "verified-files").iterdir())
    assert len(kept) == 1
    if what == "content":
        other = layer({_PATH: compiled("int other;", *_LIBRARY)})
        assert elf.of(other, other.entries[-1]) != found
        return
    if what == "damage":
        kept[0].write_text("{")
    else:
        monkeypatch.setattr(memory, "_readers", lambda: "another")
    second = layer({"/new": b"x"} | files())
    (same,) = (e for e in second.entries if e.path == _PATH)
    assert memory.recall("ELF", memory_digest := elf.digest(second, same)) is None
    assert elf.of(second, same) == found
    assert memory.recall("ELF", memory_digest) is not None


def test_what_is_old_goes() -> None:
    memory.keep("ELF", "1", [])
    memory.keep("ELF", "2", [])
    old, new = memory._path("ELF", "1"), memory._path("ELF", "2")
    os.utime(old, (0, 0))
    memory.tidy()
    assert (old.exists(), new.exists()) == (False, True)


def test_all_is_read_ahead(monkeypatch: pytest.MonkeyPatch, unreadable: Callable[[], None]) -> None:
    monkeypatch.setattr(ahead, "_FEW", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    image = subject(files(), claims=_CLAIMS, project="other")
    monkeypatch.setattr(type(image), "shipped", frozenset())
    ahead.read([image])
    unreadable()
    assert list(image.elves) == [_PATH]
    (found,) = image.elves.values()
    assert [f.name for f in cpu.scan(*image.content.files[found.path], "avx")] == ["wide"]
    assert list(ahead._unread(image)) == []


def test_little_is_not_worth_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(ahead, "share", lambda *_: pytest.fail("it was"))
    ahead.read([subject(files(), claims=_CLAIMS)])


def test_processes_share_work_and_one_failure_is_its_own(tmp_path: Path) -> None:
    def fails() -> None:
        raise ValueError

    def writes(number: int) -> None:
        (tmp_path / str(number)).write_text(str(os.getpid()))

    ahead.share([fails, *(partial(writes, n) for n in range(50)), fails], 3)
    made = [(tmp_path / str(n)).read_text() for n in range(50)]
    assert str(os.getpid()) not in made
