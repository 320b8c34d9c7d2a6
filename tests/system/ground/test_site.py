"""Every command of the pages for users of shared machines and for administrators, by such."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild import shipped
from pdbuild.account import namespaces
from pdbuild.engine import install
from pdbuild.recipe import load
from system.conftest import CHECKOUT, make_user, needs_root, public_python, remove_user

from .grounds import Someone

ADMINISTRATORS, USERS = (
    (CHECKOUT / "docs" / name).read_text() for name in ("administrators.md", "shared-machines.md")
)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def prefix() -> Iterator[Path]:
    """pdbuild as root installs it for all, with this machine's engines, and its module file."""
    needs_root()
    with tempfile.TemporaryDirectory(prefix="pdbuild-site-", dir="/var/tmp") as name:
        made = Path(name, "pdbuild")
        made.parent.chmod(0o755)
        engines = install.install().parent
        shutil.copytree(engines, made / "engines" / engines.name)
        (commands,) = [text for text in blocks(ADMINISTRATORS, "sh") if "venv" in text]
        python = public_python()
        path = f"{made.parent}/bin:{os.environ['PATH']}"
        (made.parent / "bin").mkdir()
        (made.parent / "bin/python3").symlink_to(python)
        done = subprocess.run(
            ["bash", "-exc", commands], cwd=CHECKOUT, capture_output=True, text=True, check=False,
            env={**os.environ, "PREFIX": str(made), "PATH": path},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        module, cache = blocks(ADMINISTRATORS, "tcl")
        folder = made.parent / "modulefiles"
        folder.mkdir()
        (folder / "pdbuild").write_text(module.replace("/opt/pdbuild", str(made)) + cache)
        yield made


def modules(prefix: Path, commands: str) -> tuple[str, ...]:
    """A login shell with the site's modules that does this."""
    begin = "source /usr/share/modules/init/bash; module use"
    return ("bash", "-ec", f"{begin} {prefix.parent}/modulefiles; {commands}")


def test_a_site_installs_it_once_for_all(newcomer: Someone, prefix: Path) -> None:
    (loads,) = [text for text in blocks(ADMINISTRATORS, "sh") if "module load" in text]
    with_prefix = Someone(
        user=newcomer.user,
        python=newcomer.python,
        inside=f"mount --bind {prefix} {prefix} && mount -o remount,bind,ro {prefix}",
    )
    done = with_prefix.does(*modules(prefix, loads))
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert str(prefix / "engines") in listed["buildkitd"] and "pdbuild" in listed["rootlesskit"]
    assert re.search(r"^ok +buildkit +buildkitd", done.stdout, re.MULTILINE), done.stdout
    # It starts, and all that it writes is the user's own.
    starts = (
        "from pdbuild.engine import daemon\nwith daemon.join() as it: print(it.address, it.log)"
    )
    begun = f"module load pdbuild; env | grep PDBUILD_; {prefix}/bin/python -c '{starts}'"
    done = with_prefix.does(*modules(prefix, begun))
    assert done.returncode == 0, done.stderr
    assert "PDBUILD_CACHE=redis://cache.example.org" in done.stdout
    assert f"{newcomer.user.home}/.cache/pdbuild/buildkit/" in done.stdout
    cleans = "\n".join(text for text in blocks(ADMINISTRATORS, "sh") if "prune" in text)
    done = with_prefix.does(*modules(prefix, f"module load pdbuild; set -e\n{cleans}"))
    assert done.returncode == 0, done.stderr
    done = with_prefix.does("bash", "-c", "podman unshare rm -rf ~/.cache/pdbuild")
    assert done.returncode == 0 and not (newcomer.user.home / ".cache/pdbuild").exists()


def test_a_prefix_of_pips_needs_no_more_than_pythons_path(
    newcomer: Someone, pdbuild_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with tempfile.TemporaryDirectory(prefix="pdbuild-prefix-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        pip = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--ignore-installed"]
        done = subprocess.run([*pip, f"--prefix={name}", CHECKOUT], check=False, umask=0o022)
        assert done.returncode == 0
        (packages,) = Path(name).glob("**/*-packages")
        there = "import site; print(site.getsitepackages()[0])"
        deps = subprocess.check_output([pdbuild_python, "-c", there], text=True).strip()
        program = next(Path(name).glob("**/bin/pdbuild"))
        program.write_text(program.read_text().replace(sys.executable, str(pdbuild_python), 1))
        someone = newcomer.with_env(
            PYTHONPATH=f"{packages}:{deps}", PATH=f"{program.parent}:/usr/bin:/bin"
        )
        done = someone.does("pdbuild", "doctor")
        assert done.returncode == 0, done.stderr
        where = someone.does(pdbuild_python, "-c", "import pdbuild; print(pdbuild.__file__)")
        assert where.stdout.startswith(name)


def test_the_commands_for_users(newcomer: Someone) -> None:
    commands = "set -e\n" + "\n".join(blocks(USERS, "sh"))
    path = f"{newcomer.python.parent}:/usr/bin:/bin"
    there = newcomer.with_env(SCRATCH=str(newcomer.user.home), PATH=path)
    done = there.does("bash", "-xc", commands)
    assert done.returncode == 0, done.stderr
    assert f"{newcomer.user.home}/pdbuild, ext4" in done.stdout or "/pdbuild, " in done.stdout
    assert "(PDBUILD_CACHE_DIR)" in done.stdout
    assert "# pdbuild on " in done.stdout


# Those of the administrators' page that are typed at a machine, and what does that here.
ELSEWHERE = {
    "pdbuild doctor --site > report.md": "test_a_range_is_given",
    "apt-get install -y --no-install-recommends runc uidmap mmdebstrap podman skopeo buildah": (
        "test_the_packages_are_those_of_the_setup"
    ),
    "usermod --add-subuids 200000-265535 --add-subgids 200000-265535 ann": "test_a_range_is_given",
    "apt-get install -y --no-install-recommends proot": "test_the_packages_are_those_of_the_setup",
    "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml": "nowhere: it needs a GPU",
    "podman unshare rm -rf ~/.cache/pdbuild": "test_a_site_installs_it_once_for_all",
}


def test_all_others_are_somewhere() -> None:
    lines = "".join(blocks(ADMINISTRATORS, "console")).splitlines()
    assert lines == list(ELSEWHERE)
    assert not blocks(USERS, "console")
    for test in ELSEWHERE.values():
        assert test.startswith("nowhere: ") or test in globals()


def test_a_range_is_given(pdbuild_python: Path) -> None:
    needs_root()
    report, _, command, *_ = ELSEWHERE
    user = make_user(f"pdbsite{os.getpid()}", subordinate=False)
    try:
        someone = Someone(user=user, python=pdbuild_python)
        path = f"{pdbuild_python.parent}:/usr/bin:/bin"
        done = someone.with_env(PATH=path).does("bash", "-c", report)
        assert done.returncode == 0, done.stderr
        text = (user.home / "report.md").read_text()
        asked = re.search(rf"^    (usermod --add-subuids .* {user.name})$", text, re.MULTILINE)
        assert asked, text
        # As the page has it, but for the range, which is whose it is here.
        shape = re.sub(r"\d+-\d+", "N", command).replace("ann", user.name)
        assert re.sub(r"\d+-\d+", "N", asked[1]) == shape
        subprocess.run(asked[1].split(), check=True)
        assert someone.doctor()["namespaces"]["state"] == "ok"
    finally:
        remove_user(user)


def test_the_packages_are_those_of_the_setup() -> None:
    setup = (CHECKOUT / "scripts/setup").read_text()
    commands = [command for command in ELSEWHERE if command.startswith("apt-get install ")]
    assert len(commands) == 2
    for package in [word for command in commands for word in command.split()[4:]]:
        assert re.search(rf'^ +"{package} ', setup, re.MULTILINE), package


def test_the_settings_are_those_that_are_looked_at() -> None:
    (text,) = blocks(ADMINISTRATORS, "ini")
    named = {line.partition(" = ")[0] for line in text.splitlines() if not line.startswith("#")}
    known = {name.replace("/", ".") for name in namespaces.SETTINGS}
    assert named == known - {"user.max_mnt_namespaces"}


def test_the_mirrors_are_a_recipes(tmp_path: Path) -> None:
    (text,) = blocks(ADMINISTRATORS, "toml")
    recipe = tmp_path / "pdbuild.toml"
    recipe.write_text(
        f'[project]\nname = "xx"\nversion = "1"\n[toolchain]\nblocks = ["gcc"]\n{text}'
    )
    found = load.load(recipe, blocks_dir=shipped.toolchain_dir())
    assert found.mirrors.apt == "http://mirror.example.org/debian"
