"""How steps that download ask the archive: once a build, and again when a package has gone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

NETWORK = Path(__file__).parents[3] / "hooks" / "network"
# Notes what it is asked; packages are there while the file `there` is, which an update makes.
APT_GET = """#!/bin/bash
cd "$(dirname "$0")"
echo "$*" >>asked
case $* in
*update*) touch there ;;
*) [ -e there ] ;;
esac
"""


class Archive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "apt-get").write_text(APT_GET)
        (folder / "timeout").write_text("#!/bin/sh\n")  # who asks whether a host answers
        for name in ("apt-get", "timeout"):
            (folder / name).chmod(0o755)

    def fetch(self, *packages: str, mirror: str = "") -> list[str]:
        """Download packages, which must succeed; what apt-get was asked."""
        asked = self.folder / "asked"
        asked.unlink(missing_ok=True)
        script = f"set -euo pipefail; . {NETWORK}; apt_fetch install {' '.join(packages)}"
        environment = {
            **os.environ,
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "PDBUILD_APT_STATE": str(self.folder),
            "APT_MIRROR": mirror,
            "TMPDIR": str(self.folder),
        }
        subprocess.run(["bash", "-c", script], env=environment, check=True)
        return asked.read_text().splitlines()


def test_the_archive_is_asked_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert archive.fetch("gcc") == ["-q update", "-qy install gcc"]
    assert archive.fetch("make") == ["-qy install make"]


def test_it_is_asked_again_when_the_lists_are_old_or_of_another_archive(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.fetch("gcc")
    assert "-q update" in archive.fetch("gcc", mirror="http://mirror.example/debian")
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    assert "-q update" in archive.fetch("gcc")


def test_it_is_asked_again_when_a_package_has_gone(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.fetch("gcc")
    (tmp_path / "there").unlink()
    assert archive.fetch("gcc") == ["-qy install gcc", "-q update", "-qy install gcc"]


def test_only_the_pip_that_is_pinned_comes_into_an_image(tmp_path: Path) -> None:
    """What the index has under its name and version is refused for its checksum."""
    wheel = tmp_path / "index" / "pip-26.3-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pip-26.3.dist-info/METADATA", "Metadata-Version: 2.1\nName: pip\n")
    environment = {
        **os.environ,
        "PDBUILD_PIP": str(tmp_path / "pip"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        ["bash", NETWORK.with_name("pip-wheel")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode and "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "pip").exists()
