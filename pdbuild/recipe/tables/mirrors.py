"""`[mirrors]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors(Table):
    """`[mirrors]`: where downloads come from; unset means upstream.

    They reach the steps while they run and are in no layer.
    """

    apt: str = key("Debian archive.", default="")
    pip: str = key("Python package index.", default="")
    git: str = key("Prefix for git sources.", default="")
    registry: str = key(
        "HOST[:PORT][/PATH] of a registry that has `[base] image`, when that is not bootstrapped.",
        default="",
    )

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        for name in ("apt", "pip"):
            address = getattr(recipe.mirrors, name)
            if address:
                yield from rules.url(("mirrors", name), address)
        registry = recipe.mirrors.registry
        if re.search(r"://|\s", registry):
            what = f"{names.quote(registry)} is not a registry"
            hint = "write HOST[:PORT][/PATH], without a scheme"
            yield Finding(("mirrors", "registry"), what, hint)
