"""`[cache]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild.compilecache import address
from pdbuild.recipe import names
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache(Table):
    """`[cache]`: where objects are kept for other machines and accounts, besides the own cache.

    It reaches the steps while they run, and decides nothing of what they make.
    """

    remote: str = key(
        'Where ccache keeps objects for others: "redis://HOST", "http://HOST/PATH" or '
        '"file:/FOLDER". `PDBUILD_CACHE` is taken instead.',
        default="",
    )
    read_only: bool = key("Only take objects from there.", default=False)

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        remote = recipe.cache.remote
        if remote and (problem := address.problem(remote)):
            what = f"{names.quote(address.shown(remote))}: {problem[0]}"
            yield Finding(("cache", "remote"), what, problem[1])
