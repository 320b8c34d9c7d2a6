"""Places that a session names and that are not there are replaced, and that is said once."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from pdbuild import dirs, ground, mounts, tools
from pdbuild.doctor import disks, session
from pdbuild.errors import PdbuildError


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a session and a disk of this test's own."""
    for name in ("PDBUILD_CACHE_DIR", "PDBUILD_DATA_DIR", "PDBUILD_RUNTIME_DIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "PDBUILD_ENGINES"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(dirs, "node_local", lambda: tmp_path / "local")
    dirs._settled.cache_clear()
    dirs._remote.cache_clear()
    return tmp_path


def test_nothing_is_changed_where_all_is_there(apart: Path) -> None:
    before = dict(os.environ)
    assert ground.settle() == ()
    assert dict(os.environ) == before


def test_each_is_replaced_and_said_once(
    apart: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", "/nowhere/ann")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere/run")
    monkeypatch.setenv("TMPDIR", "/nowhere/tmp")
    monkeypatch.setenv("PDBUILD_RUNTIME_DIR", str(apart / "run"))
    found = ground.settle()
    assert found == (
        "TMPDIR=/nowhere/tmp is not there: /tmp is used",
        f"your home /nowhere/ann is not there: {apart}/local/home is used",
        "XDG_RUNTIME_DIR=/nowhere/run is not there: it is not used",
    )
    assert os.environ["HOME"] == f"{apart}/local/home" and "XDG_RUNTIME_DIR" not in os.environ
    assert "TMPDIR" not in os.environ and tempfile.gettempdir() == "/tmp"
    for _ in range(2):
        ground.say(found)
    assert capsys.readouterr().err.splitlines() == list(found)


def test_no_place_for_temporary_files_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "usable", lambda folder: False)
    with pytest.raises(PdbuildError) as raised:
        ground.settle()
    assert "TMPDIR" in raised.value.hint


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_state_goes_where_there_are_locks(
    apart: Path, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(number, "no")

    real = mounts.remote
    monkeypatch.setattr(
        mounts, "remote", lambda path: "nfs4" if "home" in str(path) else real(path)
    )
    assert dirs.cache_path() == apart / "home/.cache/pdbuild"
    assert dirs.chosen_local("builds").path == apart / "local/builds"
    dirs._settled.cache_clear()
    monkeypatch.setattr(fcntl, "flock", refuses)
    assert [dirs.cache_path(), dirs.data_path()] == [apart / "local", apart / "local/data"]
    assert dirs.chosen_local("builds").path == apart / "local/builds"
    for _ in range(2):
        dirs.data_dir()
    data = apart / "home/.local/share/pdbuild"
    told = f"{data} is on nfs4, which refuses locks: {apart}/local/data is used"
    assert capsys.readouterr().err.splitlines() == [told]
    found = disks.state("data", dirs.chosen_data(), disks.look(apart), least=1)
    assert found.state == "warn" and "refuses locks" in found.text


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        # As Debian 13 shows them.
        ("nfs", "rw,vers=3,hard,nolock,proto=tcp,local_lock=all,addr=127.0.0.1"),
        ("nfs", "rw,vers=3,hard,proto=tcp,local_lock=none,addr=127.0.0.1"),
        ("nfs4", "rw,vers=4.2,hard,proto=tcp,local_lock=none,addr=127.0.0.1"),
        ("lustre", "rw,localflock,lazystatfs"),
        ("lustre", "rw,flock,lazystatfs"),
    ],
)
def test_locks_that_another_machine_does_not_see(
    apart: Path, kind: str, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"200 29 0:51 / {apart}/home rw,relatime shared:142 - {kind} 127.0.0.1:/home {options}\n"
    real = mounts.text()
    monkeypatch.setattr(mounts, "text", lambda: real + line)
    seen = "local_lock=all" not in options and "localflock" not in options
    assert mounts.locks_are_seen(apart / "home") is seen and mounts.locks_are_seen(apart)
    data = apart / ("home/.local/share/pdbuild" if seen else "local/data")
    assert dirs.data_path() == data
    why = "" if seen else f"is on {kind}, whose locks other machines do not see"
    assert why in dirs.chosen_data().moved and bool(dirs.chosen_data().moved) is not seen
    assert dirs.chosen_local("builds").path == apart / "local/builds"


def test_a_place_that_the_user_names_is_not_second_guessed(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", "/proc/nothing")
    assert dirs.cache_path() == Path("/proc/nothing")
    with pytest.raises(PdbuildError) as raised:
        dirs.cache_dir()
    assert "PDBUILD_CACHE_DIR" in raised.value.hint


def test_engines_of_a_site_are_found(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tools.installed() is None
    made = apart / "site/abc"
    made.mkdir(parents=True)
    (made / tools.MANIFEST).write_text(f'{{"module": "{tools.module_digest()}"}}')
    monkeypatch.setenv("PDBUILD_ENGINES", str(apart / "site"))
    assert tools.installed() == made
    own = apart / "home/.local/share/pdbuild/engines/def"
    own.mkdir(parents=True)
    (own / tools.MANIFEST).write_text(f'{{"module": "{tools.module_digest()}"}}')
    assert tools.installed() == own


def test_limits_of_a_login_node(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    real = resource.getrlimit
    limited = {resource.RLIMIT_CPU: (600, 600), resource.RLIMIT_AS: (2 << 30, -1)}
    monkeypatch.setattr(resource, "getrlimit", lambda number: limited.get(number) or real(number))
    found = session.limits()
    assert found.state == "warn" and "600 seconds" in found.text and "2048 MB" in found.text
