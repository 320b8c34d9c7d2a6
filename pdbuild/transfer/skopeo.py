"""Runs skopeo, watches what it moves, and has it try again where that may help."""

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pdbuild import programs
from pdbuild.engine import process
from pdbuild.errors import EngineError, Interrupted
from pdbuild.transfer import trouble
from pdbuild.transfer.trouble import Trouble

#: skopeo itself waits up to a minute, in five steps, when a registry asks it to come later.
PATIENCE = 120.0
#: Between tries.
PAUSES = (1.0, 4.0)
#: Who moves less than this within the patience does not go on.
_LEAST = 1024
_LOOK = 0.05


def _nothing(moved: int) -> None:
    """What is done about progress that nobody looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skopeo:
    """skopeo for one registry, whose name messages have; `patience` and `pauses` are seconds.

    What one object runs in several threads ends when `ended` is set.
    """

    host: str
    patience: float = PATIENCE
    pauses: tuple[float, ...] = PAUSES
    ended: threading.Event = field(default_factory=threading.Event)

    def copy(self, *words: str, failing: str, moved: Callable[[int], None] = _nothing) -> None:
        """`skopeo … copy …`, tried again when a connection broke: what is there already is not
        sent again. `moved` is told the bytes of this try now and then.

        Raises EngineError, "FAILING: why".
        """
        for pause in (*self.pauses, None):
            found = self._once(words, moved)
            if found is None:
                return
            reason, said = found
            if pause is None or not reason.again or self.ended.wait(pause):
                raise _error(failing, reason, said)

    def delete(self, reference: str, *words: str) -> None:
        """Remove the manifest that a reference names, with all the tags that name it.

        Raises EngineError when the registry does not do that.
        """
        argv = ("delete", *words, f"docker://{reference}")
        self.copy(*argv, failing=f"cannot remove {reference}")

    def digest(self, reference: str, *words: str) -> str:
        """The digest that a registry has for a reference; "" when it has none.

        Raises EngineError when it cannot be asked.
        """
        import hashlib

        for pause in (*self.pauses, None):
            argv = (_program(), "inspect", "--raw", *words, f"docker://{reference}")
            try:
                done = programs.run(*argv, timeout=self.patience, quick=True)
            except programs.NoAnswer:
                reason, said = trouble.stalled(self.host, self.patience), ""
            else:
                if done.code == 0:
                    return f"sha256:{hashlib.sha256(done.out.encode()).hexdigest()}"
                reason, said = trouble.explained(self.host, done.err)
                if reason.what.endswith("no such image"):
                    return ""
            if pause is None or not reason.again or self.ended.wait(pause):
                raise _error(f"cannot ask for {reference}", reason, said)
        raise AssertionError("the last try returns or raises")

    def _once(
        self, words: Sequence[str], moved: Callable[[int], None]
    ) -> tuple[Trouble, str] | None:
        """One try: why it failed, and skopeo's words."""
        with tempfile.TemporaryFile() as said:
            child = process.popen((_program(), *words), stdout=programs.NOTHING, stderr=said)
            try:
                stalls = self._watched(child, moved)
            finally:
                process.stop(child)
            if self.ended.is_set():
                raise Interrupted("interrupted")
            if stalls:
                return trouble.stalled(self.host, self.patience), ""
            if child.returncode == 0:
                return None
            said.seek(0)
            return trouble.explained(self.host, said.read().decode(errors="replace"))

    def _watched(self, child: programs.Child, moved: Callable[[int], None]) -> bool:
        """Wait for the end, or until nothing moves; whether that was it."""
        mark, since = 0, time.monotonic()
        while child.poll() is None and not self.ended.wait(_LOOK):
            read, written = _moved(child.pid)
            moved(written)
            if read + written >= mark + _LEAST:
                mark, since = read + written, time.monotonic()
            elif time.monotonic() - since > self.patience:
                return True
        return False


def platform_words(platform: str) -> tuple[str, ...]:
    """skopeo's own options that choose a platform; "" chooses none."""
    if not platform:
        return ()
    system, machine, *variant = platform.split("/")
    words = (f"--override-os={system}", f"--override-arch={machine}")
    return (*words, *(f"--override-variant={v}" for v in variant))


def _program() -> str:
    found = shutil.which("skopeo")
    if found is None:
        raise programs.NotInstalled(
            "skopeo is not installed", hint="sudo apt-get install skopeo; it does the transfers"
        )
    return found


def _moved(pid: int) -> tuple[int, int]:
    """The bytes that a process has read and written, files and sockets together."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        counts = {name: int(count) for name, count in (line.split(": ") for line in lines)}
        return counts["rchar"], counts["wchar"]
    return 0, 0


def _error(failing: str, reason: Trouble, said: str) -> EngineError:
    text = f"{failing}: {reason.what}"
    return EngineError(f"{text}\n  skopeo: {said}" if said else text, hint=reason.hint)
