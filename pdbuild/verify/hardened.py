"""hardened: what the project compiles has the protections of Debian's own packages."""

import fnmatch
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pdbuild.errors import EngineError
from pdbuild.verify import code
from pdbuild.verify.elf import Elf
from pdbuild.verify.finding import Finding, found, unknown
from pdbuild.verify.subject import Subject

KIND = "hardened"

# With _FORTIFY_SOURCE glibc's headers make a call of __NAME_chk of each call of these,
# whatever is known of their arguments.
_CHECKED = frozenset(
    ("printf", "fprintf", "vprintf", "vfprintf", "dprintf", "vdprintf", "asprintf", "vasprintf")
)


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    let_be = subject.claims.compiled
    own = [e for e in subject.own if e.loaded and not _any(let_be, e.path)]
    names = ", ".join(Path(elf.path).name for elf in own[:3]) + (", …" if len(own) > 3 else "")
    if own:
        yield from _flags(subject, own, names)
    if subject.debs:
        yield _linted(subject)


def _flags(subject: Subject, own: list[Elf], names: str) -> Iterator[Finding]:
    wrong = [f"{e.path}: is loaded at a fixed address" for e in own if not e.pie]
    yield found(KIND, "programs are position-independent", wrong, names)
    wrong = [f"{e.path}: {_relro(e)}" for e in own if not (e.relro and e.bind_now)]
    yield found(KIND, "relocations are read-only (full RELRO)", wrong, names)
    wrong = [f"{e.path}: its stack may hold code" for e in own if e.exec_stack]
    yield found(KIND, "no stack is executable", wrong, names)
    bare = [(e, code.unprotected(subject.content.read(e.path))) for e in own if not _guards(e)]
    wrong = [f"{e.path}: {function} has no guard" for e, function in bare if function]
    yield found(KIND, "stacks are protected", wrong, names)
    wrong = [f"{e.path}: calls {', '.join(b)}" for e in own if (b := _unfortified(e))]
    yield found(KIND, "calls of the C library are fortified", wrong, names)


def _any(patterns: tuple[str, ...], path: str) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def _relro(elf: Elf) -> str:
    return "RELRO is partial: symbols are bound late" if elf.relro else "no RELRO"


def _guards(elf: Elf) -> bool:
    return any(symbol.name == "__stack_chk_fail" for symbol in elf.wants)


def _unfortified(elf: Elf) -> list[str]:
    return sorted({symbol.name for symbol in elf.wants} & _CHECKED)


def _linted(subject: Subject) -> Finding:
    """What lintian says of the packages."""
    claim = "lintian finds no error and no warning in the packages"
    if subject.linter is None:
        return unknown(KIND, claim, "the packages are not looked at")
    try:
        lines = subject.linter.of(subject.debs)
    except EngineError as error:
        return unknown(KIND, claim, error.message)
    overridden = [line for line in lines if line.startswith("O: ")]
    wrong = [line for line in lines if line.startswith(("E: ", "W: "))]
    evidence = f"{len(subject.debs)} packages, {len(overridden)} overridden"
    made = found(KIND, claim, wrong, evidence)
    # What is overridden is said, so that nobody has to look for it.
    return made if wrong else replace(made, details=tuple(overridden))
