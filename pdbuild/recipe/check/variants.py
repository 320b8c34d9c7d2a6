"""Checks options, the variants that choose among them, and what the build says of both."""

import re
from collections.abc import Iterator

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.types import Recipe

# A variant's files stand in build/VARIANT, beside these folders.
_TAKEN_VARIANTS = ("docs", "browse", "dev")
# Options reach steps as build arguments and environment, beside these.
_TAKEN_OPTIONS = re.compile(
    r"(HOME|LANG|LANGUAGE|PATH|SOURCE_DATE_EPOCH|VERSION)|(PDBUILD_|LC_|LD_).*|.*_PROXY"
    r"|(BUILD|TARGET)(ARCH|OS|PLATFORM|VARIANT)"
)


def options(recipe: Recipe) -> Iterator[Finding]:
    setters: dict[str, str] = {}
    for name, option in recipe.options.items():
        path: KeyPath = ("options", name)
        if not names.OPTION.fullmatch(name):
            what = "an option's name is upper-case letters, digits and _, starting with a letter"
            yield Finding(path, what)
        if _TAKEN_OPTIONS.fullmatch(name):
            yield Finding(path, "the name means something else to a build", "choose another name")
        yield from rules.match(
            (*path, "values"), option.values, names.OPTION_VALUE, "an option's value"
        )
        yield from rules.repeats((*path, "values"), option.values)
        needs = ((*path, "default"), (*path, "values"))
        yield from rules.among((*path, "default"), (option.default,), option.values, needs)
        if not option.values:
            yield Finding((*path, "values"), "no value")
        if option.cmake and not names.ENVIRONMENT.fullmatch(option.cmake):
            what = f"{names.quote(option.cmake)} is not a CMake variable"
            yield Finding((*path, "cmake"), what)
        other = setters.setdefault(option.cmake, name) if option.cmake else name
        if other != name:
            yield Finding((*path, "cmake"), f"option {other} sets {option.cmake} too")


def variants(recipe: Recipe) -> Iterator[Finding]:
    needs: tuple[KeyPath, ...]
    seen: dict[tuple[str, ...], str] = {}
    for name, variant in recipe.variants.items():
        path: KeyPath = ("variants", name)
        yield from _variant_name(path, name)
        for option, value in variant.options.items():
            here = (*path, option)
            if option in recipe.options:
                needs = (here, ("options", option))
                yield from rules.among(here, (value,), recipe.options[option].values, needs)
            else:
                hint = names.did_you_mean(option, recipe.options)
                needs = (here, ("options", option), EXTENDED)
                yield Finding(here, "unknown option", hint, needs=needs)
        if not variant.options.keys() <= recipe.options.keys():
            continue
        choice = tuple(variant.options.get(k, o.default) for k, o in recipe.options.items())
        other = seen.setdefault(choice, name)
        if other != name:
            needs = (path, ("variants", other), ("options",), EXTENDED)
            what = f"the same options as variant {other}"
            yield Finding(path, what, needs=needs)


def _variant_name(path: KeyPath, name: str) -> Iterator[Finding]:
    if not names.VARIANT.fullmatch(name) or len(name) > names.LONGEST_VARIANT:
        what = (
            "a variant's name is lower-case letters, digits and -, starting with a letter or "
            f"digit, at most {names.LONGEST_VARIANT}"
        )
        yield Finding(path, what)
    platforms = {platform.replace("/", "-") for platform in names.PLATFORMS}
    if name in _TAKEN_VARIANTS or name in platforms:
        yield Finding(path, f"build/{name} is taken by something else", "choose another name")


def defaults(recipe: Recipe) -> Iterator[Finding]:
    default = [name for name, variant in recipe.variants.items() if variant.default]
    if not default:
        hint = "write `default = true` in the variant whose tag has no suffix"
        yield Finding(("variants",), "no default variant", hint, needs=(("variants",), EXTENDED))
    for name in default[1:]:
        what = f"variant {default[0]} is the default too"
        yield Finding(("variants", name, "default"), what, needs=(("variants",),))


def build(recipe: Recipe) -> Iterator[Finding]:
    yield from rules.absolute(("build", "prefix"), recipe.build.prefix)
    yield from rules.environment(("build", "environment"), recipe.build.environment)
    for name, value in recipe.build.develop.items():
        path: KeyPath = ("build", "develop", name)
        if name in recipe.options:
            yield from rules.among(path, (value,), recipe.options[name].values)
        else:
            hint = names.did_you_mean(name, recipe.options)
            yield Finding(path, "unknown option", hint, needs=(path, ("options",), EXTENDED))
    first = recipe.build.first
    if first and first not in recipe.variants:
        needs: tuple[KeyPath, ...] = (("build", "first"), ("variants", first), EXTENDED)
        hint = names.did_you_mean(first, recipe.variants)
        yield Finding(
            ("build", "first"), f"unknown variant {names.quote(first)}", hint, needs=needs
        )
