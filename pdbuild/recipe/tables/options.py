"""`[options]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

# Options reach steps as build arguments and environment, beside these.
_TAKEN = re.compile(
    r"(HOME|LANG|LANGUAGE|PATH|SOURCE_DATE_EPOCH|VERSION)|(PDBUILD_|LC_|LD_).*|.*_PROXY"
    r"|(BUILD|TARGET)(ARCH|OS|PLATFORM|VARIANT)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Table):
    """One entry of `[options]`: an axis that the project compiles by."""

    NAMES: ClassVar[str] = names.OPTION.pattern
    FOR_BOOLEAN: ClassVar[str] = 'write "ON" or "OFF"'

    default: str = key("The value when nobody sets the option.")
    values: tuple[str, ...] = key("The values it takes.", default=("ON", "OFF"))
    cmake: str = key("The CMake variable that it sets, if any.", default="")
    description: str = key("One line for people.", default="")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        setters: dict[str, str] = {}
        for name, option in recipe.options.items():
            path: KeyPath = ("options", name)
            yield from _name(path, name)
            yield from _values(path, option)
            if option.cmake and not names.ENVIRONMENT.fullmatch(option.cmake):
                what = f"{names.quote(option.cmake)} is not a CMake variable"
                yield Finding((*path, "cmake"), what)
            other = setters.setdefault(option.cmake, name) if option.cmake else name
            if other != name:
                yield Finding((*path, "cmake"), f"option {other} sets {option.cmake} too")


def _name(path: KeyPath, name: str) -> Iterator[Finding]:
    if not names.OPTION.fullmatch(name):
        what = "an option's name is upper-case letters, digits and _, starting with a letter"
        yield Finding(path, what)
    if _TAKEN.fullmatch(name):
        yield Finding(path, "the name means something else to a build", "choose another name")


def _values(path: KeyPath, option: Option) -> Iterator[Finding]:
    where = (*path, "values")
    yield from rules.match(where, option.values, names.OPTION_VALUE, "an option's value")
    yield from rules.repeats(where, option.values)
    default = (*path, "default")
    yield from rules.among(default, (option.default,), option.values, (default, where))
    if not option.values:
        yield Finding(where, "no value")
