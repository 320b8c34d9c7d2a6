"""What instructions functions have, and who can reach them: of small files that gcc makes."""

import pytest
from verify_bits import compiled

from pdbuild.verify import code, functions
from pdbuild.verify.code import Function

_LIBRARY = ("-O2", "-shared", "-fPIC")
_WIDE = '__attribute__((target("avx2"), noinline))'

# A library whose resolver looks at the CPU; so does __builtin_cpu_supports.
_RESOLVED = (
    "static " + _WIDE + " void wide(float *x) { for (int i = 0; i < 64; i++) x[i] *= 2; }"
    "static void plain(float *x) { for (int i = 0; i < 64; i++) x[i] *= 2; }"
    "static void (*choose(void))(float *) {"
    '  __builtin_cpu_init(); return __builtin_cpu_supports("avx2") ? wide : plain; }'
    'void twice(float *) __attribute__((ifunc("choose")));'
)
_EXPORTED = _WIDE + " void wide(float *x) { for (int i = 0; i < 64; i++) x[i] *= 2; }"


def scanned(source: str, feature: str = "avx", *flags: str) -> dict[str, Function]:
    return {f.name: f for f in code.scan(compiled(source, *(flags or _LIBRARY)), feature)}


def test_plain_code_has_none() -> None:
    assert scanned("int twice(int x) { return 2 * x; }") == {}


def test_what_is_exported_can_be_reached() -> None:
    found = scanned(_EXPORTED)
    assert list(found) == ["wide"] and not found["wide"].guarded
    assert found["wide"].example.startswith("v")


def test_what_only_a_resolver_gives_is_guarded() -> None:
    found = scanned(_RESOLVED)
    assert list(found) == ["wide"] and found["wide"].guarded


def test_gccs_own_clones_are_guarded() -> None:
    source = (
        '__attribute__((target_clones("avx2", "default")))'
        "void twice(float *x) { for (int i = 0; i < 64; i++) x[i] *= 2; }"
    )
    found = scanned(source)
    assert found and all(function.guarded for function in found.values())


def test_a_call_besides_the_resolver_makes_it_reachable() -> None:
    found = scanned(_RESOLVED + "void leak(float *x) { wide(x); }")
    assert not found["wide"].guarded


def test_an_address_in_a_table_makes_it_reachable() -> None:
    found = scanned(_RESOLVED + "void (*table[])(float *) = {wide, plain};")
    assert not found["wide"].guarded


@pytest.mark.parametrize("packed", ["-Wl,-z,pack-relative-relocs", "-Wl,-z,nopack-relative-relocs"])
def test_however_the_table_is_relocated(packed: str) -> None:
    source = _RESOLVED + "void (*table[])(float *) = {wide, plain};"
    found = scanned(source, "avx", *_LIBRARY, packed)
    assert not found["wide"].guarded


def test_what_a_reachable_function_calls_can_be_reached() -> None:
    source = (
        "static " + _WIDE + " void deep(float *x) { for (int i = 0; i < 64; i++) x[i] *= 2; }"
        "static __attribute__((noinline)) void middle(float *x) { deep(x); deep(x + 64); }"
        "void outer(float *x) { middle(x); }"
    )
    assert not scanned(source)["deep"].guarded


def test_names_from_a_package_of_symbols() -> None:
    whole = compiled(_RESOLVED, *_LIBRARY, "-g")
    stripped = compiled(_RESOLVED, *_LIBRARY, "-g", "-s")
    (nameless,) = code.scan(stripped, "avx")
    assert nameless.name.startswith("the function at 0x") and nameless.guarded
    (named,) = code.scan(stripped, "avx", functions.symbols(whole))
    assert (named.name, named.guarded) == ("wide", True)
    assert functions.build_id(whole) and functions.build_id(
        b"\x7fELF" + whole[4:]
    ) == functions.build_id(whole)


@pytest.mark.parametrize(
    ("feature", "target", "body"),
    [
        ("fma", "fma", "x[i] = __builtin_fmaf(x[i], 2, 1)"),
        ("avx512f", "avx512f", "x[i] *= 2"),
        ("bmi2", "bmi2", "x[i] = __builtin_ia32_pdep_si((int)x[i], i)"),
    ],
)
def test_features_are_told_apart(feature: str, target: str, body: str) -> None:
    source = (
        f'__attribute__((target("{target}"))) void f(float *x)'
        f" {{ for (int i = 0; i < 64; i++) {body}; }}"
    )
    flags = (*_LIBRARY, "-O3", "-mprefer-vector-width=512")
    assert list(scanned(source, feature, *flags)) == ["f"]
    other = {"fma": "avx512f", "avx512f": "bmi2", "bmi2": "avx"}[feature]
    assert scanned(source, other, *flags) == {}


def test_a_program_at_a_fixed_address() -> None:
    source = (
        "static " + _WIDE + " void wide(float *x) { for (int i = 0; i < 64; i++) x[i] *= 2; }"
        "void (*volatile table)(float *);"
        "int main(void) { static float x[64]; table = wide; table(x); return 0; }"
    )
    found = scanned(source, "avx", "-O2", "-no-pie", "-fno-pie")
    assert not found["wide"].guarded
