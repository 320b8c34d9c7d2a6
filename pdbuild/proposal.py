"""Writes a first recipe for the project in a folder."""

import os
import re
from pathlib import Path

from pdbuild import programs, source
from pdbuild.errors import EngineError, PdbuildError, UsageError
from pdbuild.recipe import load, names
from pdbuild.survey import survey, text
from pdbuild.survey.survey import Survey
from pdbuild.version import patterns

FILE = "pdbuild.toml"


def write(folder: Path, *, run: bool = True) -> tuple[Path, Survey]:
    """Write the recipe; its path, and what it was made from.

    With `run`, the project's build system is asked, else only texts are read. Raises UsageError
    when there is a recipe already, or nothing to build is found.
    """
    path = folder / FILE
    if os.path.lexists(path):
        raise UsageError(f"there is a {FILE} already")
    found = survey.survey(folder, run=run)
    content = text.recipe(found, identity(folder, found.facts.version))
    with path.open("x", encoding="utf-8") as file:
        file.write(content)
    return path, found


def has_recipe(folder: Path) -> bool:
    """Whether pdbuild finds a recipe, or several, from here."""
    try:
        load.find(folder, None)
    except UsageError as error:
        return not error.message.startswith("no recipe in ")
    return True


# How folders of released sources are called: name-1.2.3.
_RELEASE = re.compile(r"(.*[A-Za-z].*?)[-_]v?(\d+(?:\.\d+)+)")


def identity(folder: Path, said: str) -> text.Identity:
    """What a project is called, and its version: by git, else what it says of itself."""
    version, described = _version(folder, said)
    return text.Identity(
        name=_name(folder), version=version, described=described, maintainer=_maintainer()
    )


def _version(folder: Path, said: str) -> tuple[str, str]:
    """The version by git's tags, else what the build files or the folder's name say, with a word
    on where it is from.
    """
    try:
        facts = source.describe(folder, "git", patterns(_name(folder)))
        described, in_git = facts.version.text, bool(facts.revision)
    except PdbuildError:
        described, in_git = "0.0.0", False
    if described.startswith("0.0.0") and said and not names.version_problem(said):
        return said, "guess: what its build files say"
    if in_git:
        return "git", f"git describe: now {described}"
    named = _RELEASE.fullmatch(folder.resolve().name)
    if named and not names.version_problem(named[2]):
        return named[2], "guess: what the folder is called"
    return "0.1.0", 'guess: it is not in git, of which "git" takes the tags'


def _name(folder: Path) -> str:
    """The folder's name as one that packages and images may have."""
    called = folder.resolve().name
    named = _RELEASE.fullmatch(called)
    words = re.findall(r"[a-z0-9]+(?:\.[a-z0-9]+)*", (named[1] if named else called).lower())
    name = "-".join(words)
    return "project" if names.project_problem(name) else name


def _maintainer() -> str:
    name, address = _git("user.name"), _git("user.email")
    maintainer = f"{name} <{address}>"
    if names.MAINTAINER.fullmatch(maintainer):
        return maintainer
    return "Nobody <nobody@localhost.localdomain>"


def _git(key: str) -> str:
    try:
        done = programs.run("git", "config", "--get", key)
    except EngineError:
        return ""
    plain = "".join(c for c in done.out if c.isprintable() and c not in '"\\<>')
    return " ".join(plain.split())
