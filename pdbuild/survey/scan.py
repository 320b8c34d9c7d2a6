"""Reads CMake's language: a text becomes commands with their arguments.

The grammar is small (cmake-language(7)); what is no CMake is skipped, so that one odd line does
not hide the rest of a file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMAND = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*\(")
_COMMENT = re.compile(r"#\[(=*)\[.*?\]\1\]|#[^\n]*", re.DOTALL)
_BRACKET = re.compile(r"\[(=*)\[\n?(.*?)\]\1\]", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r'(?:[^\s()#"\\]|\\.|"(?:[^"\\]|\\.)*")+', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}


@dataclass(frozen=True, slots=True)
class Word:
    """One argument. A quoted one is never an operator of a condition."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """`name`, in lower case, with its arguments; parentheses among them are words."""

    name: str
    words: tuple[Word, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The arguments' texts."""
        return tuple(word.text for word in self.words)


def commands(text: str) -> Iterator[Command]:
    """The commands of `text` in order; an unfinished one at the end is left out."""
    at = 0
    while at < len(text):
        if found := _COMMENT.match(text, at):
            at = found.end()
        elif found := _COMMAND.match(text, at):
            words, at = _words(text, found.end())
            if words is not None:
                yield Command(found[1].lower(), words)
        else:
            at += 1


def _words(text: str, at: int) -> tuple[tuple[Word, ...] | None, int]:
    """The arguments up to the closing parenthesis, and where the text goes on."""
    words: list[Word] = []
    depth = 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
        elif character == ")" and depth == 0:
            return tuple(words), at + 1
        elif character in "()":
            depth += 1 if character == "(" else -1
            words.append(Word(character))
            at += 1
        elif found := _COMMENT.match(text, at):
            at = found.end()
        elif found := _BRACKET.match(text, at):
            words.append(Word(found[2], quoted=True))
            at = found.end()
        elif found := _QUOTED.match(text, at):
            words.append(Word(_plain(found[1]), quoted=True))
            at = found.end()
        elif found := _BARE.match(text, at):
            words.append(Word(_plain(found[0])))
            at = found.end()
        else:
            at += 1
    return None, at


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: _LETTERS.get(found[1], found[1]), text)
