"""Programs that an image has not: the launchers' words, and what is said instead."""

import stat
from pathlib import Path

import pytest

from pdbuild.container import Container, host, podman
from pdbuild.container.foreground import Foreground
from pdbuild.container.missing import ProgramError, explained

IMAGE = "localhost/x:1"
RUN = Container(image=IMAGE, argv=("nosuch", "a"))
RUNC = "Error: /usr/sbin/runc: runc create failed: unable to start container process: exec: "
CRUN = "Error: crun: executable file `nosuch` not found in $PATH: No such file or directory: OCI"
DOCKER = (
    "docker: Error response from daemon: failed to create shim task: OCI runtime create failed: "
    'runc create failed: unable to start container process: exec: "nosuch": executable file not '
    "found in $PATH: unknown.\n"
)
NONE = f"there is no program nosuch in image {IMAGE}"

# What was said with which exit code → what is said of it.
SAID = {
    (f'{RUNC}"nosuch": executable file not found in $PATH: OCI runtime', 127): NONE,
    (f'{RUNC}"/a/b": stat /a/b: no such file or directory: OCI', 127): NONE.replace(
        "nosuch", "/a/b"
    ),
    (f'{RUNC}"/etc/data": permission denied: OCI permission denied', 126): (
        f"/etc/data in image {IMAGE} cannot be executed"
    ),
    (CRUN, 127): NONE,
    (DOCKER, 127): NONE,
    # These are about something else.
    ("Error: OCI runtime error: crun: cgroups in hybrid mode not supported", 126): "",
    ("bash: line 1: nosuch: command not found", 127): "",
    (DOCKER, 125): "",
}


@pytest.mark.parametrize(("said", "code"), SAID)
def test_launchers_words(said: str, code: int) -> None:
    found = explained(said, code, RUN)
    assert (found.message if found else "") == SAID[said, code]
    if found:
        assert found.exit_code == code
        assert ("chmod +x" in found.hint) == (code == 126)


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """podman that ends as runc has it end."""
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    program = tmp_path / "podman"
    program.write_text(f"#!/bin/sh\necho '{next(iter(SAID))[0]}' >&2\nexit 127\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(podman, "find", lambda: host.Host(podman=str(program)))


def test_podmans_words_are_not_shown(launched: None, capfd: pytest.CaptureFixture[str]) -> None:
    for start in (podman.run, podman.start):
        with pytest.raises(ProgramError, match=f"^{NONE}$") as caught:
            start(RUN)
        assert caught.value.exit_code == 127
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("first", ["docker: ", "the program's: "])
def test_a_launchers_own_words_are_held_back_until_the_program_writes(
    first: str, capfd: pytest.CaptureFixture[str]
) -> None:
    program = Foreground(["sh", "-c", f'echo "{first}x" >&2'], own=(b"docker: ",))
    assert program.wait() == 0
    held = first == "docker: "
    assert program.held == (b"docker: x\n" if held else b"")
    assert capfd.readouterr().err == ("" if held else "the program's: x\n")


def test_a_line_of_a_launchers_that_comes_in_pieces_is_held_back_as_one(
    capfd: pytest.CaptureFixture[str],
) -> None:
    pieces = "printf 'docker: ' >&2; sleep 0.2; echo no such program >&2"
    program = Foreground(["sh", "-c", pieces], own=(b"docker: ",))
    assert program.wait() == 0
    assert program.held == b"docker: no such program\n"
    program = Foreground(["sh", "-c", f"{pieces}; sleep 0.2; echo more >&2"], own=(b"docker: ",))
    assert program.wait() == 0 and program.held == b""
    assert capfd.readouterr().err == "docker: no such program\nmore\n"
