"""The build as lines for logs and CI, and the summary that every view for people ends with."""

from pdbuild.progress.solve import Change, Solve
from pdbuild.progress.steps import Step
from pdbuild.progress.text import cut, duration, place, words

_TEXT = 100
_SLOW = 1.0


class Plain:
    """Turns changes into lines that start with `[target]`, the same for a step's every line.

    A step of several targets goes by the one that spoke of it first. An instruction has a line
    when it ends, a `RUN` also when it starts, and one for each line of its output:

        [cpu] 3/7 RUN build: started
        [cpu] 3/7 | [1/90] CC a.o
        [cpu] 3/7 RUN build: 12.3s
        [cpu] 4/7 COPY a b: cached

    Loads (contexts, bases, the definition) are told of only when they take a second.
    """

    def __init__(self, solve: Solve) -> None:
        self._solve = solve
        self._labels: dict[Step, str] = {}

    def lines(self, change: Change) -> tuple[str, ...]:
        """What to print for a change: no line or one."""
        step = change.step
        label = self._labels.setdefault(step, step.name.target)
        head = f"[{label}] " if label else ""
        number = self._solve.number(step)
        if change.what == "log":
            return (f"{head}{place(step.name, number, label)} | {change.text}".rstrip(),)
        if change.what == "running":
            told = step.name.text.startswith("RUN ")
        elif change.what == "cancelled" and not step.since:
            told = False  # BuildKit saw that another target has the same step, and runs that
        else:
            told = bool(step.name.position) or not step.name.kind or change.what == "failed"
            told = told or step.spent >= _SLOW
        said = cut(words(step.name, number, label), _TEXT)
        return (f"{head}{said}: {_outcome(change)}",) if told else ()


def _outcome(change: Change) -> str:
    spent = duration(change.step.spent)
    match change.what:
        case "running":
            return "started"
        case "done":
            return spent
        case "failed":
            return f"failed after {spent}"
        case what:
            return what


def summary(solve: Solve) -> tuple[str, ...]:
    """One line for each target that had instructions: how it ended, and how long it took."""
    rows = []
    for target in solve.targets:
        tally = solve.tally(target)
        if not tally.total:
            continue
        count = f"{tally.done}/{tally.total}"
        if tally.failed:
            state = "failed"
        elif tally.done < tally.total:
            state = "stopped"
        elif solve.all_cached(target):
            state = "cached"
        else:
            state = "done"
            count += f", {tally.cached} cached" if tally.cached else ""
        rows.append((target, state, count, duration(solve.seconds(target))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
