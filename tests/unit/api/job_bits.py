"""Jobs that do something simple, for a process that finds this module."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pdbuild.api.audience import Audience
from pdbuild.api.events import Notice
from pdbuild.broken import BuildError
from pdbuild.errors import Mistake, PdbuildError, RecipeError
from pdbuild.progress import Failure
from pdbuild.project import say

FAILURE = Failure(
    targets=("image-fast",), stage="build-fast", number=(2, 3), instruction="RUN make",
    exit_code=2, error="exit code: 2", lines=("a.cc:1: error: no",), log="/logs/002.log",
)  # fmt: skip
MISTAKES = (Mistake("a.toml", 2, "x", "is not known"), Mistake("a.toml", 1, "y", "is wrong", "z"))
ERRORS = {
    "usual": PdbuildError("no", hint="yes"),
    "recipe": RecipeError(MISTAKES),
    "build": BuildError("error: image-fast: step 2/3 failed", (FAILURE,)),
    "full": PdbuildError("x: No space left on device"),
    "denied": PermissionError(13, "Permission denied", "/a/file"),
    "bug": ZeroDivisionError("by nothing"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Tells of so many things, and yields where and as whom."""

    most: int

    def perform(self, audience: Audience) -> tuple[str, int]:
        for number in range(self.most):
            audience.tell(Notice(text=str(number)))
        return str(Path.cwd()), os.getpid()


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """Prints, in all ways that there are."""

    def perform(self, audience: Audience) -> None:
        print("printed")
        print("to stderr", file=sys.stderr)
        say("said")
        subprocess.run(["sh", "-c", "echo a program\\'s >&2; printf last"], check=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Fails."""

    how: str

    def perform(self, audience: Audience) -> None:
        raise ERRORS[self.how]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Waits until it is interrupted, and puts things in order then."""

    mark: Path
    busy: bool = False

    def perform(self, audience: Audience) -> None:
        try:
            self.mark.write_text("at work")
            audience.tell(Notice(text="at work"))
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                if self.busy:
                    audience.tell(Notice(text="x" * 9000))
                else:
                    time.sleep(60)
        finally:
            time.sleep(0.2)
            self.mark.write_text("in order")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaf:
    """Takes no notice of Ctrl-C."""

    def perform(self, audience: Audience) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        audience.tell(Notice(text="at work"))
        time.sleep(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Die:
    """Is killed with a last word."""

    def perform(self, audience: Audience) -> None:
        os.write(2, b"a last word\n")
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Leaves something running that keeps its stdout open."""

    def perform(self, audience: Audience) -> int:
        return subprocess.Popen(["sleep", "60"], start_new_session=True).pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Is a program that writes, a letter in two pieces."""

    def perform(self, audience: Audience) -> int:
        os.write(1, b"caf\xc3")
        time.sleep(0.1)
        os.write(1, b"\xa9\n")
        os.write(2, b"oh\n")
        audience.tell(Notice(text="a notice"))
        return 7
