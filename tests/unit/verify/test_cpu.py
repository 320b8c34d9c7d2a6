"""cpu: a variant that does without a feature has none of it outside of dispatch, and runs."""

from typing import Any

from test_code import _EXPORTED, _LIBRARY, _RESOLVED
from test_minimal import status
from verify_bits import FakeMachine, compiled, fails, holds, one, subject

from pdbuild.errors import EngineError
from pdbuild.recipe.tables.verify import Cpu, Verify
from pdbuild.verify import cpu
from pdbuild.verify.finding import Verdict
from pdbuild.verify.subject import Ran

_PLAIN = "int twice(int x) { return 2 * x; }"
_SENTENCE = "this build needs another CPU"


def made(
    files: dict[str, Any], variant: str = "without", ran: Ran | None = None, **keys: Any
) -> Any:
    claims = {
        "feature": "avx", "model": "Nehalem", "variants": ("without",), "run": ("thing check",),
        "says": _SENTENCE,
    } | keys  # fmt: skip
    machine = FakeMachine({"thing check": ran or Ran(code=0, said="fine")})
    table = Verify(cpu=Cpu(**claims))
    return cpu.check(subject(files, variant=variant, claims=table, machine=machine))


def library(source: str) -> dict[str, bytes]:
    return {"/usr/lib/libthing.so": compiled(source, *_LIBRARY)}


def test_a_sound_variant_without() -> None:
    for words in ("outside of dispatch", "`thing check` runs on a Nehalem"):
        holds(made(library(_PLAIN)), words)
    holds(made(library(_RESOLVED)), "outside of dispatch")


def test_a_fault_in_a_library() -> None:
    fails(made(library(_EXPORTED)), "outside of dispatch", "/usr/lib/libthing.so: wide: v")


def test_a_fault_in_a_program_that_another_starts() -> None:
    child = compiled(_EXPORTED + "int main(void) { static float x[64]; wide(x); return 0; }", "-O2")
    files = library(_PLAIN) | {"/usr/lib/thing/child": child}
    fails(made(files), "outside of dispatch", "/usr/lib/thing/child: wide")


def test_a_fault_in_a_python_extension() -> None:
    module = compiled(_EXPORTED + "void *PyInit_fast(void) { return 0; }", *_LIBRARY)
    files = {"/usr/lib/python3/dist-packages/thing/fast.cpython-313-x86_64-linux-gnu.so": module}
    fails(made(files), "outside of dispatch", "fast.cpython-313-x86_64-linux-gnu.so: wide")


def test_what_the_recipe_names_as_dispatch() -> None:
    holds(made(library(_EXPORTED), dispatch=("wi*",)), "outside of dispatch")
    holds(made(library(_EXPORTED), dispatch=("libthing.so:wide",)), "outside of dispatch")
    fails(made(library(_EXPORTED), dispatch=("libother.so:wide", "narrow")), "outside of dispatch")


def test_the_distributions_packages_are_told_and_not_blamed() -> None:
    files = {
        "/usr/lib/libother.so": compiled(_EXPORTED, *_LIBRARY),
        "/var/lib/dpkg/status": status("other 1", "thing 1"),
        "/var/lib/dpkg/info/other.list": b"/.\n/usr/lib/libother.so\n",
        "/var/lib/dpkg/info/thing.list": b"/.\n",
    }
    holds(made(files), "outside of dispatch")
    told = one(made(files), "packages of the distribution")
    assert "libother.so 1 (0 behind resolvers)" in told.evidence
    # What belongs to no package is judged like the project's own.
    stray = files | {"/opt/libstray.so": compiled(_EXPORTED, *_LIBRARY)}
    fails(made(stray), "outside of dispatch", "/opt/libstray.so")


def test_a_program_that_does_not_run_there() -> None:
    killed = Ran(code=132, said="qemu: uncaught target signal 4 (Illegal instruction)")
    fails(made(library(_PLAIN), ran=killed), "runs on a Nehalem", "an illegal instruction (SIGILL)")
    failed = Ran(code=1, said="child: -4")
    fails(made(library(_PLAIN), ran=failed), "runs on a Nehalem", "it ends with exit code 1: child")


def test_the_other_variants_use_it_and_say_so() -> None:
    ran = Ran(code=1, said=f"thing: {_SENTENCE}\n")
    for words in ("the project's code uses AVX", "on a Nehalem it says"):
        holds(made(library(_EXPORTED), "with", ran), words)
    fails(made(library(_PLAIN), "with", ran), "uses AVX", "none of 1 files of the project")
    fails(made(library(_EXPORTED), "with", Ran(code=1, said="oops")), "it says", "it says 'oops'")
    fails(made(library(_EXPORTED), "with", Ran(code=132, said=_SENTENCE)), "it says", "SIGILL")
    fails(made(library(_EXPORTED), "with", Ran(code=0, said=_SENTENCE)), "it says", "exit code 0")


def test_without_an_emulator_it_is_not_checked() -> None:
    class Broken:
        def run(self, words: Any, *, cpu: str = "") -> Ran:
            raise EngineError("no QEMU")

    table = Verify(cpu=Cpu(feature="avx", model="Nehalem", variants=("without",), run=("x",)))
    found = cpu.check(subject(library(_PLAIN), variant="without", claims=table, machine=Broken()))
    finding = one(found, "runs on a Nehalem")
    assert (finding.verdict, finding.evidence) == (Verdict.UNKNOWN, "no QEMU")


def test_another_architecture_has_nothing_of_it() -> None:
    table = Verify(cpu=Cpu(feature="avx", model="Nehalem", variants=("without",)))
    there = {"platform": "linux/arm64"}
    for variant in ("without", "with"):
        arm = subject({"/etc/x": b"x"}, variant=variant, claims=table, config=there)
        holds(cpu.check(arm), "AVX means nothing here")
    arm = subject(library(_PLAIN), variant="without", claims=table, config=there)
    fails(cpu.check(arm), "AVX means nothing here", "/usr/lib/libthing.so")
