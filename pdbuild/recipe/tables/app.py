"""`[app]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild.recipe import disk, names, rules
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.table import MERGE_APPEND, MERGE_BY_KEY, Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

# Debian's own of each suite, as pip sees it; that of sid moves.
_PYTHONS = {"bookworm": "3.11", "trixie": "3.13", "forky": "3.14", "sid": "3.14"}
_USER = re.compile(r"[0-9]+(:[0-9]+)?|[a-z_][a-z0-9_-]*(:[a-z_][a-z0-9_-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class App(Table):
    """`[app]`: an application, which is an image on top of a production image."""

    name: str = key("Name of its images.")
    image: str = key(
        "The image that it starts from, of a registry or of the image store. Default: the "
        "recipe's own, made in the same bake.",
        default="",
    )
    variants: tuple[str, ...] = key(
        "The variants that it is made on. Default: all.", unique=True, default=()
    )
    source: str = key("Its folder, relative to the project's root.", default=".")
    requirements: str = key(
        "Its Python packages: a requirements.txt or pyproject.toml of its folder, locked by "
        "`pdbuild app lock`.",
        default="",
    )
    python: str = key(
        "The version of the image's Python. Default: that of [base] suite, 3.13 in trixie.",
        default="",
    )
    packages: tuple[str, ...] = key("Debian packages.", merge=MERGE_APPEND, default=())
    copy: dict[str, str] = key(
        'Where files and folders of its folder go. Default: { "." = "/NAME" }.',
        merge=MERGE_BY_KEY,
        default_factory=dict,
    )
    expose: tuple[int, ...] = key(
        "TCP ports, which `pdbuild app run` publishes.", merge=MERGE_APPEND, default=()
    )
    command: tuple[str, ...] = key(
        "What runs when nothing is named. Default: the image's.", default=()
    )
    environment: dict[str, str] = key(
        "Environment of the image.", merge=MERGE_BY_KEY, default_factory=dict
    )
    user: str = key("The user that runs it, UID or UID:GID. Default: the image's.", default="")
    workdir: str = key("The working directory. Default: /NAME.", default="")
    healthcheck: tuple[str, ...] = key("A command that succeeds while it is well.", default=())
    size_budget: str = key('Most bytes it may take uncompressed, such as "500MB".', default="")

    @property
    def folder(self) -> str:
        """The working directory."""
        return self.workdir or f"/{self.name}"

    def python_of(self, suite: str) -> str:
        """The version of Python on an image whose base is of this suite."""
        return self.python or _PYTHONS.get(suite, _PYTHONS["trixie"])

    @property
    def copies(self) -> dict[str, str]:
        """What is copied where."""
        return self.copy or {".": f"/{self.name}"}

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        app = recipe.app
        if app is None:
            return
        yield from _origin(app, recipe)
        yield from rules.plain_path(("app", "source"), app.source)
        yield from rules.plain_path(("app", "requirements"), app.requirements)
        if app.python and not re.fullmatch(r"3\.[0-9]+", app.python):
            what = f"{names.quote(app.python)} is not a version of Python"
            yield Finding(("app", "python"), what, 'such as "3.13"')
        yield from rules.match(
            ("app", "packages"), app.packages, names.DEBIAN_PACKAGE, "a Debian package"
        )
        for source, target in app.copy.items():
            path: KeyPath = ("app", "copy", source)
            yield from rules.plain_path(path, source)
            if source.startswith("/") or ".." in source.split("/"):
                yield Finding(path, f"{names.quote(source)} is not below the application's folder")
            yield from rules.absolute(path, target)
            yield from rules.plain_path(path, target)
        for port in app.expose:
            if not 1 <= port <= 65535:
                yield Finding(("app", "expose"), f"{port} is not a TCP port", item=port)
        yield from rules.environment(("app", "environment"), app.environment)
        if app.user and not _USER.fullmatch(app.user):
            yield Finding(("app", "user"), f"{names.quote(app.user)} is not UID or UID:GID")
        if app.workdir:
            yield from rules.absolute(("app", "workdir"), app.workdir)
            yield from rules.plain_path(("app", "workdir"), app.workdir)
        if app.size_budget and not names.size(app.size_budget):
            what = f"{names.quote(app.size_budget)} is not a size"
            yield Finding(("app", "size_budget"), what, 'such as "500MB" or "1.5GB"')

    @staticmethod
    def missing(recipe: "Recipe", source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
        app = recipe.app
        if app is None:
            return
        root = Path(recipe.root)
        folder = disk.resolved(root, app.source)
        if folder is None or not disk.is_folder(folder) or not folder.is_relative_to(root):
            what = f"there is no folder {names.quote(app.source)} in the project"
            yield Finding(("app", "source"), what, f"looked in {root}")
            return
        if app.requirements and not disk.is_file(folder / app.requirements):
            what = f"there is no file {names.quote(app.requirements)} in {app.source}"
            yield Finding(("app", "requirements"), what)
        for named in app.copy:
            if disk.resolved(folder, named) is None or not (folder / named).exists():
                what = f"there is no {names.quote(named)} in {app.source}"
                yield Finding(("app", "copy", named), what)


def _origin(app: App, recipe: "Recipe") -> Iterator[Finding]:
    """What is wrong with its name, and with what it starts from."""
    problem = names.project_problem(app.name)
    if problem:
        yield Finding(("app", "name"), problem)
    elif app.name == recipe.project.name and not app.image:
        what = f"the images of the project are called {names.quote(app.name)}"
        yield Finding(("app", "name"), what, needs=(("app", "name"), ("project", "name")))
    if re.search(r"\s", app.image):
        what = f"{names.quote(app.image)} is not an image reference"
        yield Finding(("app", "image"), what)
    if recipe.image is None and not app.image:
        hint = "name one, `image = ...`, or extend the recipe of a project with an [image]"
        needs: tuple[KeyPath, ...] = (("app",), ("image",), EXTENDED)
        yield Finding(("app",), "there is no image that it starts from", hint, needs=needs)
    for variant in app.variants:
        if variant not in recipe.variants:
            here: KeyPath = ("app", "variants")
            needs = (here, ("variants", variant), EXTENDED)
            hint = names.did_you_mean(variant, recipe.variants)
            what = f"unknown variant {names.quote(variant)}"
            yield Finding(here, what, hint, item=variant, needs=needs)
