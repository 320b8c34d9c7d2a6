"""Writes a first recipe for the application in a folder."""

import os
import re
from pathlib import Path

from pdbuild import proposal
from pdbuild.errors import UsageError
from pdbuild.plan.types import VARIANT
from pdbuild.store import Store

_REQUIREMENTS = ("requirements.txt", "pyproject.toml")
_PROGRAMS = ("app.py", "main.py", "serve.py")


def write(folder: Path, image: str = "") -> Path:
    """Write the recipe of an application, whose requirements are in `folder`; its path.

    It starts from `image`, or else the newest production image of the store. Raises UsageError
    when there is a recipe already, no requirements, or no image.
    """
    path = folder / proposal.FILE
    if os.path.lexists(path):
        raise UsageError(f"there is a {path.name} already")
    named = [name for name in _REQUIREMENTS if (folder / name).is_file()]
    if not named:
        raise UsageError(f"there is neither {' nor '.join(_REQUIREMENTS)} here")
    image = image or _newest_image()
    identity = proposal.identity(folder, "0.1.0")
    lines = [
        "[project]",
        f'name = "{identity.name}"',
        f'version = "{identity.version}"',
        "",
        "[app]",
        f'name = "{identity.name}"',
        f'image = "{image}"',
        f'requirements = "{named[0]}"',
        *_command(folder, identity.name, (folder / named[0]).read_text(errors="replace")),
    ]
    with path.open("x", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _newest_image() -> str:
    """The production image of the store that was made last, of a default variant."""
    images = [image for image in Store.own().images() if VARIANT in image.labels]
    images = [i for i in images if not i.reference.endswith(f"-{i.labels[VARIANT]}")]
    if not images:
        raise UsageError(
            "the image store has no production image", hint="name one: --from HOST/NAME:TAG"
        )
    return max(images, key=lambda image: image.created).reference


def _command(folder: Path, name: str, requirements: str) -> list[str]:
    """What runs when nothing is named, as far as the files tell."""
    if any(folder.glob("*.ipynb")) and re.search("jupyter|notebook", requirements):
        words = ("jupyter", "notebook", "--ip=0.0.0.0", "--port=8080", "--no-browser")
        listed = ", ".join(f'"{word}"' for word in (*words, "--allow-root"))
        return [f"command = [{listed}]", "expose = [8080]"]
    for program in _PROGRAMS:
        if (folder / program).is_file():
            return [f'command = ["/{name}/{program}"]  # guess', "# expose = [8080]"]
    return ['# command = ["..."]', "# expose = [8080]"]
