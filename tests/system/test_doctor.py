"""`pdbuild doctor` in accounts that may do much, little and nothing; it leaves nothing behind."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .conftest import User, make_user, needs_root, remove_user
from .forbidden import without_namespaces
from .project import sample


def doctor(
    user: User, python: Path, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return user.run([python.parent / "pdbuild", "doctor", *words], env=env)


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {found["name"]: found for found in json.loads(done.stdout)["findings"]}


def test_a_newcomer_is_told_what_to_do_and_nothing_is_left(
    newcomer: User, pdbuild_python: Path
) -> None:
    before = belongings(newcomer)
    began = time.monotonic()
    done = doctor(newcomer, pdbuild_python, "--json")
    took = time.monotonic() - began
    print(f"doctor: {took:.1f} s")
    assert took < 10  # three on a machine that does nothing else
    found = findings(done)
    assert found["namespaces"]["state"] == "ok" and "rung A" in found["namespaces"]["text"]
    assert found["buildkit"]["mend"].endswith("pdbuild engines install")
    assert {"subuid", "newuidmap", "overlay", "/dev/fuse", "cgroups", "cache", "data"} <= set(found)
    assert {"runtime", "proxies", "certificates", "archive", "mmdebstrap", "runner"} <= set(found)
    assert done.returncode == 0, done.stdout
    assert newcomer.processes() == []
    assert belongings(newcomer) - before == set()


def belongings(user: User) -> set[Path]:
    """What is in the user's home, and the user's in the temporary directories."""
    tops = [path for top in ("/tmp", "/var/tmp") for path in Path(top).iterdir()]
    return {*user.home.rglob("*"), *(path for path in tops if owned(path, user))}


def owned(path: Path, user: User) -> bool:
    try:
        return path.lstat().st_uid == user.uid
    except FileNotFoundError:
        return False


def test_one_line_each_without_json(user: User, engines: Path, pdbuild_python: Path) -> None:
    done = doctor(user, pdbuild_python)
    assert done.returncode == 0, done.stdout
    states = [line.split()[0] for line in done.stdout.splitlines()]
    assert set(states) <= {"ok", "warn"}
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert "buildkitd " in lines["buildkit"]
    assert "buildkit: user namespaces with a range" in lines["engine"]


def test_one_user_id_is_enough(bare_user: User, pdbuild_python: Path) -> None:
    done = doctor(bare_user, pdbuild_python, "--json")
    assert done.returncode == 0, done.stdout
    found = findings(done)
    assert found["namespaces"]["state"] == "warn" and "rung B" in found["namespaces"]["text"]
    assert "usermod --add-subuids" in found["namespaces"]["mend"]
    assert found["engine"]["text"].startswith("buildah: ")


def test_without_user_namespaces_nothing_works_and_the_mend_is_named(
    newcomer: User, pdbuild_python: Path
) -> None:
    run = without_namespaces(newcomer)
    project = sample(newcomer, pdbuild_python, "make", "greet")
    for verb in (["doctor", "--json"], ["bake", "all"], ["bake", "all", "--engine=buildah"]):
        argv = [*run, project.program, *verb]
        done = subprocess.run(
            argv, env=newcomer.env, cwd=project.root, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        by_proot = verb[0] == "doctor" and shutil.which("proot")
        assert done.returncode == (0 if by_proot else 1), done.stdout + done.stderr
        said = done.stdout + done.stderr
        assert "sysctl -w user.max_user_namespaces=15000" in said
    assert not (newcomer.home / ".local/share/pdbuild/bases").exists()


def test_a_place_that_cannot_be_written(bare_user: User, pdbuild_python: Path) -> None:
    done = doctor(bare_user, pdbuild_python, "--json", env={"PDBUILD_CACHE_DIR": "/sys/x"})
    found = findings(done)["cache"]
    assert (done.returncode, found["state"]) == (1, "fail")
    assert "PDBUILD_CACHE_DIR" in found["mend"]


def test_without_a_base_the_archive_must_answer(newcomer: User, pdbuild_python: Path) -> None:
    nobody = {name: "http://127.0.0.1:1" for name in ("http_proxy", "https_proxy")}
    done = doctor(newcomer, pdbuild_python, "--json", env=nobody)
    found = findings(done)["archive"]
    assert (done.returncode, found["state"]) == (1, "fail")
    assert "[mirrors]" in found["mend"]


def test_a_broken_recipe_is_told(bare_user: User, pdbuild_python: Path) -> None:
    folder = bare_user.home / "broken"
    bare_user.run(["mkdir", "-p", folder])
    (folder / "pdbuild.toml").write_text("[project]\nnmae = 1\n")
    done = bare_user.run([pdbuild_python.parent / "pdbuild", "doctor"], cwd=folder)
    assert "pdbuild.toml:2" in done.stdout


def test_a_range_is_noticed_when_it_is_given(pdbuild_python: Path) -> None:
    needs_root()
    ask = [pdbuild_python, "-c", "from pdbuild import account; print(account.find().rung)"]
    user = make_user(f"pdbgiven{os.getpid()}", subordinate=False)
    try:
        assert [user.run(ask).stdout for _ in range(2)] == ["B\n", "B\n"]
        assert (user.home / ".cache/pdbuild/machine/account.json").exists()
        span = "2000000000-2000065535"
        argv = ["usermod", "--add-subuids", span, "--add-subgids", span, user.name]
        subprocess.run(argv, check=True)
        assert user.run(ask).stdout == "A\n"
    finally:
        remove_user(user)
