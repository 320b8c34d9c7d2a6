"""The errors that pdbuild reports to its user: what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class PdbuildError(Exception):
    """A known failure. The command line prints it without a traceback.

    `message` says what is wrong, `hint` what to do about it (may be empty), and
    `exit_code` is the process's exit status (1 unless a subclass says otherwise).
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def problems(self) -> tuple[Mistake, ...]:
        """The mistakes of a recipe, each with its place; none of other errors."""
        return ()

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is else made again by its class with its text alone.
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[PdbuildError], arguments: tuple[Any, ...], has: dict[str, Any]) -> Exception:
    """An error as it was in another process."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(has)
    return error


class UsageError(PdbuildError):
    """The command line asked for something that does not exist or does not fit (exit 2)."""

    exit_code = 2


class EngineError(PdbuildError):
    """An engine, or a tool that it needs, failed or is missing."""


class Bug(PdbuildError):  # noqa: N818 - it is pdbuild's own
    """pdbuild itself is wrong (exit 3). The hint names a file with what is needed to mend it."""

    exit_code = 3


class Interrupted(PdbuildError):  # noqa: N818 - the user's wish, not an error
    """The user pressed Ctrl-C or the process was asked to stop (exit 130)."""

    exit_code = 130


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong in one recipe: `file:line: key: what`, with a hint.

    `line` is 1-based; 0 means that the whole file is meant.
    """

    file: str
    line: int
    key: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.key}: {self.what}" if self.key else self.what
        return f"{place}: {subject}"


class RecipeError(PdbuildError):
    """A recipe has mistakes; all of them are in `mistakes`, in file order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))

    @property
    def problems(self) -> tuple[Mistake, ...]:
        """All of its mistakes."""
        return self.mistakes
