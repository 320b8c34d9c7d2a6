"""What the doctor says of other platforms."""

import dataclasses
import os
from pathlib import Path

import pytest

from pdbuild import programs
from pdbuild.doctor import emulation
from pdbuild.doctor.finding import State
from pdbuild.engine import emulators
from pdbuild.platforms import PLATFORMS, native
from pdbuild.recipe.tables.verify import Cpu, Verify


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host that knows no emulator, and has none."""
    monkeypatch.setattr(emulators, "_HOST", tmp_path)
    monkeypatch.setattr(emulators.tools, "search_path", lambda: str(tmp_path / "none"))
    return tmp_path


@pytest.mark.usefixtures("host")
def test_without_an_emulator_it_is_compiled_for_all_the_same() -> None:
    found = emulation.platform("linux/riscv64")
    assert found.state is State.WARN and "apt install qemu-user-static" in found.mend
    assert "compiled for here" in found.text and "TEST=ON" in found.cost


def test_the_hosts_own_emulator(host: Path) -> None:
    (host / "qemu-aarch64").write_text("enabled\ninterpreter /usr/bin/env\nflags: F\n")
    assert emulation.platform("linux/arm64").state is State.OK


@pytest.mark.usefixtures("host")
def test_root_has_no_namespace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"linux/arm64": Path("/usr/bin/env")}
    monkeypatch.setattr(emulators, "interpreters", lambda: here)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    found = emulation.platform("linux/arm64")
    assert found.state is State.WARN and "root has the host's emulators alone" in found.text


def test_a_platform_that_pdbuild_does_not_know() -> None:
    found = emulation.platform("linux/s390x")
    assert found.state is State.WARN and "does not compile for it" in found.text


def test_those_of_the_recipe_are_looked_at() -> None:
    @dataclasses.dataclass
    class Named:
        platforms: tuple[str, ...]

    @dataclasses.dataclass
    class Whole:
        project: Named

    mine = native().name
    whole = Whole(Named((mine, *(name for name in PLATFORMS if name != mine))))
    assert mine not in emulation.foreign(whole) and len(emulation.foreign(whole)) == 3  # type: ignore[arg-type]
    assert emulation.foreign(None) == ()


@pytest.mark.usefixtures("host")
def test_claims_of_another_cpu_take_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "native", lambda: PLATFORMS["linux/amd64"])
    found = emulation.cpu()
    assert found.state is State.WARN and found.mend == "apt install qemu-user-static"
    assert "`pdbuild verify` does not check" in found.cost
    monkeypatch.setattr(emulation, "native", lambda: PLATFORMS["linux/arm64"])
    assert emulation.cpu().state is State.OK


@pytest.mark.parametrize(("code", "state"), [(0, State.OK), (32, State.WARN)])
def test_claims_of_another_cpu_take_a_kernel(
    code: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qemu-x86_64-static").write_bytes(b"\x7fELF")
    (tmp_path / "qemu-x86_64-static").chmod(0o755)
    monkeypatch.setattr(emulation, "native", lambda: PLATFORMS["linux/amd64"])
    monkeypatch.setattr(emulation.tools, "search_path", lambda: str(tmp_path))
    done = programs.Done(code=code, out="", err="mount: no")
    monkeypatch.setattr(emulation.programs, "run", lambda *_: done)
    assert emulation.cpu().state is state


def test_who_claims_something_of_a_cpu() -> None:
    @dataclasses.dataclass
    class Whole:
        verify: Verify | None

    claims = Cpu(feature="avx", model="Nehalem", variants=("x",), run=("y",))
    assert emulation.claims_cpu(Whole(Verify(cpu=claims)))  # type: ignore[arg-type]
    for verify in (None, Verify(), Verify(cpu=dataclasses.replace(claims, run=()))):
        assert not emulation.claims_cpu(Whole(verify))  # type: ignore[arg-type]
