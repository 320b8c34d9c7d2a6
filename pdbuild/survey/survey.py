"""Finds out how a project is built, and reads what its files say."""

from dataclasses import dataclass, replace
from pathlib import Path

from pdbuild.errors import UsageError
from pdbuild.survey import cmake, configure, fileapi, licenses, make, meson, packages, python, roles
from pdbuild.survey.facts import Facts
from pdbuild.survey.packages import Found

#: What tells how a project is built: the first file that is there decides.
FILES = ("CMakeLists.txt", "meson.build", "configure.ac", "configure.in", "configure", *make.FILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The facts, the packages for what the project needs, and its licence.

    `for_tests` are needs of the tests alone, `runs_with` those of running it.
    """

    facts: Facts
    found: tuple[Found, ...]
    for_tests: tuple[Found, ...]
    runs_with: tuple[Found, ...]
    license: str


def survey(folder: Path, *, run: bool = True) -> Survey:
    """What is known of the project in `folder`.

    With `run`, CMake, `configure` and meson are asked where they are there; nothing is written
    into the source. Raises UsageError when there is nothing to build.
    """
    facts, testing = _facts(folder, run=run)
    facts = replace(facts, kernels=_has_kernels(folder))
    own = {facts.name.lower(), folder.resolve().name.lower()}
    own |= {name.removeprefix("lib") for name in own}
    needs = dict.fromkeys(need for need in facts.needs if need.name.lower() not in own)
    if facts.system in ("autotools", "make"):
        needs |= dict.fromkeys(packages.headers(folder))
    more = [n for n in testing.needs if n not in needs and n.name.lower() not in own]
    if (folder / ".gitmodules").is_file():
        note = "it has submodules: git submodule update --init --recursive"
        facts = replace(facts, notes=(*facts.notes, note))
    return Survey(
        facts=facts,
        found=packages.resolve(needs),
        for_tests=packages.resolve(replace(need, required=False) for need in more),
        runs_with=packages.resolve(facts.runs_with),
        license=licenses.identifier(folder),
    )


def _facts(folder: Path, *, run: bool) -> tuple[Facts, Facts]:
    """The project's facts, and those with its tests."""
    if python.backend(folder):
        facts = python.read(folder)
        return facts, facts
    name = next((name for name in FILES if (folder / name).is_file()), "")
    match name:
        case "":
            raise UsageError(
                f"no {', '.join(FILES)} in {folder}",
                hint="go to the top of a project that has one of them",
            )
        case "CMakeLists.txt":
            return _cmake(folder, run=run)
        case "meson.build":
            facts = meson.read(folder, run=run)
        case "configure.ac" | "configure.in" | "configure":
            facts = configure.read(folder, run=run)
        case _:
            facts = make.read(folder)
    return facts, facts


def _cmake(folder: Path, *, run: bool) -> tuple[Facts, Facts]:
    """CMake's own answers where it gives them, the text for the rest."""
    asked = fileapi.configure(folder) if run else ""
    if isinstance(asked, str):
        facts = cmake.read(folder)
        facts = replace(facts, how=facts.how + (f" ({asked})" if asked else ""))
        settings: dict[str, str] = {}
    else:
        settings = asked.settings
        facts = replace(
            cmake.read(folder, settings),
            how="CMake's file API",
            languages=asked.languages,
            programs=asked.programs,
        )
    # The toolchain is for the variants with CUDA, too. What ships has no tests in it.
    test, gpu = roles.tests(facts), roles.gpu(replace(facts, kernels=_has_kernels(folder)))
    settings = settings | {choice.name: "ON" for choice in (gpu,) if choice}
    ships = cmake.read(folder, settings | {choice.name: "OFF" for choice in (test,) if choice})
    facts = replace(facts, needs=ships.needs, fetches=ships.fetches, toolkit=ships.toolkit)
    return facts, cmake.read(folder, settings | {test.name: "ON"}) if test else facts


def _has_kernels(folder: Path) -> bool:
    return next(folder.rglob("*.cu"), None) is not None
