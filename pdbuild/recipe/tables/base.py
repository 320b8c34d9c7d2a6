"""`[base]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pdbuild.recipe import names
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Base(Table):
    """`[base]`: the root file system that every stage starts from."""

    distribution: Literal["debian"] = key("The distribution.", default="debian")
    suite: str = key('The suite, such as "trixie".', default="trixie")
    image: str = key(
        "The image reference that plain tools use; pdbuild puts its own bootstrapped base "
        "in its place. Default: DISTRIBUTION:SUITE-slim.",
        default="",
    )
    bootstrap: bool = key(
        "Bootstrap the base from the signed archive; false takes `image` from its registry.",
        default=True,
    )

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        base = recipe.base
        if not names.SUITE.fullmatch(base.suite):
            what = f"{names.quote(base.suite)} is not a suite's name"
            yield Finding(("base", "suite"), what, 'such as "trixie"')
        if re.search(r"\s", base.image):
            what = f"{names.quote(base.image)} is not an image reference"
            yield Finding(("base", "image"), what)
