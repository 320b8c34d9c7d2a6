"""The patterns of a `.dockerignore` file, read as BuildKit reads them."""

import posixpath
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ignored:
    """Says which paths of a context a build does not see. The last pattern that fits decides."""

    rules: tuple[tuple[re.Pattern[str], bool], ...]  # (pattern, whether it ignores)

    @property
    def may_return(self) -> bool:
        """Whether something below an ignored directory can be wanted after all (`!` patterns)."""
        return not all(ignores for _, ignores in self.rules)

    def __call__(self, path: str) -> bool:
        """Whether `path` (relative, with `/`) is left out."""
        left_out = False
        for pattern, ignores in self.rules:
            if ignores != left_out and pattern.fullmatch(path):
                left_out = ignores
        return left_out


def parse(text: str) -> Ignored:
    """The patterns of the file's text. Lines that are empty or start with `#` say nothing."""
    rules = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        pattern = posixpath.normpath(line.removeprefix("!").strip()).lstrip("/")
        if pattern not in ("", "."):
            rules.append((re.compile(_expression(pattern)), not negated))
    return Ignored(rules=tuple(rules))


def deciding(text: str, path: str) -> int:
    """The number of the line that decides about a path, from 1; 0 when none does."""
    fits = (number for number, line in enumerate(text.splitlines(), 1) if _fits(line, path))
    return max(fits, default=0)


def _fits(line: str, path: str) -> bool:
    return any(pattern.fullmatch(path) for pattern, _ in parse(line).rules)


def _expression(pattern: str) -> str:
    """As moby's patternmatcher: `**` crosses folders; what is below a match matches too."""
    out, rest = "", pattern
    while rest:
        if rest.startswith("**/"):
            out, rest = out + r"(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            out, rest = out + r".*", rest[2:]
        elif rest[0] == "*":
            out, rest = out + r"[^/]*", rest[1:]
        elif rest[0] == "?":
            out, rest = out + r"[^/]", rest[1:]
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]", 2)
            out, rest = out + "[" + rest[1:end].replace("\\", "\\\\") + "]", rest[end + 1 :]
        elif rest[0] == "\\" and len(rest) > 1:
            out, rest = out + re.escape(rest[1]), rest[2:]
        else:
            out, rest = out + re.escape(rest[0]), rest[1:]
    return out + r"(?:/.*)?"
