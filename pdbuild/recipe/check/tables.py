"""Checks the tables of a recipe that mean something by themselves."""

import re
from collections.abc import Iterator

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.types import Recipe

_NOT_IN_PATHS = re.compile(r"""[\s,"'\\$*?\[\]]""")
_URL = re.compile(r"(https?|file)://[^\s]+")


def project(recipe: Recipe) -> Iterator[Finding]:
    project = recipe.project
    problem = names.project_problem(project.name)
    if problem:
        yield Finding(("project", "name"), problem)
    problem = names.version_problem(project.version) if project.version != "git" else ""
    if problem:
        hint = 'or "git", for `git describe` of the source'
        yield Finding(("project", "version"), problem, hint)
    if not project.platforms:
        yield Finding(("project", "platforms"), "no platform", 'such as "linux/amd64"')
    for platform in project.platforms:
        what, hint = names.platform_problem(platform)
        if what:
            yield Finding(("project", "platforms"), what, hint, item=platform)
    if project.homepage and not _URL.fullmatch(project.homepage):
        yield Finding(("project", "homepage"), f"{names.quote(project.homepage)} is not a URL")


def base(recipe: Recipe) -> Iterator[Finding]:
    base = recipe.base
    if not names.SUITE.fullmatch(base.suite):
        what = f"{names.quote(base.suite)} is not a suite's name"
        yield Finding(("base", "suite"), what, 'such as "trixie"')
    if re.search(r"\s", base.image):
        yield Finding(("base", "image"), f"{names.quote(base.image)} is not an image reference")


def paths(recipe: Recipe) -> Iterator[Finding]:
    """Paths that stand in the Containerfile, where some characters mean something else."""
    paths: dict[KeyPath, str] = {
        ("project", "source"): recipe.source,
        ("build", "hook"): recipe.build.hook,
        ("build", "prefix"): recipe.build.prefix,
    }
    if recipe.image:
        paths[("image", "workdir")] = recipe.image.workdir
    if recipe.docs:
        paths[("docs", "hook")] = recipe.docs.hook
    for path, value in paths.items():
        if _NOT_IN_PATHS.search(value):
            what = f"{names.quote(value)}: no blank, comma, quote, \\, $, *, ?, [ or ] can be in it"
            yield Finding(path, what)


def package(recipe: Recipe) -> Iterator[Finding]:
    package = recipe.package
    if package is None:
        return
    if not names.MAINTAINER.fullmatch(package.maintainer):
        what = f"{names.quote(package.maintainer)} is not a maintainer"
        yield Finding(("package", "maintainer"), what, 'write "Name <name@example.org>"')
    synopsis = package.description.strip().split("\n")[0].strip()
    if not synopsis:
        yield Finding(("package", "description"), "the description is empty")
    elif len(synopsis) > 80:
        what = f"the first line has {len(synopsis)} characters; a synopsis has at most 80"
        yield Finding(("package", "description"), what)
    if not names.SECTION.fullmatch(package.section):
        what = f"{names.quote(package.section)} is not a section of the archive"
        yield Finding(("package", "section"), what)
    for key in ("depends", "recommends"):
        for relation in getattr(package, key):
            choices = [choice.strip() for choice in relation.split("|")]
            if not all(map(names.DEBIAN_RELATION.fullmatch, choices)):
                what = f"{names.quote(relation)} is not a package relation"
                hint = 'such as "python3 (>= 3.11)"'
                yield Finding(("package", key), what, hint, item=relation)


def image(recipe: Recipe) -> Iterator[Finding]:
    image = recipe.image
    if image is None:
        return
    yield from rules.match(
        ("image", "packages"), image.packages, names.DEBIAN_PACKAGE, "a Debian package"
    )
    yield from rules.absolute(("image", "workdir"), image.workdir)
    if image.entrypoint not in ("", "entrypoint"):
        what = f'{names.quote(image.entrypoint)}: pdbuild\'s hook "entrypoint" alone can be one'
        yield Finding(("image", "entrypoint"), what, "the project's own belongs into `command`")
    yield from rules.environment(("image", "environment"), image.environment)
    for port in image.expose:
        if not 1 <= port <= 65535:
            yield Finding(("image", "expose"), f"{port} is not a TCP port", item=port)
    if image.size_budget and not names.size(image.size_budget):
        what = f"{names.quote(image.size_budget)} is not a size"
        yield Finding(("image", "size_budget"), what, 'such as "75MB" or "1.5GB"')


def mirrors(recipe: Recipe) -> Iterator[Finding]:
    for key in ("apt", "pip"):
        address = getattr(recipe.mirrors, key)
        if address and not _URL.fullmatch(address):
            yield Finding(("mirrors", key), f"{names.quote(address)} is not a URL")
    registry = recipe.mirrors.registry
    if re.search(r"://|\s", registry):
        what = f"{names.quote(registry)} is not a registry"
        yield Finding(("mirrors", "registry"), what, "write HOST[:PORT][/PATH], without a scheme")
