"""`[variants]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pdbuild.recipe import names, rules, tools
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.merge import Tables
from pdbuild.recipe.table import Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

# A variant's files stand in build/VARIANT, beside these folders.
_TAKEN = ("docs", "browse", "dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Table):
    """One entry of `[variants]`: a named choice of options that ships.

    In TOML the options stand beside `default`: `{ GPU = "ON", AVX = "OFF", default = true }`.
    """

    NAMES: ClassVar[str] = names.VARIANT.pattern
    GATHERED: ClassVar[str] = "options"
    GATHERED_NAMES: ClassVar[str] = names.OPTION.pattern
    FOR_BOOLEAN: ClassVar[str] = 'write "ON" or "OFF"'

    options: dict[str, str] = key(
        "Option values; unnamed options keep their default.", default_factory=dict
    )
    compiler: str = key("As in [build], for this variant.", default="")
    linker: str = key("As in [build], for this variant.", default="")
    launcher: str = key("As in [build], for this variant.", default="")
    platforms: tuple[str, ...] = key(
        "The platforms on which it exists; empty: all.", unique=True, default=()
    )
    default: bool = key("The variant whose tag and package have no suffix.", default=False)

    @staticmethod
    def gathers(key: str, value: Any) -> bool:
        return isinstance(value, str) or names.OPTION.fullmatch(key) is not None

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        seen: dict[tuple[str, ...], str] = {}
        build = recipe.build
        for name, variant in recipe.variants.items():
            path: KeyPath = ("variants", name)
            yield from _name(path, name)
            yield from _options(path, variant, recipe)
            yield from rules.platforms((*path, "platforms"), variant.platforms)
            yield from tools.mistakes(path, variant, recipe)
            if not variant.options.keys() <= recipe.options.keys():
                continue
            choice = (
                *(variant.options.get(k, o.default) for k, o in recipe.options.items()),
                variant.compiler or build.compiler,
                variant.linker or build.linker,
                variant.launcher or build.launcher,
                *variant.platforms,
            )
            other = seen.setdefault(choice, name)
            if other != name:
                needs: tuple[KeyPath, ...] = (path, ("variants", other), ("options",), EXTENDED)
                what = f"the same options as variant {other}"
                yield Finding(path, what, needs=needs)
        yield from _default(recipe)


def settled(tables: Tables) -> Tables:
    """The tables of a recipe with a default variant where there is no choice."""
    variants = tables.get("variants") or {"default": {}}
    if len(variants) == 1:
        variants = {name: {**variant, "default": True} for name, variant in variants.items()}
    return tables | {"variants": variants}


def _name(path: KeyPath, name: str) -> Iterator[Finding]:
    if not names.VARIANT.fullmatch(name) or len(name) > names.LONGEST_VARIANT:
        what = (
            "a variant's name is lower-case letters, digits and -, starting with a letter or "
            f"digit, at most {names.LONGEST_VARIANT}"
        )
        yield Finding(path, what)
    platforms = {platform.replace("/", "-") for platform in names.PLATFORMS}
    if name in _TAKEN or name in platforms:
        yield Finding(path, f"build/{name} is taken by something else", "choose another name")


def _options(path: KeyPath, variant: Variant, recipe: "Recipe") -> Iterator[Finding]:
    for option, value in variant.options.items():
        here = (*path, option)
        if option in recipe.options:
            needs: tuple[KeyPath, ...] = (here, ("options", option))
            yield from rules.among(here, (value,), recipe.options[option].values, needs)
        else:
            hint = names.did_you_mean(option, recipe.options)
            needs = (here, ("options", option), EXTENDED)
            yield Finding(here, "unknown option", hint, needs=needs)


def _default(recipe: "Recipe") -> Iterator[Finding]:
    default = [name for name, variant in recipe.variants.items() if variant.default]
    if not default:
        hint = "write `default = true` in the variant whose tag has no suffix"
        yield Finding(("variants",), "no default variant", hint, needs=(("variants",), EXTENDED))
    for name in default[1:]:
        what = f"variant {default[0]} is the default too"
        yield Finding(("variants", name, "default"), what, needs=(("variants",),))
