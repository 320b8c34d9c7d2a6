"""A machine that runs for all tests here, with pdbuild installed once for all."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild import base
from pdbuild.engine import install
from system.conftest import CHECKOUT, needs_root
from system.container.images import layout

from .machine import Machine, running

RECIPE = """\
[project]
name = "tiny"
version = "1.0"
[image]
command = ["true"]
"""
_PROGRAM = """\
#!/opt/pdbuild/bin/python
import sys
from pdbuild.cli import main
sys.exit(main())
"""
_ADOPT = """\
import sys
from pathlib import Path
from pdbuild import ground
ground.say(ground.settle())
from pdbuild.store import Store
Store.own().adopt(Path("/opt/image"), sys.argv[1], "localhost/busy:1.0")
"""
# What users find: programs on their PATH, engines, and a small image and a base to take in.
_SETTLE = """
printf '%s\n' PATH=/opt/pdbuild/bin:/usr/local/bin:/usr/bin:/bin PDBUILD_ENGINES=/opt/engines \
    >/etc/environment
echo 'export PATH=/opt/pdbuild/bin:$PATH PDBUILD_ENGINES=/opt/engines' >/etc/profile.d/pdbuild.sh
chmod -R go+rX /opt
chmod 755 /opt/pdbuild/bin/pdbuild
python3 -m compileall -q -j2 /opt/pdbuild/lib >/dev/null
"""


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """Debian 13, with pdbuild and its engines in /opt."""
    needs_root()
    if not Path("/dev/kvm").exists():
        pytest.skip("NOT RUN: a virtual machine, and there is no /dev/kvm")
    assert shutil.which("qemu-system-x86_64"), "run: apt install qemu-system-x86"
    place = tempfile.TemporaryDirectory(prefix="pdbuild-machine-", dir="/var/tmp")
    with place as folder, running(Path(folder)) as made:
        _equip(made, Path(folder))
        yield made


def _equip(machine: Machine, folder: Path) -> None:
    site, wheels, image = (folder / name for name in ("site", "wheels", "image"))
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, CHECKOUT], check=True)
    words = [*pip, "install", "--target", site, "--no-compile", *wheels.iterdir()]
    subprocess.run([*words, "--python-version=3.13", "--only-binary=:all:"], check=True)
    (site / "bin/pdbuild").write_text(_PROGRAM)
    machine.succeeds("root", "python3 -m venv --without-pip /opt/pdbuild")
    machine.give(site / "bin", "/opt/pdbuild/bin")
    machine.give(site, "/opt/pdbuild/lib/python3.13/site-packages")
    machine.give(install.install().parents[1], "/opt/engines")
    here = base.ensure("trixie", base.architecture(), mirror="", say=print)
    machine.give(here.layout, f"/opt/bases/{here.layout.name}")
    image.mkdir()
    (image / "digest").write_text(layout(image, label="machine"))
    (image / "adopt.py").write_text(_ADOPT)
    machine.give(image, "/opt/image")
    machine.succeeds("root", _SETTLE)
    machine.account("ann", subordinate=True)
    machine.account("bob", subordinate=False)
    for name in ("ann", "bob"):
        begin(machine, name)


def begin(machine: Machine, user: str) -> None:
    """Give somebody a base, a recipe in ~/tiny, and the image `busy:1.0`."""
    machine.succeeds(
        user,
        "mkdir -p ~/.local/share/pdbuild ~/tiny && cp -r /opt/bases ~/.local/share/pdbuild/"
        f" && cat >~/tiny/pdbuild.toml <<'END'\n{RECIPE}END\n"
        "/opt/pdbuild/bin/python /opt/image/adopt.py $(cat /opt/image/digest)",
    )
