"""The lines of a step's output that say why it failed: the first errors, not the last lines.

Tools that work in parallel print their errors anywhere, and other files' warnings after them.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pdbuild.lacks import unreached
from pdbuild.progress.traceback import Traceback

MOST = 20  # lines of an excerpt
_TAIL = 15  # lines when nothing is recognised
_BESIDE = 6  # of them beside errors that may not be the reason
_KEPT = 40  # blocks that are remembered
_WIDTH = 2000


class Rule(NamedTuple):
    """What an error looks like, and which lines around it belong to it.

    `cause`: it is a reason by itself; without, it may only follow from one. `before` matches
    lines straight above that introduce it, `after` lines below it, of which `most` are taken.
    """

    error: re.Pattern[str]
    cause: bool = True
    before: re.Pattern[str] | None = None
    after: re.Pattern[str] | None = None
    most: int = 4


_INDENTED = re.compile(r"\s+\S|\s*\d* \| ")
_INTRODUCED = re.compile(
    r"In file included from |\s+from \S+:\d+|(?:\S+: )?In .*:$|\S+: At |.*: in function "
)

#: The first rule that fits a line says what it is.
_RULES = (
    # gcc, clang, nvcc: FILE:LINE:COLUMN: error: and FILE(LINE): error:
    Rule(
        re.compile(r"\S.*?(?::\d+|\(\d+\)) ?: (?:fatal |internal compiler |catastrophic )?error\b"),
        before=_INTRODUCED,
        after=_INDENTED,
    ),
    # linkers: ld, gold, lld, mold
    Rule(
        re.compile(
            r".*(?:undefined reference to|multiple definition of|undefined symbol: )"
            r"|\S*\bld(?:\.\w+)?: (?:error: |cannot find |.*: No such file)|mold: (?:error|fatal): "
        ),
        before=_INTRODUCED,
        after=re.compile(r">>> "),
    ),
    # What a program that a CMakeLists.txt runs says stands above: CMake tells its exit code alone.
    Rule(
        re.compile(r"CMake Error at .* \(execute_process\):"),
        before=re.compile(r"(?!-- |CMake ).*\S"),
        after=re.compile(r"\s+\S|$"),
        most=8,
    ),
    Rule(re.compile(r"CMake Error"), after=re.compile(r"\s+\S|$"), most=8),
    Rule(re.compile(r"\S+:\d+(?::\d+)?: ERROR: ")),  # meson, Sphinx
    Rule(re.compile(r"configure: error: "), before=re.compile(r"checking ")),
    Rule(re.compile(r".*(?:no space left on device|read-only file system)", re.IGNORECASE)),
    Rule(
        re.compile(r"E: You don't have enough free space"),
        before=re.compile(r"Need to get |After this operation"),
    ),
    Rule(re.compile(r"nvcc fatal|ptxas (?:fatal|error)|E: ")),  # E: is apt's
    Rule(re.compile(r"E   \s*\S"), before=re.compile(r">\s"), after=re.compile(r"E   ")),  # pytest
    Rule(  # ctest, with --output-on-failure
        re.compile(r"\s*\d+/\d+ Test +#\d+: .*\*\*\*"),
        after=re.compile(r"(?!\s*Start\s+\d+:|\s*\d+/\d+ Test)\s*\S"),
        most=8,
    ),
    Rule(re.compile(r"\[  FAILED  \] |FAILED: |(?:FAILED|ERROR) \S+::"), cause=False),
    Rule(re.compile(r"The following tests FAILED:"), cause=False, after=_INDENTED, most=6),
    Rule(re.compile(r"\S*make(?:\[\d+\])?: \*\*\* "), cause=False),
    Rule(re.compile(r"fatal: |curl: \(\d+\) |(?:\w+\.)*\w*(?:Error|Exception): "), cause=False),
    Rule(re.compile(r"(?:.*[\s:\])])?(?:fatal )?error(?:\[\w+\])?: ", re.IGNORECASE), cause=False),
)
# No line without one of these can be an error: most lines need no more than this look.
_HINTS = re.compile(
    r"(?i:error|exception|fatal|fail|undefined|multiple def|ld: |no space|read-only)|^E[: ]|\*\*\*"
)


class _Block(NamedTuple):
    at: int  # number of its first line
    cause: bool
    lines: list[str]


class Excerpt(NamedTuple):
    """The lines to show, how many more errors there are, and a host that was not reached."""

    lines: tuple[str, ...] = ()
    more: int = 0
    host: str = ""


@dataclass(slots=True)
class Errors:
    """Takes in a step's output line by line; keeps what an excerpt needs of it, however long."""

    _number: int = 0
    _before: deque[str] = field(default_factory=lambda: deque(maxlen=4))
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))
    _blocks: list[_Block] = field(default_factory=list)
    _open: Rule | None = None  # that of the last block, while lines may belong to it
    _room: int = 0  # how many may
    _host: str = ""
    _seen: set[str] = field(default_factory=set)
    _more: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    _traceback: Traceback = field(default_factory=Traceback)

    def feed(self, line: str) -> None:
        """Take in the next line."""
        line = line[:_WIDTH]
        self._number += 1
        self._tail.append(line)
        self._host = unreached(line) or self._host
        if self._traceback.feed(line, self._number):
            self._open = None
        elif (rule := _rule(line)) is not None:
            self._begin(rule, line)
        elif self._open is not None:
            self._go_on(self._open, line)
        self._before.append(line)

    def excerpt(self, last: tuple[str, ...] = ()) -> Excerpt:
        """What to show; `last` are lines that were said last and may have been overtaken."""
        blocks = list(self._blocks)
        if self._traceback.lines:
            blocks.append(_Block(self._traceback.at, True, self._traceback.shown()))
        chosen = _chosen(blocks)
        told = [line for block in chosen for line in _stripped(block.lines)]
        sure = any(block.cause for block in blocks)
        more = sum(block.cause for block in blocks) - sum(block.cause for block in chosen)
        if sure:
            return Excerpt(tuple(told), more + self._more[True], self._host)
        tail = [*self._tail, *(line for line in last if line not in self._tail)]
        if not set(told) <= set(tail):
            tail = tail[-_BESIDE:]
        told = [line for line in told if line not in tail][: MOST - len(tail)]
        more = len(blocks) - len(chosen) + self._more[False]
        return Excerpt((*told, *tail), more, self._host)

    def _begin(self, rule: Rule, line: str) -> None:
        self._open = None
        if line in self._seen:  # of a header that many files include
            return
        if len(self._blocks) >= _KEPT:
            self._more[rule.cause] += 1
            return
        self._seen.add(line)
        above = _above(self._before, rule.before) if rule.before else []
        above = [line for line in above if line not in self._seen]  # an error of its own
        self._blocks.append(_Block(self._number - len(above), rule.cause, [*above, line]))
        self._open, self._room = rule if rule.after else None, rule.most

    def _go_on(self, rule: Rule, line: str) -> None:
        if self._room and rule.after and rule.after.match(line):
            self._blocks[-1].lines.append(line)
            self._room -= 1
        else:
            self._open = None


def excerpt(lines: Iterable[str]) -> str:
    """The lines of a program's whole output that say why it failed."""
    errors = Errors()
    for line in lines:
        errors.feed(line)
    return "\n".join(errors.excerpt().lines)


def _rule(line: str) -> Rule | None:
    if not _HINTS.search(line):
        return None
    return next((rule for rule in _RULES if rule.error.match(line)), None)


def _above(before: deque[str], pattern: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for line in reversed(before):
        if not pattern.match(line):
            break
        found.insert(0, line)
    return found


def _chosen(blocks: list[_Block]) -> list[_Block]:
    """The blocks that fit: causes first, each sort in the order in which they came."""
    room, chosen = MOST, list[_Block]()
    for block in sorted(blocks, key=lambda block: (not block.cause, block.at)):
        if room and (not chosen or len(block.lines) <= room):
            chosen.append(block)
            room -= min(len(block.lines), room)
        elif block.cause:
            break  # a later one that is shorter would hide that this one came first
    return sorted(chosen, key=lambda block: block.at)


def _stripped(lines: list[str]) -> Iterator[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    yield from lines[:end]
