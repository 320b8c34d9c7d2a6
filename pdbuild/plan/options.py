"""From what somebody asks for to a value for every option, and the variant that has them."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pdbuild.errors import UsageError
from pdbuild.recipe.tools import shown
from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A variant, and a value for each of the recipe's options."""

    variant: str
    values: dict[str, str]

    def __str__(self) -> str:
        return " ".join(f"{shown(name)}={value}" for name, value in self.values.items())


def choose(recipe: Recipe, variant: str, settings: Mapping[str, str], platform: str = "") -> Chosen:
    """What `pdbuild build` compiles on `platform`: `variant` ("" for none named) with `settings`.

    Settings stand above `[build] develop`, which stands above the variant's free options. With
    no variant named, the settings choose it. Raises UsageError for names and values that the
    recipe does not have, for settings that contradict the named variant, and when no variant
    has these options.
    """
    if variant and variant not in recipe.variants:
        raise UsageError(f"no variant {variant!r}", hint=_choices(variant, recipe.variants))
    check_settings(recipe, settings, (variant,) if variant else ())
    start = variant or recipe.default_variant
    fixed_by = recipe.variants[start].options
    free = {k: v for k, v in recipe.build.develop.items() if k not in fixed_by}
    values = options_of(recipe, start, platform) | free | dict(settings)
    return Chosen(variant=variant or _having(recipe, values, platform), values=values)


def options_of(recipe: Recipe, variant: str, platform: str = "") -> dict[str, str]:
    """Every option's value in a variant: the variant's own, else the default.

    One that means nothing on `platform` has the value that it has there.
    """
    chosen = recipe.variants[variant].options
    values = {name: chosen.get(name, option.default) for name, option in recipe.options.items()}
    return values | elsewhere(recipe, platform)


def elsewhere(recipe: Recipe, platform: str) -> dict[str, str]:
    """The values of the options that mean nothing on a platform."""
    return {
        name: option.elsewhere or "OFF"
        for name, option in recipe.options.items()
        if platform and option.platforms and platform not in option.platforms
    }


def settings_on(recipe: Recipe, settings: Mapping[str, str], platform: str) -> dict[str, str]:
    """Those of the settings that mean something on a platform."""
    nothing = elsewhere(recipe, platform)
    return {name: value for name, value in settings.items() if name not in nothing}


def absent_on(recipe: Recipe, platform: str) -> dict[str, str]:
    """The variants that do not exist on a platform, with the reason.

    Of those that are the same there the default one stays, else the first.
    """
    absent: dict[str, str] = {}
    same: dict[tuple[object, ...], str] = {}
    nothing = [shown(name) for name in elsewhere(recipe, platform)]
    for name in sorted(recipe.variants, key=lambda name: name != recipe.default_variant):
        variant = recipe.variants[name]
        if platform and variant.platforms and platform not in variant.platforms:
            absent[name] = f"it is for {', '.join(variant.platforms)} alone"
            continue
        values = options_of(recipe, name, platform)
        other = same.setdefault(tuple(values.items()), name) if nothing else name
        if other != name:
            verb = "means" if len(nothing) == 1 else "mean"
            absent[name] = f"it is {other} there, as {', '.join(nothing)} {verb} nothing"
    return {name: absent[name] for name in recipe.variants if name in absent}


def check_settings(recipe: Recipe, settings: Mapping[str, str], variants: tuple[str, ...]) -> None:
    """Raise UsageError when a setting does not exist or is not what one of `variants` is."""
    for name, value in settings.items():
        option = recipe.options.get(name)
        if option is None:
            raise UsageError(f"--set: no option {shown(name)!r}", hint=_refused(name, recipe))
        if value not in option.values:
            raise UsageError(
                f"--set {shown(name)}={value}: not a value", hint=_choices(value, option.values)
            )
        for variant in variants:
            fixed = recipe.variants[variant].options.get(name, value)
            if fixed != value:
                raise UsageError(
                    f"--set {shown(name)}={value}: variant {variant} is defined by "
                    f"{shown(name)}={fixed}",
                    hint="choose another variant with --variant",
                )


def _refused(name: str, recipe: Recipe) -> str:
    if shown(name) != name:
        return "there is no choice of it: name the blocks in [toolchain].blocks"
    return _choices(name, map(shown, recipe.options))


def _having(recipe: Recipe, values: Mapping[str, str], platform: str) -> str:
    """The variant that is defined by these values, the most closely defined first.

    Options that mean nothing on the platform define none there.
    """
    nothing = elsewhere(recipe, platform)
    absent = absent_on(recipe, platform)
    for name, variant in sorted(recipe.variants.items(), key=lambda v: -len(v[1].options)):
        defined = {k: v for k, v in variant.options.items() if k not in nothing}
        if name not in absent and defined.items() <= values.items():
            return name
    described = "; ".join(
        " ".join([name, *(f"{shown(k)}={v}" for k, v in variant.options.items())])
        for name, variant in recipe.variants.items()
    )
    raise UsageError("no variant has these options", hint=f"the variants are: {described}")


def _choices(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
