"""Whether QEMU knows a CPU, from what it lists."""

import os
from pathlib import Path

import pytest

from pdbuild.errors import UsageError
from pdbuild.recipe.tables.verify import Cpu, Verify
from pdbuild.verify import model

DEBIAN_12 = """\
Available CPUs:
x86 486                   (alias configured by machine type)
x86 Nehalem-v1            Intel Core i7 9xx (Nehalem Class Core i7)
x86 Nehalem               (alias configured by machine type)
x86 max                   Enables all features supported by the accelerator

Recognized CPUID flags:
  3dnow 3dnowext 3dnowprefetch
"""
LATER = """\
Available CPUs:
  486                   (alias configured by machine type)
  Nehalem-v1            Intel Core i7 9xx (Nehalem Class Core i7)
  Nehalem               (alias configured by machine type)
  max                   Enables all features supported by the accelerator

Recognized CPUID flags:
  3dnow 3dnowext 3dnowprefetch
"""


def claims(name: str, *run: str) -> Verify:
    return Verify(cpu=Cpu(feature="avx", model=name, variants=("noavx",), run=run))


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of programs, with a QEMU that lists CPUs."""
    program = tmp_path / "qemu-x86_64-static"
    program.write_text(f"#!/bin/sh\n[ \"$*\" = '-cpu help' ] && echo '{DEBIAN_12}'\n")
    program.chmod(0o755)
    monkeypatch.setattr("pdbuild.tools.search_path", lambda: f"{tmp_path}{os.pathsep}/bin")
    return tmp_path


@pytest.mark.parametrize("listing", [DEBIAN_12, LATER])
def test_names_are_read(listing: str) -> None:
    assert model.parsed(listing) == {"486", "Nehalem-v1", "Nehalem", "max"}


def test_a_name_that_is_not_among_them(qemu: Path) -> None:
    with pytest.raises(UsageError) as raised:
        model.check(claims("Nehelam", "x"))
    assert raised.value.message == "[verify.cpu] model: QEMU knows no CPU 'Nehelam'"
    assert raised.value.hint.startswith("did you mean 'Nehalem'? `qemu-x86_64-static -cpu help`")


def test_a_name_that_is(qemu: Path) -> None:
    model.check(claims("Nehalem", "x"))
    model.check(claims("Nehalem,-sse4.2", "x"))


def test_what_is_not_emulated_is_not_asked_for(qemu: Path) -> None:
    model.check(claims("Nehelam"))
    model.check(Verify())


def test_without_qemu_nothing_is_known(qemu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (qemu / "qemu-x86_64-static").write_text("#!/bin/sh\nexit 1\n")
    model.check(claims("Nehelam", "x"))
    monkeypatch.setattr("pdbuild.tools.search_path", lambda: "/nonexistent")
    model.check(claims("Nehelam", "x"))
