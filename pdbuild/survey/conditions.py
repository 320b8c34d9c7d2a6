"""What a condition of CMake's `if` comes to: true, false, or not known from the text (None)."""

import re
from collections.abc import Callable, Collection, Mapping

from pdbuild.survey.scan import Word

_TRUE = {"1", "ON", "YES", "TRUE", "Y"}
_FALSE = {"0", "OFF", "NO", "FALSE", "N", "IGNORE", "NOTFOUND", ""}
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_./+-]+)\}")
_UNARY = {"DEFINED", "TARGET", "POLICY", "EXISTS", "COMMAND", "IS_DIRECTORY", "IS_ABSOLUTE", "TEST"}
_BINARY = {
    "STREQUAL", "MATCHES", "IN_LIST", "EQUAL", "LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL",
    "VERSION_EQUAL", "VERSION_LESS", "VERSION_GREATER", "VERSION_LESS_EQUAL",
    "VERSION_GREATER_EQUAL", "STRLESS", "STRGREATER", "IS_NEWER_THAN",
}  # fmt: skip

Value = bool | None


class Conditions:
    """Evaluates conditions over `known` values; a name outside `assigned` is set by nobody."""

    def __init__(self, known: Mapping[str, str], assigned: Collection[str]) -> None:
        self._known = known
        self._assigned = assigned

    def value(self, words: tuple[Word, ...]) -> Value:
        """The condition's value."""
        found, rest = self._either(words)
        return None if rest else found

    def expand(self, text: str) -> str | None:
        """`text` with its variables' values; None when one is not known."""
        for _ in range(5):
            names = _REFERENCE.findall(text)
            if not names:
                return None if "${" in text or "$ENV" in text else text
            if any(name not in self._known for name in names):
                return None
            text = _REFERENCE.sub(lambda found: self._known[found[1]], text)
        return None

    def _either(self, words: tuple[Word, ...]) -> tuple[Value, tuple[Word, ...]]:
        return self._chain(words, "OR", self._both, decides=True)

    def _both(self, words: tuple[Word, ...]) -> tuple[Value, tuple[Word, ...]]:
        return self._chain(words, "AND", self._one, decides=False)

    def _chain(
        self,
        words: tuple[Word, ...],
        operator: str,
        part: Callable[[tuple[Word, ...]], tuple[Value, tuple[Word, ...]]],
        *,
        decides: bool,
    ) -> tuple[Value, tuple[Word, ...]]:
        """Parts joined by `operator`: one that is `decides` decides, else an unknown one does."""
        value, words = part(words)
        values = [value]
        while _is(words, operator):
            value, words = part(words[1:])
            values.append(value)
        if decides in values:
            return decides, words
        return (None if None in values else not decides), words

    def _one(self, words: tuple[Word, ...]) -> tuple[Value, tuple[Word, ...]]:
        if _is(words, "NOT"):
            value, rest = self._one(words[1:])
            return (None if value is None else not value), rest
        if _is(words, "("):
            value, rest = self._either(words[1:])
            return value, rest[1:] if _is(rest, ")") else rest
        if len(words) > 1 and not words[0].quoted and words[0].text in _UNARY:
            return self._unary(words[0].text, words[1].text), words[2:]
        if len(words) > 2 and not words[1].quoted and words[1].text in _BINARY:
            return self._binary(words[0], words[1].text, words[2]), words[3:]
        return (self._truth(words[0]) if words else None), words[1:]

    def _unary(self, operator: str, name: str) -> Value:
        if operator == "POLICY":
            return True
        if operator == "DEFINED":
            if name in self._known:
                return True
            return None if name in self._assigned or name.startswith("ENV{") else False
        return None

    def _binary(self, left: Word, operator: str, right: Word) -> Value:
        one, other = self._operand(left), self._operand(right)
        if one is None or other is None:
            return None
        if operator == "STREQUAL":
            return one == other
        if operator == "MATCHES":
            try:
                return re.search(other, one) is not None
            except re.error:
                return None
        if operator in ("STRLESS", "STRGREATER", "IN_LIST", "IS_NEWER_THAN"):
            return None
        return _compare(one, operator.removeprefix("VERSION_"), other)

    def _operand(self, word: Word) -> str | None:
        """A name stands for its value, if it has one; any other text for itself."""
        text = self.expand(word.text)
        if text is None or word.quoted:
            return text
        if text in self._known:
            return self._known[text]
        return None if text in self._assigned else text

    def _truth(self, word: Word) -> Value:
        text = self.expand(word.text)
        if text is None:
            return None
        if truth(text) is not None:
            return truth(text)
        if text in self._known:
            return truth(self._known[text]) is not False
        if word.quoted:
            return False
        return None if text in self._assigned or text.upper().endswith("_FOUND") else False


def truth(text: str) -> Value:
    """What a constant of CMake's means; None when it is none."""
    if text.upper() in _TRUE or re.fullmatch(r"-?0*[1-9][0-9]*", text):
        return True
    return False if text.upper() in _FALSE or text.upper().endswith("-NOTFOUND") else None


def _is(words: tuple[Word, ...], text: str) -> bool:
    return bool(words) and not words[0].quoted and words[0].text == text


def _compare(one: str, operator: str, other: str) -> Value:
    if not re.fullmatch(r"[0-9.]+", one) or not re.fullmatch(r"[0-9.]+", other):
        return None
    left, right = ([int(part or 0) for part in text.split(".")] for text in (one, other))
    longest = max(len(left), len(right))
    left += [0] * (longest - len(left))
    right += [0] * (longest - len(right))
    return {
        "EQUAL": left == right, "LESS": left < right, "GREATER": left > right,
        "LESS_EQUAL": left <= right, "GREATER_EQUAL": left >= right,
    }[operator]  # fmt: skip
