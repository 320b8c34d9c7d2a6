"""`[project]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Table):
    """`[project]`: what is built, from where, for which platforms."""

    name: str = key("Name of the package, the images and the library; Debian's package name rules.")
    version: str = key('"git" for `git describe` of the source, or a literal.', default="git")
    tag: str = key(
        'What tags of versions look like, such as "v{version}". Default: "v{version}", '
        '"{version}", and both after "release" or the project\'s name, with a hyphen or slash.',
        default="",
    )
    source: str = key("The source tree, relative to this recipe.", default=".")
    platforms: tuple[str, ...] = key(
        'OCI platforms, such as "linux/arm64". Default: that of the machine that builds.',
        unique=True,
        default=(),
    )
    homepage: str = key("The project's address on the web.", default="")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        project = recipe.project
        problem = names.project_problem(project.name)
        if problem:
            yield Finding(("project", "name"), problem)
        problem = names.version_problem(project.version) if project.version != "git" else ""
        if problem:
            hint = 'or "git", for `git describe` of the source'
            yield Finding(("project", "version"), problem, hint)
        if project.tag and not names.TAG_PATTERN.fullmatch(project.tag):
            what = f"{names.quote(project.tag)} does not say what a version's tag looks like"
            yield Finding(("project", "tag"), what, 'such as "v{version}"')
        yield from rules.plain_path(("project", "source"), recipe.source)
        yield from rules.platforms(("project", "platforms"), project.platforms)
        if project.homepage:
            yield from rules.url(("project", "homepage"), project.homepage)
