"""Runs mmdebstrap, which makes a Debian base from the signed archive, without root."""

import os
import re
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pdbuild import programs, reach, tarball, tools
from pdbuild.bootstrap import emulated, single
from pdbuild.bootstrap.options import (
    DPKG_OPTIONS,
    EPOCH,
    arguments,
    default_archive,
    mirror_hooks,
)
from pdbuild.bootstrap.scratch import watched, working_folder
from pdbuild.engine import process
from pdbuild.errors import EngineError
from pdbuild.platforms import Platform, native
from pdbuild.progress.excerpt import excerpt

__all__ = ["DPKG_OPTIONS", "EPOCH", "bootstrap", "check"]


def check(suite: str, platform: Platform, *, mirror: str, one_id: bool) -> None:
    """Raise EngineError when a suite's base cannot be bootstrapped here, as `bootstrap` has it."""
    tool = tools.require("mmdebstrap", reason="bootstrap the base")
    if platform.name != native().name:
        emulated.check(platform, root=os.getuid() == 0, one_id=one_id)
    reach.check(f"the base (Debian {suite})", mirror or default_archive(tool.path))


def bootstrap(target: Path, suite: str, platform: Platform, *, mirror: str, one_id: bool) -> None:
    """Write the tar archive `target` of a suite's base; the same bytes whoever does it.

    That of another platform than this machine's is made under an emulator. `one_id` is for
    accounts without a range of user ids; it takes twice as long, as the tools are bootstrapped
    first. The folder of `target` is used for that. `check` has been asked. Raises EngineError.
    """
    tool = tools.require("mmdebstrap", reason="bootstrap the base")
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": EPOCH,
        "PDBUILD_APT_MIRROR": mirror,
        "PATH": tools.search_path(),
    }
    options = [*arguments(platform.architecture), *mirror_hooks(mirror)]
    if one_id:
        tree = target.parent / "tools"
        environment["TMPDIR"] = str(target.parent)
        _run(single.tools_command(tool.path, suite, tree, mirror), environment, suite)
        single.add_mmdebstrap(tool.path, tree)
        command = single.base_command(options, suite, tree)
        _run(command, environment | single.INSIDE, suite)
        (tree / single.OUTPUT).rename(target)
    else:
        mode = "root" if os.getuid() == 0 else "unshare"
        command = [str(tool.path), *options, f"--mode={mode}", suite, str(target)]
        if platform.name != native().name and os.getuid():
            command = emulated.command(tool.path, options, suite, target)
        with working_folder() as folder:
            environment["TMPDIR"] = str(folder)
            _run(watched(folder, command), environment, suite)
    tarball.make_uniform(target)


def _run(argv: Sequence[str], environment: Mapping[str, str], suite: str) -> None:
    # At SIGTERM the shell ends mmdebstrap and removes its folder; unshare ends what it started
    # only when killed.
    death = signal.SIGKILL if argv[0] == "unshare" else signal.SIGTERM
    # Its end is waited for, not that of all it has started: who kills it leaves those behind.
    with tempfile.TemporaryFile() as words:
        running = process.popen(
            argv, env=environment, stdout=words, stderr=programs.STDOUT, death=death
        )
        try:
            running.wait()
        finally:
            process.stop(running, ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)))
        words.seek(0)
        output = words.read()
    if running.returncode:
        said = excerpt(output.decode(errors="replace").splitlines())
        hint = "check the suite's name and the network, or set [mirrors].apt in the recipe"
        if re.search(r"Release file for \S+ is (?:expired|not valid yet)", said):
            hint = "the mirror is behind, or the clock here wrong; [mirrors].apt names another"
        raise EngineError(
            f"mmdebstrap could not bootstrap {suite} (exit code {running.returncode}):\n{said}",
            hint=hint,
        )
