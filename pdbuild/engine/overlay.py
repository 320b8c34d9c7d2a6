"""Whether the kernel can stack directories (overlay) on a disk, for this account: by trying."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError


def refused(trial: Path, wrapper: Sequence[str], env: Mapping[str, str]) -> str:
    """Why the disk of `trial` has no overlay, in mount's words; "" when one could be mounted.

    `trial` is a folder to be made for it, and removed. `wrapper` is the beginning of a command
    that enters namespaces where mounts are allowed and die with it.
    """
    shutil.rmtree(trial, ignore_errors=True)
    options = "lowerdir=a:b,upperdir=upper,workdir=work"  # relative: paths may have commas
    if os.getuid():
        options += ",userxattr"
    try:
        for name in ("a", "b", "upper", "work", "merged"):
            (trial / name).mkdir(parents=True)
        words = (*wrapper, "mount", "-t", "overlay", "overlay", "-o", options, "merged")
        done = programs.run(*words, cwd=trial, env=env, timeout=30)
        said = done.err.strip().splitlines() or [f"exit code {done.code}"]
        return said[0] if done.code else ""
    except (OSError, EngineError) as error:
        return str(error)
    finally:
        for left in trial.glob("work/*"):  # overlay makes it with mode 000
            left.chmod(0o700)
        shutil.rmtree(trial, ignore_errors=True)
