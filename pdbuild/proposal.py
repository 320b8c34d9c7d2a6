"""Writes a first recipe for a project, from what is in its folder."""

import os
import re
from pathlib import Path

from pdbuild import programs
from pdbuild.errors import EngineError, UsageError
from pdbuild.recipe import load, names

FILE = "pdbuild.toml"

# What tells how a project is built: the first file that is there decides.
_BUILDS = {
    "CMakeLists.txt": ("build", ("gcc", "cmake", "ccache")),
    "configure.ac": ("build-autotools", ("gcc", "ccache")),
    "configure": ("build-autotools", ("gcc", "ccache")),
    "GNUmakefile": ("build-make", ("gcc", "ccache")),
    "makefile": ("build-make", ("gcc", "ccache")),
    "Makefile": ("build-make", ("gcc", "ccache")),
}
_PACKAGES = {
    "build": (),
    "build-autotools": ("autoconf", "automake", "libtool", "make"),
    "build-make": ("make",),
}

_TEXT = """\
# How {name} is built, packaged and shipped. `pdbuild bake all` does it.

[project]
name = "{name}"
version = "git"                # git describe; or a literal such as "1.0"

[base]
suite = "trixie"

[toolchain]
blocks = [{blocks}]
packages = [{packages}]

# [options]                    # what the project compiles by, and which choices ship
# SSL = {{ default = "ON", cmake = "WITH_SSL" }}
#
# [variants]
# full  = {{ SSL = "ON", default = true }}
# small = {{ SSL = "OFF" }}

[build]
hook = "{hook}"

[package]                      # the .deb
maintainer = "{maintainer}"
description = "{name}"

[image]                        # the production image
packages = ["libstdc++6"]
command = ["{name}"]
"""


def write(folder: Path) -> Path:
    """Write the recipe and return its path.

    Raises UsageError when there is one already, or nothing to build is found.
    """
    path = folder / FILE
    if os.path.lexists(path):
        raise UsageError(f"there is a {FILE} already")
    build = next((found for file, found in _BUILDS.items() if (folder / file).is_file()), None)
    if build is None:
        raise UsageError(
            f"no {', '.join(_BUILDS)} in {folder}",
            hint="go to the top of a project that has one of them",
        )
    hook, blocks = build
    text = _TEXT.format(
        name=_name(folder),
        blocks=_quoted(blocks),
        packages=_quoted(_PACKAGES[hook]),
        hook=hook,
        maintainer=_maintainer(),
    )
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def has_recipe(folder: Path) -> bool:
    """Whether pdbuild finds a recipe, or several, from here."""
    try:
        load.find(folder, None)
    except UsageError as error:
        return not error.message.startswith("no recipe in ")
    return True


def _name(folder: Path) -> str:
    """The folder's name as one that packages and images may have."""
    words = re.findall(r"[a-z0-9]+(?:\.[a-z0-9]+)*", folder.resolve().name.lower())
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


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
