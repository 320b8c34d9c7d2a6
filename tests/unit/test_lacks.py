"""A network or a disk that is not there is named, from what programs say of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild import lacks
from pdbuild.cli import main
from pdbuild.errors import EngineError
from pdbuild.verbs import doctor

HOST = "archive.example.org"


@pytest.mark.parametrize(
    "line",
    [
        f"E: Failed to fetch http://{HOST}/d/x.deb  Could not connect to {HOST}:80 (192.0.2.1).",
        f"W: Failed to fetch http://{HOST}/d/InRelease  Temporary failure resolving '{HOST}'",
        f"  Could not resolve '{HOST}'".replace("resolve", "resolve host:"),
        f"  Unable to connect to {HOST}:http:",
        f"  Cannot initiate the connection to {HOST}:80 (192.0.2.1). - connect (101: unreachable)",
        f"  Something wicked happened resolving '{HOST}:http' (-5 - No address)",
        f"curl: (6) Could not resolve host: {HOST}",
        f"curl: (7) Failed to connect to {HOST} port 443 after 0 ms: Couldn't connect to server",
        f"fatal: unable to access 'https://{HOST}/a.git/': Could not resolve host: {HOST}",
        f"fatal: unable to access 'https://u:p@{HOST}/a.git/': Failed to connect to {HOST} port 1",
        f"  WARNING: Retrying after connection broken by 'NameResolutionError(\"HTTPSConnection"
        f"(host='{HOST}', port=443): Failed to resolve '{HOST}' ([Errno -3])\")': /simple/x/",
        f"NewConnectionError(\"HTTPSConnection(host='{HOST}', port=9): Failed to establish a new",
        f'go: x: Get "https://{HOST}/x/@v/list": dial tcp: lookup {HOST} on 192.0.2.1:53: no host',
        f'go: x: Get "https://{HOST}/x": dial tcp 192.0.2.1:443: connect: connection refused',
        f'Get "https://x.example/x": proxyconnect tcp: dial tcp: lookup {HOST}: no such host',
        f"Could not resolve proxy: {HOST}",
    ],
)
def test_the_host_that_was_not_reached(line: str) -> None:
    assert lacks.unreached(line) == HOST
    text = f"something before\n{line}\nand after"
    first = f"{HOST} cannot be reached; nothing is lost, and the next run goes on from here"
    assert lacks.outage(text) == first


@pytest.mark.parametrize(
    ("cause", "who"),
    [
        ("'ProxyError('Cannot connect to proxy.', NewConnectionError('<pip._", "pip's proxy"),
        ("'NewConnectionError('<pip._vendor.urllib3.connection.", "pip's package index"),
    ],
)
def test_a_host_that_pip_does_not_name(cause: str, who: str) -> None:
    line = f"WARNING: Retrying (Retry(total=0)) after connection broken by {cause}HTTPSConnection"
    assert lacks.unreached(line) == who


@pytest.mark.parametrize(
    "line",
    [
        "",
        "error: expected ';'",
        "E: Unable to locate package x",
        "connected",
        "resolve(x)",
        "host=",
    ],
)
def test_what_is_no_outage(line: str) -> None:
    assert lacks.unreached(line) == ""


def test_programs_that_are_here_are_understood(tmp_path: Path) -> None:
    nowhere = {**os.environ, "LC_ALL": "C", "https_proxy": "http://127.0.0.1:9"}
    pip = f"{sys.executable} -m pip download --retries=1 --no-deps --dest {tmp_path} no-such"
    for command in ("git ls-remote https://archive.example.org/a", pip):
        done = subprocess.run(
            command.split(), env=nowhere, capture_output=True, text=True, check=False
        )
        assert done.returncode
        assert lacks.outage(done.stdout + done.stderr), done.stderr


def test_a_full_disk_names_the_path_and_the_size(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised, lacks.room(tmp_path / "new" / "file", 3_000_000):
        raise OSError(28, "No space left on device")
    start = f"{tmp_path}/new/file: no space left on device: 3.0 MB wanted, "
    assert raised.value.message.startswith(start)
    assert "pdbuild prune" in raised.value.hint
    with pytest.raises(EngineError, match=r"3\.0 MB wanted"), lacks.room(tmp_path, 3_000_000):
        raise EngineError("tar: x: Cannot write: No space left on device")
    with pytest.raises(FileNotFoundError), lacks.room(tmp_path, 1):
        raise FileNotFoundError
    with pytest.raises(EngineError, match="other"), lacks.room(tmp_path, 1):
        raise EngineError("other")


@pytest.mark.parametrize(
    ("message", "first", "says"),
    [
        ("mmdebstrap failed:\ntar: x: No space left on device", "mmdebstrap failed:", "prune"),
        ("git: Could not resolve host: a.example", "a.example cannot be reached; nothing", ""),
        ("error: dev: step 1/2\n  | Could not resolve host: a.example", "dev: step 1/2", ""),
    ],
)
def test_the_command_line_says_what_it_means(
    message: str,
    first: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(_: object) -> int:
        raise EngineError(message)

    monkeypatch.setattr(doctor, "run", fails)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {first}")
    assert says in said
    assert ("prune" in said) == bool(says)


def test_a_real_full_disk(tmp_path: Path) -> None:
    """In a user namespace of its own: a disk of one megabyte."""
    program = (
        "from pathlib import Path; from pdbuild import cli, lacks\n"
        "from pdbuild.verbs import doctor\n"
        "def run(_):\n"
        f"    with lacks.room(Path({str(tmp_path)!r}, 'x'), 4_000_000):\n"
        f"        Path({str(tmp_path)!r}, 'x').write_bytes(bytes(4_000_000))\n"
        "doctor.run = run\n"
        "raise SystemExit(cli.main(['doctor']))"
    )
    script = f'mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -c "$0"'
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        pytest.skip("NOT RUN: needs user namespaces")
    assert done.returncode == 1, done.stderr
    assert f"{tmp_path}/x: no space left on device: 4.0 MB wanted, " in done.stderr
    assert "pdbuild prune" in done.stderr


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("tar: x: Cannot write: No space left on device", "prune"),
        ("write /x: disk quota exceeded", "quota -s"),
        ("unshare: unshare failed: No space left on device", "max_user_namespaces"),
        ("cannot clone: No space left on device", "max_user_namespaces"),
        ("fork/exec /proc/self/exe: no space left on device", "max_user_namespaces"),
        ("join session keyring: create session key: disk quota exceeded", "keys"),
        ("all is well", ""),
    ],
)
def test_what_is_used_up(line: str, word: str) -> None:
    found = lacks.remedy(f"before\n{line}\nafter")
    assert word in found and bool(found) == bool(word)
    assert ("prune" in found) == lacks.full(line) == (word in ("prune", "quota -s"))
