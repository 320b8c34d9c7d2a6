"""The folder of a bootstrap, and the shell that watches it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pdbuild.bootstrap import scratch

# As mmdebstrap is: the first process does not end on SIGTERM, and neither do others.
STUBBORN = """
trap "" TERM INT
sh -c 'echo $$ >"$0/second"; while :; do sleep 1; done' "$0" &
echo $$ >"$0/first"
wait
"""


def started(folder: Path, *command: str) -> subprocess.Popen[str]:
    words = scratch.watched(folder, command)
    return subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE, text=True)


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + 10
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, file
        time.sleep(0.01)
    return int(file.read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_ends_at_once(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "work"
    with started(folder, "sh", "-c", STUBBORN, str(folder)) as shell:
        pids = [pid_in(folder / name) for name in ("first", "second")]
        os.kill(shell.pid, number)
        assert shell.wait(10) > 128
    assert not folder.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]


@pytest.mark.parametrize("moment", [0.0, 0.002, 0.005, 0.01, 0.02])
def test_at_any_moment_of_the_start(tmp_path: Path, moment: float) -> None:
    folder = tmp_path / "work"
    with started(folder, "sleep", "60") as shell:
        time.sleep(moment)
        os.kill(shell.pid, signal.SIGTERM)
        assert shell.wait(10)
    assert not folder.exists()


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_the_commands(tmp_path: Path, code: int) -> None:
    folder = tmp_path / "work"
    with started(folder, "sh", "-c", f"test -d {folder}; exit {code}") as shell:
        assert shell.wait(10) == code
    assert not folder.exists()
