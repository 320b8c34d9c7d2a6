"""The branches of `if` that a reader of CMake's files is in, and what is known of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pdbuild.survey.conditions import Value
from pdbuild.survey.scan import Command, Word


@dataclass(frozen=True, slots=True)
class _Branch:
    """One branch: whether one of its `if` was taken by now, its own value and condition."""

    taken: Value
    value: Value
    text: str


@dataclass(slots=True)
class Branches:
    """The open branches, the innermost last."""

    _open: list[_Branch] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def value(self) -> Value:
        """Whether what stands here is read by CMake; None when the text does not tell."""
        values = [branch.value for branch in self._open]
        return False if False in values else (None if None in values else True)

    @property
    def why(self) -> str:
        """The conditions that the text does not tell."""
        return " and ".join(branch.text for branch in self._open if branch.value is None)

    def leave(self, depth: int) -> None:
        """Close all but the outer `depth`, at the end of a file."""
        del self._open[depth:]

    def follow(self, command: Command, evaluate: Callable[[tuple[Word, ...]], Value]) -> bool:
        """Note a command of an `if`; False for any other command."""
        match command.name:
            case "if":
                value = evaluate(command.words)
                self._open.append(_Branch(value, value, " ".join(command.texts)))
            case "elseif" | "else":
                if self._open:
                    before = self._open[-1]
                    value = True if command.name == "else" else evaluate(command.words)
                    text = " ".join(command.texts) if command.name == "elseif" else ""
                    self._open[-1] = _next(before, value, text or f"NOT ({before.text})")
            case "endif":
                del self._open[-1:]
            case _:
                return False
        return True


def _next(before: _Branch, value: Value, text: str) -> _Branch:
    """The branch after `before`, whose condition has `value`."""
    if before.taken is True or value is False:
        return _Branch(before.taken, False, text)
    here = value if before.taken is False else None
    return _Branch(True if here else None, here, text)
