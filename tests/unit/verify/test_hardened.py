"""hardened: each protection is seen, and missed where it lacks."""

import os
from pathlib import Path
from typing import Any

import pytest
from verify_bits import HARDENED, claims, compiled, fails, holds, subject

from pdbuild.verify import hardened
from pdbuild.verify.finding import Verdict
from pdbuild.verify.lint import Linter

_SOURCE = """
#include <stdio.h>
#include <string.h>
void fill(char *);
__attribute__((weak)) void fill(char *text) { strcpy(text, "x"); }
int main(int count, char **words) {
  char text[64];
  fill(text);
  printf("%s %d\\n", text, count);
  return 0;
}
"""
_PIE = ("-pie", *HARDENED)


def made(*flags: str, **facts: Any) -> Any:
    return hardened.check(subject({"/usr/bin/thing": compiled(_SOURCE, *flags)}, **facts))


def test_a_hardened_program() -> None:
    for words in ("position-independent", "RELRO", "executable", "stacks", "fortified"):
        holds(made(*_PIE), words)


@pytest.mark.parametrize(
    ("flags", "words", "told"),
    [
        (("-no-pie", "-fno-pie", *HARDENED[2:], "-O2"), "position-independent", "a fixed address"),
        ((*_PIE, "-Wl,-z,lazy"), "RELRO", "RELRO is partial"),
        ((*_PIE, "-Wl,-z,norelro"), "RELRO", "no RELRO"),
        ((*_PIE, "-z", "execstack"), "executable", "its stack may hold code"),
        ((*_PIE, "-fno-stack-protector"), "stacks", "main has no guard"),
        ((*_PIE, "-U_FORTIFY_SOURCE"), "fortified", "calls printf"),
    ],
)
def test_a_protection_is_missing(flags: tuple[str, ...], words: str, told: str) -> None:
    fails(made(*flags), words, "/usr/bin/thing: ", told)


def test_a_program_that_needs_no_guard() -> None:
    small = compiled("int main(void) { return 0; }", *_PIE)
    holds(hardened.check(subject({"/usr/bin/thing": small})), "stacks")


def test_what_others_compiled_is_let_be() -> None:
    other = claims(compiled=("/usr/lib/vendor/*",))
    files = {"/usr/lib/vendor/x.so": compiled(_SOURCE, "-no-pie"),
             "/usr/bin/thing": compiled(_SOURCE, *_PIE)}  # fmt: skip
    holds(hardened.check(subject(files, claims=other)), "position-independent")
    fails(hardened.check(subject(files)), "position-independent", "/usr/lib/vendor/x.so")


class Says:
    """A lintian that says these lines."""

    def __init__(self, *lines: str) -> None:
        self._lines = lines

    def of(self, debs: Any) -> tuple[str, ...]:
        return self._lines


def test_what_lintian_finds() -> None:
    debs = (Path("x.deb"),)
    overridden, wrong = "O: thing: no-manual-page", "E: thing: dir-or-file-in-opt [opt/x]"
    linter = Says(overridden, wrong, "I: thing: fine")
    fails(hardened.check(subject({}, debs=debs, linter=linter)), "lintian", wrong)
    (finding,) = hardened.check(subject({}, debs=debs, linter=Says(overridden, "I: thing: fine")))
    assert finding.verdict is Verdict.HOLDS
    assert finding.details == (overridden,), "what is overridden is shown"


def test_without_lintian_it_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    deb = Path("thing.deb")
    (finding,) = hardened.check(subject({}, debs=(deb,), linter=Linter((deb,))))
    assert finding.verdict is Verdict.UNKNOWN and "lintian" in finding.evidence
