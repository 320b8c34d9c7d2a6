"""Programs of another suite of Debian's: unpacked, not installed."""

import shutil
import subprocess
from pathlib import Path


def unpacked(folder: Path, suite: str, packages: str, *members: str) -> Path:
    """Unpack what of these packages is in `members` (tar's patterns), and all that they need.

    It is in a folder beside `folder`, which the caller finishes and renames to that.
    """
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    archive = partial / "root.tar"
    subprocess.run(
        [
            "mmdebstrap", "--quiet", "--variant=extract", f"--include={packages}",
            '--aptopt=APT::Install-Recommends "false"',
            # A mirror may be some weeks behind; the signature counts all the same.
            '--aptopt=Acquire::Check-Valid-Until "false"', suite, archive,
        ],
        check=True,
    )  # fmt: skip
    subprocess.run(["tar", "-C", partial, "-xf", archive, "--wildcards", *members], check=True)
    archive.unlink()
    return partial
