"""cpu: variants that do without a CPU feature run on a CPU that lacks it; the others use it."""

import fnmatch
import functools
import hashlib
import posixpath
from collections.abc import Iterator

from pdbuild.content import Entry, Layer, digest
from pdbuild.errors import EngineError
from pdbuild.recipe.tables.verify import Cpu
from pdbuild.verify import code, memory, symbols
from pdbuild.verify import elf as elves
from pdbuild.verify.code import Function
from pdbuild.verify.elf import Elf
from pdbuild.verify.finding import Finding, first_words, found, last_words, unknown
from pdbuild.verify.functions import Symbols
from pdbuild.verify.subject import Subject

KIND = "cpu"


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    claims = subject.claims.cpu
    if claims is None:
        return
    feature = claims.feature.upper()
    if subject.config.platform != "linux/amd64":
        yield _elsewhere(subject, feature)
    elif subject.variant in claims.variants:
        yield _own(subject, claims)
        yield _others(subject, claims)
        for line in claims.run:
            yield _runs(subject, claims, line)
    else:
        yield _uses(subject, claims)
        if claims.says and claims.run:
            yield _refuses(subject, claims)


def _elsewhere(subject: Subject, feature: str) -> Finding:
    """Of other CPUs there is nothing to find, but code for these in the wrong place."""
    wrong = [elf.path for elf in subject.elves.values() if elf.machine == "EM_X86_64"]
    claim = f"{feature} means nothing here, as no code is for x86"
    return found(KIND, claim, wrong, f"{len(subject.elves)} files for {subject.config.platform}")


def _scanned(subject: Subject, elf: Elf, feature: str) -> tuple[Function, ...]:
    layer, entry = subject.content.files[elf.path]
    names: Symbols = ()
    if elf.path in subject.shipped:
        names = symbols.beside(subject.debs, layer.read(entry))
    return scan(layer, entry, feature, names)


# The variants share the layers of the distribution's packages.
@functools.lru_cache(maxsize=4096)
def scan(layer: Layer, entry: Entry, feature: str, names: Symbols = ()) -> tuple[Function, ...]:
    """The functions of a file that have instructions of a feature; see `code.scan`."""
    what, content = _what(feature, names), digest(layer, entry)
    told = memory.recall(what, content)
    if isinstance(told, list):
        return tuple(Function(name=name, example=e, guarded=guarded) for name, e, guarded in told)
    elf = elves.of(layer, entry)
    found = code.scan(layer.read(entry), feature, names) if elf and _has_code(elf) else ()
    memory.keep(what, content, [(f.name, f.example, f.guarded) for f in found])
    return found


def is_known(layer: Layer, entry: Entry, feature: str) -> bool:
    """Whether `scan` has read the file before, without other names than its own."""
    return memory.knows(_what(feature, ()), digest(layer, entry))


def _what(feature: str, names: Symbols) -> str:
    return f"code with {feature} {hashlib.sha256(repr(names).encode()).hexdigest()}"


def _has_code(elf: Elf) -> bool:
    return elf.loaded and elf.machine == "EM_X86_64"


def _files(subject: Subject) -> Iterator[Elf]:
    return filter(_has_code, subject.elves.values())


def _archive(subject: Subject) -> frozenset[str]:
    """The files of packages that others made."""
    own = {package.name for package in subject.packages.of(subject.project)}
    owners = subject.packages.owners.items()
    return frozenset(path for path, owner in owners if owner not in own)


def _own(subject: Subject, claims: Cpu) -> Finding:
    """In what is no package of the archive, such code must be guarded by a resolver."""
    archive = _archive(subject)
    wrong, files, guarded, named = [], 0, 0, 0
    for elf in _files(subject):
        if elf.path in archive:
            continue
        files += 1
        for function in _scanned(subject, elf, claims.feature):
            if function.guarded:
                guarded += 1
            elif _dispatched(elf.path, function.name, claims.dispatch):
                named += 1
            else:
                wrong.append(f"{elf.path}: {function.name}: {function.example}")
    evidence = f"{files} files"
    evidence += f", {guarded} functions behind resolvers" if guarded else ""
    evidence += f", {named} that the recipe names" if named else ""
    claim = f"the project's code has no {claims.feature.upper()} outside of dispatch"
    return found(KIND, claim, wrong, evidence)


def _others(subject: Subject, claims: Cpu) -> Finding:
    """The archive's packages are compiled for a baseline: what they have besides is dispatched."""
    archive, told, files = _archive(subject), [], 0
    for elf in _files(subject):
        if elf.path in archive:
            files += 1
            functions = _scanned(subject, elf, claims.feature)
            if functions:
                guarded = sum(function.guarded for function in functions)
                name = posixpath.basename(elf.path)
                told.append(f"{name} {len(functions)} ({guarded} behind resolvers)")
    feature = claims.feature.upper()
    return found(
        KIND,
        f"packages of the distribution have {feature} behind dispatch of their own alone",
        [],
        f"{files} files; functions with {feature}: {', '.join(told) or 'none'}",
    )


def _dispatched(path: str, name: str, patterns: tuple[str, ...]) -> bool:
    for pattern in patterns:
        file, colon, function = pattern.rpartition(":")
        if colon and not fnmatch.fnmatchcase(posixpath.basename(path), file):
            continue
        if fnmatch.fnmatchcase(name, function):
            return True
    return False


def _uses(subject: Subject, claims: Cpu) -> Finding:
    feature = claims.feature.upper()
    own = [e for e in _files(subject) if e.path in subject.shipped]
    using = {e.path: functions for e in own if (functions := _scanned(subject, e, claims.feature))}
    wrong = [] if using else [f"none of {len(own)} files of the project has any"]
    told = [
        f"{posixpath.basename(path)}: {len(functions)} functions, such as {functions[0].name}"
        for path, functions in using.items()
    ]
    return found(KIND, f"the project's code uses {feature}", wrong, "; ".join(told))


def _runs(subject: Subject, claims: Cpu, line: str) -> Finding:
    claim = f"`{line}` runs on a {claims.model}, child processes too"
    try:
        ran = subject.ran(line, cpu=claims.model)
    except EngineError as error:
        return unknown(KIND, claim, error.message)
    wrong = [f"it ends with {_ended(ran.code)}: {ran.said[-200:]}"] if ran.code else []
    return found(KIND, claim, wrong, last_words(ran.said))


def _refuses(subject: Subject, claims: Cpu) -> Finding:
    claim = f"on a {claims.model} it says {claims.says!r}"
    try:
        ran = subject.ran(claims.run[0], cpu=claims.model)
    except EngineError as error:
        return unknown(KIND, claim, error.message)
    wrong = [] if claims.says in ran.said else [f"it says {ran.said[-200:]!r}"]
    if not 0 < ran.code < 128:
        wrong.append(f"it ends with {_ended(ran.code)}")
    return found(KIND, claim, wrong, f"exit code {ran.code}: {first_words(ran.said)}")


def _ended(code: int) -> str:
    return "an illegal instruction (SIGILL)" if code == 132 else f"exit code {code}"
