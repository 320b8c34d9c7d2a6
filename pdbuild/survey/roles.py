"""Which of a project's options tests, a GPU or a processor's instructions are chosen by."""

import re
from collections.abc import Iterable

from pdbuild.survey.facts import Choice, Facts

_TEST = re.compile(
    r"(^|[_-])(unit_?|run_?|build_?)?tests?(ing)?$|(^|[_-])unittests?$", re.IGNORECASE
)
_GPU = re.compile(r"(^|[_-])(cuda|gpu|cublas|nvidia)(_support|_backend)?$", re.IGNORECASE)
_SIMD = re.compile(
    r"(^|[_-])(avx2|avx|simd|sse4_?[12]?|sse2|sse)(_support|_instructions)?$", re.IGNORECASE
)
_NATIVE = re.compile(r"(^|[_-])(march_?)?native(_arch\w*|_optimi\w*|_build)?$", re.IGNORECASE)
# On, it switches something off: a variant of that name would be the opposite of it.
_NEGATED = re.compile(r"(^|[_-])(no|not|without|disable|skip)[_-]", re.IGNORECASE)
# CMake's own, and other systems'.
_NOT_OURS = re.compile(
    r"^(CPACK|CMAKE)_|(^|_)(WIN|MSVC|MSYS|MINGW|CYGWIN|APPLE|DARWIN|MACOS|ANDROID)"
)
# The instructions that most processors of today have come first.
_ORDER = ("avx2", "avx", "simd", "sse")


def tests(facts: Facts) -> Choice | None:
    """The switch that adds the tests."""
    found = [c for c in facts.choices if _is(c, _TEST) and "only" not in c.name.lower()]
    # Its own before CTest's, which is on unless it is switched off; TESTING before a single TEST.
    return min(
        found,
        key=lambda c: (c.name == "BUILD_TESTING", not c.name.upper().endswith("ING"), len(c.name)),
        default=None,
    )


def gpu(facts: Facts) -> Choice | None:
    """The switch that adds CUDA; None where CUDA is always there, or never."""
    found = [c for c in facts.choices if _is(c, _GPU)]
    if not facts.kernels:
        found = [c for c in found if "cuda" in f"{c.name} {c.description}".lower()]
    return min(found, key=lambda c: ("cuda" not in c.name.lower(), len(c.name)), default=None)


def simd(facts: Facts) -> Choice | None:
    """The switch of the processor's vector instructions."""
    found = [c for c in facts.choices if _is(c, _SIMD)]
    return min(found, key=lambda c: (_rank(c.name), len(c.name)), default=None)


def simd_word(choice: Choice) -> str:
    """What people call the instructions that a switch is about."""
    return next((w.removesuffix("2").upper() for w in _ORDER if w in choice.name.lower()), "SIMD")


def native(facts: Facts) -> tuple[Choice, ...]:
    """Switches that compile for the processor at hand, which no package may."""
    return tuple(
        c for c in facts.choices if _is(c, _NATIVE) and c.default not in ("OFF", "no", "false", "0")
    )


def others(facts: Facts, taken: Iterable[Choice | None]) -> tuple[Choice, ...]:
    """The choices that nothing else took and whose values are known."""
    names = {c.name for c in taken if c}
    return tuple(
        c for c in facts.choices
        if c.name not in names and len(c.values) > 1 and not _NOT_OURS.search(c.name)
    )  # fmt: skip


def _is(choice: Choice, pattern: re.Pattern[str]) -> bool:
    named = pattern.search(choice.name) and not _NEGATED.search(choice.name)
    return choice.switch and bool(named)


def _rank(name: str) -> int:
    return next((i for i, word in enumerate(_ORDER) if word in name.lower()), len(_ORDER))
