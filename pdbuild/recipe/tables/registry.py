"""`[registry]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild import registries
from pdbuild.recipe import names
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry(Table):
    """`[registry]`: where `pdbuild push` and `bake --push` send the production images."""

    to: str = key('The repository: "registry.example.org/team/squares".', default="")
    ca: str = key(
        "A file with the certificate of the registry's own authority; relative to the project.",
        default="",
    )

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        to = recipe.registry.to
        if to and (problem := registries.repository_problem(to)):
            hint = "write HOST[:PORT]/PATH, without a tag"
            yield Finding(("registry", "to"), f"{names.quote(to)}: {problem}", hint)
