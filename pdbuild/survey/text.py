"""The text of a first recipe, from what was found out. What is guessed says so."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pdbuild.survey import options
from pdbuild.survey.facts import Facts
from pdbuild.survey.packages import Found
from pdbuild.survey.survey import Survey
from pdbuild.survey.toml import commented, listed, quoted, table

_HOOKS = {"cmake": "build", "autotools": "build-autotools", "make": "build-make",
          "meson": "build-meson", "python": "build-python"}  # fmt: skip
_TOOLS = {"autotools": ("autoconf", "automake", "libtool", "make"), "make": ("make",)}
_BLOCKS_OF_NEEDS = {"CUDA": "nvcc", "CUDAToolkit": "nvcc", "Python": "python", "Python3": "python",
                    "PythonInterp": "python", "PythonLibs": "python", "pybind11": "python",
                    "Git": "git"}  # fmt: skip
_BLOCKS_OF_SYSTEMS = {"cmake": ("cmake",), "meson": ("meson",), "python": ("python",)}
_BLOCKS_OF_BACKENDS = {"scikit-build-core": ("cmake", "scikit-build"), "meson-python": ("meson",)}
_BLOCK_ORDER = ("gcc", "cmake", "meson", "ccache", "git", "python", "scikit-build", "nvcc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the recipe says of the project besides: its name, version and maintainer."""

    name: str
    version: str
    described: str
    maintainer: str


def recipe(survey: Survey, identity: Identity) -> str:
    """The recipe's text."""
    facts = survey.facts
    proposal = options.propose(facts)
    parts = [
        _head(identity, survey),
        table("project", _project(identity, facts)),
        table("base", ['suite = "trixie"']),
        table("toolchain", _toolchain(survey, proposal)),
        "\n".join(options.text(proposal)),
        table("build", _build(facts, proposal)),
        table("package", _package(survey, identity)),
        _image(facts, identity),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(identity: Identity, survey: Survey) -> str:
    by = sorted({found.by for found in (*survey.found, *survey.for_tests) if found.packages})
    sources = f"; packages: by {', '.join(by)}" if by else ""
    lines = [
        f"# How {identity.name} is built, packaged and shipped. `pdbuild bake all` does it.",
        f"# Read from {survey.facts.how}{sources}.",
        '# What says "guess" is worth a look.',
        *(f"# Note: {note}." for note in survey.facts.notes),
    ]
    if not survey.facts.installs and survey.facts.system == "cmake":
        lines.append(
            "# Note: it installs nothing, so there is nothing to package: add install() to it."
        )
    if survey.facts.toolkit:
        libraries = ", ".join(survey.facts.toolkit)
        lines.append(f"# Note: it links {libraries}, which the block nvcc does not bring.")
    if survey.facts.fetches:
        fetches = ", ".join(survey.facts.fetches)
        lines.append(f"# Note: it downloads while it is configured, unless it finds {fetches}.")
    return "\n".join(lines)


def _project(identity: Identity, facts: Facts) -> list[str]:
    lines = [f"name = {quoted(identity.name)}"]
    lines.append(commented(f"version = {quoted(identity.version)}", identity.described))
    if re.fullmatch(r"https?://[^\s\"\\<>]+", facts.homepage):
        lines.append(f"homepage = {quoted(facts.homepage)}")
    return lines


def _toolchain(survey: Survey, proposal: options.Proposal) -> list[str]:
    facts = survey.facts
    blocks = {"gcc", "ccache", *_BLOCKS_OF_SYSTEMS.get(facts.system, ())}
    for need in (found.need for found in survey.found):
        blocks.update(_BLOCKS_OF_BACKENDS.get(need.name, ()) if need.kind == "python" else ())
        # What it can do without and nothing is told of stays out.
        if need.name in _BLOCKS_OF_NEEDS and (need.required or not need.condition):
            blocks.add(_BLOCKS_OF_NEEDS[need.name])
    blocks -= {"nvcc"}
    if proposal.gpu or "CUDA" in facts.languages:
        blocks |= {"nvcc", "python"}
    lines = [f"blocks = {listed(b for b in _BLOCK_ORDER if b in blocks)}"]
    return [*lines, *_packages(survey, _TOOLS.get(facts.system, ()))]


def _packages(survey: Survey, tools: Iterable[str]) -> list[str]:
    """The packages, with the reason for each; those that may not be needed are comments."""
    rows: dict[str, str] = dict.fromkeys(tools, "")
    maybe: dict[str, str] = {}
    for found in survey.found:
        rows_or_maybe = rows if _certain(found) else maybe
        for package in found.packages:
            rows_or_maybe.setdefault(package, _reason(found))
    for found in survey.for_tests:
        for package in found.packages:
            rows.setdefault(package, f"guess: for the tests: {found.need.name}")
    unknown = [f.need.name for f in survey.found if not f.by and f.need.required]
    if not (maybe or unknown or any(rows.values())):
        return [f"packages = {listed(rows)}"] if rows else []
    return [
        "packages = [",
        *(commented(f"    {quoted(name)},", why) for name, why in rows.items()),
        *(
            commented(f"    # {quoted(name)},", why)
            for name, why in maybe.items()
            if name not in rows
        ),
        *(f"    # guess: add the package that brings {name}" for name in dict.fromkeys(unknown)),
        "]",
    ]


def _certain(found: Found) -> bool:
    """Whether the package is installed: needed, or wanted without a condition."""
    return found.need.required or not found.need.condition


def _reason(found: Found) -> str:
    need = found.need
    if need.kind == "macro":
        return ""
    what = {"header": f"<{need.name}>", "library": f"-l{need.name}"}.get(need.kind, need.name)
    when = f", if {_shortened(need.condition)}" if need.condition else ""
    guess = "" if found.by == "table" and not need.condition else "guess: "
    by = "" if found.by == "table" else f", by {found.by}"
    return f"{guess}{what}{when}{by}"


def _build(facts: Facts, proposal: options.Proposal) -> list[str]:
    lines = [f"hook = {quoted(_HOOKS[facts.system])}"]
    arguments = [(f"-D{choice.key}=OFF", "guess: a package must run on other processors too")
                 for choice in proposal.native]  # fmt: skip
    if facts.fetches and facts.system == "cmake":
        arguments.append(
            ("-DFETCHCONTENT_TRY_FIND_PACKAGE_MODE=ALWAYS", "guess: Debian's instead of a download")
        )
    if arguments:
        body = [commented(f"    {quoted(text)},", why) for text, why in arguments]
        lines += ["arguments = [", *body, "]"]
    if proposal.gpu:
        lines.append(commented('first = "gpu"', "it has every object that the others need"))
    if proposal.tests:
        lines.append(commented('develop = { TEST = "ON" }', "`pdbuild build` runs the tests"))
    return lines


def _package(survey: Survey, identity: Identity) -> list[str]:
    nobody = identity.maintainer.endswith("@localhost.localdomain>")
    maintainer = f"maintainer = {quoted(identity.maintainer)}"
    # (Not the name alone: lintian asks what it is.)
    guessed = f"{'programs' if survey.facts.programs else 'files'} of the project {identity.name}"
    synopsis = _synopsis(survey.facts.description) or guessed
    about = f"description = {quoted(synopsis)}"
    lines = [
        commented(maintainer, "guess: who answers for the package" if nobody else ""),
        commented(about, "" if survey.facts.description else "guess: one line on what it is"),
    ]
    depends = [
        name for found in survey.runs_with for name in found.packages if not name.endswith("-dev")
    ]
    if survey.facts.system == "python":
        lines.append(f"depends = {listed(('python3', *depends))}")
    if survey.license:
        lines.append(commented(f"license = {quoted(survey.license)}", "guess: by its text"))
    return lines


def _image(facts: Facts, identity: Identity) -> str:
    programs = facts.programs
    wanted = next((p for p in programs if p.lower() == identity.name), "".join(programs[:1]))
    if facts.system == "make" and not programs:
        wanted = identity.name
    if not wanted:
        return "# It installs no program, so it has no production image; one would be:\n# [image]"
    sure = len(programs) == 1
    command = commented(f"command = [{quoted(wanted)}]", "" if sure else "guess: its main program")
    claims = "# [verify]    # with it `bake all` proves that images are whole, small and hardened"
    return table("image", [command]) + f"\n\n{claims}"


def _synopsis(text: str) -> str:
    """A description as Debian wants its first line: short, plain, with no full stop."""
    plain = " ".join("".join(c for c in text if c.isprintable() and c not in '"\\').split())
    return plain.rstrip(".") if 0 < len(plain) <= 75 else ""


def _shortened(text: str) -> str:
    plain = "".join(c for c in text if c.isprintable())
    return plain if len(plain) <= 48 else plain[:45] + "..."
