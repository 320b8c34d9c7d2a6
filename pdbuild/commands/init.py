"""`pdbuild init`: write a first recipe for the project in the working directory."""

import re
import subprocess
from pathlib import Path

from pdbuild.errors import UsageError

FILE = "pdbuild.toml"

# What tells how a project is built: the first file that is there decides.
_BUILDS = {
    "CMakeLists.txt": ("build", ("gcc", "cmake", "ccache")),
    "configure.ac": ("build-autotools", ("gcc", "ccache")),
    "configure": ("build-autotools", ("gcc", "ccache")),
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


def init(folder: Path) -> Path:
    """Write the recipe and return its path.

    Raises UsageError when there is one already, or nothing to build is found.
    """
    path = folder / FILE
    if path.exists():
        raise UsageError(f"there is a {FILE} already")
    build = next((found for file, found in _BUILDS.items() if (folder / file).exists()), None)
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
    path.write_text(text)
    return path


def _name(folder: Path) -> str:
    """The folder's name as a Debian package name (policy 5.6.1)."""
    name = re.sub(r"[^a-z0-9.-]+", "-", folder.resolve().name.lower()).strip("-.")
    return name if len(name) > 1 and name[0].isalnum() else "project"


def _maintainer() -> str:
    name, address = _git("user.name"), _git("user.email")
    return f"{name} <{address}>" if name and address else "Nobody <nobody@localhost.localdomain>"


def _git(key: str) -> str:
    try:
        run = subprocess.run(
            ["git", "config", "--get", key], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return re.sub(r'["\\]', "", run.stdout.strip())


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
