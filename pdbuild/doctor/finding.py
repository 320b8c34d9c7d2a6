"""What a probe reports."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How serious a finding is: with FAIL no bake can work, with WARN something is lost."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `pdbuild doctor`.

    `text` is what there is, or what is wrong; `cost` what that costs, and `mend` the command,
    or the sentence for the administrator, that mends it (both empty when it is ok).
    """

    name: str
    state: State
    text: str
    cost: str = ""
    mend: str = ""

    def __str__(self) -> str:
        costs = f"; it costs: {self.cost}" if self.cost else ""
        mend = f"; mend it: {self.mend}" if self.mend else ""
        return f"{self.state:<4}  {self.name:<13}  {self.text}{costs}{mend}"


def ok(name: str, text: str) -> Finding:
    """A finding that needs nobody's attention."""
    return Finding(name=name, state=State.OK, text=text)


def warn(name: str, text: str, *, cost: str, mend: str = "") -> Finding:
    """Something is lost, and a bake works."""
    return Finding(name=name, state=State.WARN, text=text, cost=cost, mend=mend)


def fail(name: str, text: str, *, cost: str, mend: str = "") -> Finding:
    """No bake can work."""
    return Finding(name=name, state=State.FAIL, text=text, cost=cost, mend=mend)
