"""What lintian says of packages. It is started once for all, and works beside the other checks."""

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError
from pdbuild.programs import Child
from pdbuild.verify import machine


class Linter:
    """lintian on these packages; `start` begins, `of` waits for what it says of some, and `close`
    ends it.
    """

    def __init__(self, debs: Sequence[Path]) -> None:
        self._debs = tuple(debs)
        self._child: Child | None = None
        self._scratch = ""
        self._lines: tuple[str, ...] | None = None
        self._alone = threading.Lock()

    def start(self) -> None:
        """Begin, if there is anything to do. Raises EngineError when there is no lintian."""
        if self._child is None and self._debs:
            # It leaves files behind, also when it ends well.
            self._scratch = self._scratch or str(machine.scratch())
            self._child = programs.start(
                *("lintian", "--allow-root", "--show-overrides", *map(str, self._debs)),
                stdout=programs.PIPE, stderr=programs.STDOUT, quick=True,
                env={**os.environ, "TMPDIR": self._scratch}, own_session=True,
            )  # fmt: skip

    def of(self, debs: Sequence[Path]) -> tuple[str, ...]:
        """The lines about these packages: `E: PACKAGE: …`. Raises EngineError when it fails."""
        with self._alone:
            lines = self._said()
        names = [[f" {_name(deb)}"] for deb in debs]
        return tuple(line for line in lines if line.split(":")[1:2] in names)

    def close(self) -> None:
        """End it with all that it has started, if it still works, and remove what it left."""
        if self._child and self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.communicate()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = ""

    def _said(self) -> tuple[str, ...]:
        if self._lines is None:
            self.start()
            assert self._child
            text = self._child.communicate()[0].decode(errors="replace")
            # 2: there are errors, which is for us to say; anything else is its own failure.
            if self._child.returncode not in (0, 1, 2):
                raise EngineError(f"lintian fails: {text.strip()[-200:]}")
            self._lines = tuple(text.splitlines())
        return self._lines


def _name(deb: Path) -> str:
    from debian.debfile import DebFile

    with DebFile(str(deb)) as package:
        return str(package.debcontrol().get("Package", ""))
