"""Running a program of another platform: what serves, and what is refused before anything."""

import os
from pathlib import Path

import pytest
from test_store import REFERENCE, of

from pdbuild.container import Container, direct, foreign, host, loading, podman, sync
from pdbuild.container.missing import ProgramError
from pdbuild.engine import emulators
from pdbuild.errors import EngineError, UsageError
from pdbuild.store import Store

ARM = "linux/arm64"
HELLO = Container(image=REFERENCE, argv=("hello",), workdir="/work")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with an image of arm64 alone."""
    made = Store(tmp_path / "images")
    made.adopt(tmp_path / "arm", of(tmp_path / "arm", "arm64", b"layer"), REFERENCE)
    return made


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A user of a host that emulates nothing; what podman is given."""
    loaded: list[tuple[str, str]] = []

    def load(_store: Store, _reference: str, platform: str = "", *, name: str = "") -> bool:
        loaded.append((platform, name))
        return True

    monkeypatch.setattr(loading, "load", load)
    monkeypatch.setattr(emulators, "_HOST", tmp_path / "host")
    monkeypatch.setattr(emulators, "interpreters", lambda: {ARM: Path("/usr/bin/qemu")})
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    return loaded


def test_by_an_emulator_of_our_own(
    store: Store, machine: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    ran: list[direct.Program] = []
    image = direct.Image(storage="/s", layers=(), env=())
    monkeypatch.setattr(host, "find", lambda: None)
    monkeypatch.setattr(direct, "find", lambda _host, _name: image)
    monkeypatch.setattr(direct, "run", lambda _image, program: ran.append(program) or 7)
    assert foreign.run(store, HELLO, ARM) == 7
    # podman keeps this machine's image under the name itself.
    assert machine == [(ARM, f"{REFERENCE}-linux-arm64")]
    assert ran[0].argv == ("hello",) and ran[0].emulator.startswith(":qemu-aarch64:M::")
    assert capsys.readouterr().err == "linux/arm64: emulated on this machine, and slow\n"
    for container, detach in ((HELLO, True), (Container(image=REFERENCE, devices=("x",)), False)):
        with pytest.raises(UsageError, match="not with an emulator of pdbuild's own"):
            foreign.run(store, container, ARM, detach=detach)


def test_a_program_that_the_image_has_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_image: object, _program: object) -> int:
        raise direct.Missing("hello: No such file or directory", 127)

    monkeypatch.setattr(host, "find", lambda: None)
    monkeypatch.setattr(direct, "find", lambda _host, _name: None)
    monkeypatch.setattr(direct, "run", missing)
    with pytest.raises(
        ProgramError, match=f"there is no program hello in image {REFERENCE}"
    ) as caught:
        foreign.run(store, HELLO, ARM)
    assert caught.value.exit_code == 127 and not caught.value.hint


def test_by_the_hosts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/qemu-aarch64").write_text("enabled\ninterpreter /q\nflags: F\n")
    ran: list[Container] = []
    monkeypatch.setattr(podman, "run", lambda container: ran.append(container) or 3)
    assert foreign.run(store, HELLO, ARM) == 3
    assert [container.image for container in ran] == [f"{REFERENCE}-linux-arm64"]


def test_nothing_that_emulates(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "interpreters", dict)
    with pytest.raises(EngineError, match="there is no emulator for linux/arm64 here") as failed:
        foreign.run(store, HELLO, ARM)
    assert failed.value.hint == "apt install qemu-user-static"
    with pytest.raises(UsageError, match="linux/s390x: there is no emulator"):
        foreign.run(store, HELLO, "linux/s390x")


def test_root_has_the_hosts_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with pytest.raises(EngineError, match="as root, programs for linux/arm64 run by the host's"):
        foreign.run(store, HELLO, ARM)


def test_podman_is_not_given_what_is_for_others_alone(
    store: Store, machine: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "loadable", lambda: True)
    monkeypatch.setattr(host, "take_notices", tuple)
    monkeypatch.setattr(sync, "_try_plain_podman", lambda: None)
    monkeypatch.setattr(
        loading.platforms, "native", lambda: loading.platforms.PLATFORMS["linux/amd64"]
    )
    sync.load(store, [REFERENCE])
    assert machine == []
