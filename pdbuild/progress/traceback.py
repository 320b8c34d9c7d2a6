"""A Python traceback among other lines: the last one is kept, whole but for its middle."""

import re
from dataclasses import dataclass, field

_HEAD = re.compile(r"(.*?)Traceback \(most recent call last\):")
_FIRST = 2  # lines that stay of a long one
_LAST = 9
_KEPT = 400


@dataclass(slots=True)
class Traceback:
    """The last traceback; `at` is the number of its first line, `lines` are empty without one."""

    at: int = 0
    lines: list[str] = field(default_factory=list)
    _indent: str = ""
    _inside: bool = False

    def feed(self, line: str, number: int) -> bool:
        """Take in a line; whether it belongs to a traceback."""
        if "Traceback (" in line and (head := _HEAD.match(line)):
            self.at, self.lines, self._indent, self._inside = number, [line], head[1], True
            return True
        if not self._inside:
            return False
        if line.startswith(self._indent):
            rest = line.removeprefix(self._indent)
            # Its end is the exception, the first line that is not indented.
            self._inside = not rest.strip() or rest.startswith(" ")
            if rest.strip():
                self.lines.append(line)
                del self.lines[_FIRST : len(self.lines) - _KEPT]
                return True
        self._inside = False
        return False

    def shown(self) -> list[str]:
        """The lines to show."""
        left_out = len(self.lines) - _FIRST - _LAST
        if left_out <= 1:
            return self.lines
        note = f"{self._indent}  … {left_out} lines"
        return [*self.lines[:_FIRST], note, *self.lines[-_LAST:]]
