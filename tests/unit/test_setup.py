"""scripts/setup where something is missing. dpkg-query, id, sudo and apt-get are stand-ins."""

import os
import shutil
import subprocess
from pathlib import Path

SETUP = Path(__file__).parents[2] / "scripts" / "setup"


def run(tmp_path: Path, *words: str, **programs: str) -> "subprocess.CompletedProcess[str]":
    """Run a copy of the script that sees only these programs and a few real ones."""
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(SETUP, checkout / "scripts" / "setup")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "env", "cat"):
        real = shutil.which(name)
        assert real
        (tools / name).symlink_to(real)
    for name, text in programs.items():
        file = tools / name.replace("_", "-")
        file.write_text(f"#!/bin/bash\n{text}\n")
        file.chmod(0o755)
    argv = [os.fspath(tools / "bash"), checkout / "scripts" / "setup", *words]
    return subprocess.run(
        argv, env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )


def test_without_root_or_sudo_it_names_the_line_for_an_administrator(tmp_path: Path) -> None:
    done = run(tmp_path, dpkg_query='[ "$4" = runc ] || echo -n installed', id="echo 1000")
    assert done.returncode == 1
    assert "needed: runc (runs build steps and containers)" in done.stdout
    assert done.stderr == (
        "error: installing packages needs root. Ask an administrator to run:\n"
        "  apt-get install --no-install-recommends runc\n"
    )


def test_with_sudo_it_installs_what_is_missing_and_says_so(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        dpkg_query='[ "$4" = uidmap ] || echo -n installed',
        id="echo 1000",
        sudo='echo "sudo: $*"',
        python3="exit 1",  # far enough
    )
    assert "needed: uidmap (lets users without root have" in done.stdout
    assert "installing with apt: uidmap" in done.stdout
    assert "sudo: apt-get -q update" in done.stdout
    assert "apt-get -qy install --no-install-recommends uidmap" in done.stdout
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_nothing_is_said_of_what_is_there(tmp_path: Path) -> None:
    done = run(tmp_path, dpkg_query="echo -n installed", id="echo 0", python3="exit 1")
    assert "needed" not in done.stdout
    assert "installing" not in done.stdout


def test_no_service_is_started_by_what_is_installed_for_the_tests(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "test",
        dpkg_query='[ "$4" = docker.io ] || echo -n installed',
        id="echo 1000",
        sudo='case $1 in tee) cat >/dev/null;; esac; echo "sudo: $*" >&2',
        python3="exit 1",  # far enough
    )
    assert "needed: docker.io (runs images" in done.stdout
    asked = [line for line in done.stderr.splitlines() if line.startswith("sudo: ")]
    install = next(i for i, line in enumerate(asked) if line.endswith("docker.io"))
    policy = "/usr/sbin/policy-rc.d"
    if not Path(policy).exists():
        assert asked[install - 2 : install] == [f"sudo: tee {policy}", f"sudo: chmod 755 {policy}"]
        assert asked[install + 1] == f"sudo: rm {policy}"
    else:  # it belongs to the machine, and stays
        assert policy not in " ".join(asked)
    if Path("/run/systemd/system").is_dir():
        assert asked[-1].startswith("sudo: systemctl --quiet disable docker.service")
