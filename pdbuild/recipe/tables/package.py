"""`[package]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild.recipe import names
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import MERGE_APPEND, Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

#: What `split` may name.
SPLITS = ("lib", "dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Table):
    """`[package]`: the Debian binary package of each variant."""

    maintainer: str = key('"Name <address>"; Debian policy 5.6.2.')
    description: str = key("First line: the synopsis; the rest: the long description.")
    section: str = key("The archive section.", default="misc")
    license: str = key("SPDX identifier, for debian/copyright.", default="")
    depends: tuple[str, ...] = key(
        "Depends beyond the shared libraries, which are found by dpkg-shlibdeps.",
        merge=MERGE_APPEND,
        default=(),
    )
    recommends: tuple[str, ...] = key("Recommends.", merge=MERGE_APPEND, default=())
    split: tuple[str, ...] = key(
        'What gets a package of its own: "lib", the shared libraries; "dev", headers and what '
        "else compiling against them needs.",
        merge=MERGE_APPEND,
        default=(),
    )
    debug_symbols: bool = key(
        "A package NAME-dbgsym of the symbols that debuggers read, as far as the build made any.",
        default=True,
    )

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
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
        for part in package.split:
            if part not in SPLITS:
                what = f"{names.quote(part)} is no part of a package"
                hint = names.did_you_mean(part, SPLITS)
                yield Finding(("package", "split"), what, hint, item=part)
        for name in ("depends", "recommends"):
            for relation in getattr(package, name):
                choices = [choice.strip() for choice in relation.split("|")]
                if not all(map(names.DEBIAN_RELATION.fullmatch, choices)):
                    what = f"{names.quote(relation)} is not a package relation"
                    hint = 'such as "python3 (>= 3.11)"'
                    yield Finding(("package", name), what, hint, item=relation)
