"""`[options]`."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pdbuild.recipe import forms, names, rules
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.forms import FORMS, Text, Variables
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
    cmake: Text = key("The CMake variable that it sets.", default="")
    configure: Text = key(
        'The feature of configure: "fft" for --enable-fft and --disable-fft, "with-tls" for '
        "--with-tls and --without-tls.",
        default="",
    )
    meson: Text = key("The option of meson: true and false for ON and OFF.", default="")
    make: Text = key(
        'The variable of make; "NAME=VALUE" is given as it stands when the option is ON.',
        default="",
    )
    define: Text = key(
        'The macro for the preprocessor, "NAME" or "NAME=VALUE", when the option is ON; of an '
        "option with other values it has the value.",
        default="",
    )
    environment: Variables = key("The variable of the environment that it sets.", default="")
    platforms: tuple[str, ...] = key(
        "The platforms on which it means something; empty: all. Elsewhere a variant that differs "
        "from another by this option alone does not exist.",
        unique=True,
        default=(),
    )
    elsewhere: str = key('Its value on other platforms. Default: "OFF".', default="")
    description: str = key("One line for people.", default="")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        setters = {("environment", name): name for name in recipe.options}
        for name, option in recipe.options.items():
            path: KeyPath = ("options", name)
            yield from _name(path, name)
            yield from _values(path, option)
            yield from _platforms(path, option)
            for form, text in option.forms.items():
                yield from _form((*path, form), form, text, option.values)
                yield from _taken((*path, form), form, recipe.build.hook)
            yield from _variables((*path, "environment"), option)
            for form, thing in dict.fromkeys(option.sets):
                other = setters.setdefault((form, thing), name)
                if other != name:
                    yield Finding((*path, form), f"option {other} sets {thing} too")

    @property
    def forms(self) -> dict[str, Text]:
        """The forms in which it reaches the build hook, but for the environment."""
        return {form: text for form in FORMS if (text := getattr(self, form))}

    @property
    def sets(self) -> Iterator[tuple[str, str]]:
        """What it sets: each thing with its form."""
        for form, text in self.forms.items():
            for thing in forms.things(form, text, self.values):
                yield form, thing
        for value in self.values:
            for variable in forms.variables(self.environment, value):
                yield "environment", variable


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


def _platforms(path: KeyPath, option: Option) -> Iterator[Finding]:
    yield from rules.platforms((*path, "platforms"), option.platforms)
    where = (*path, "elsewhere")
    if option.elsewhere:
        needs: tuple[KeyPath, ...] = (where, (*path, "values"))
        yield from rules.among(where, (option.elsewhere,), option.values, needs)
    elif option.platforms and not forms.is_switch(option.values):
        hint = f"name one of {', '.join(option.values)}" if option.values else ""
        yield Finding(path, "`elsewhere` is lacking: its value on other platforms", hint)


def _form(path: KeyPath, form: str, text: Text, values: tuple[str, ...]) -> Iterator[Finding]:
    """The text of one form of an option with these values."""
    known = FORMS[form]
    if isinstance(text, dict):
        yield from _complete(path, text, values)
        for value, given in text.items():
            given = tuple(filter(None, rules.listed(given)))
            yield from rules.match((*path, value), given, known.words, known.words_are)
    elif not known.names.fullmatch(text):
        yield Finding(path, f"{names.quote(text)} is not {known.names_are}")
    elif "=" in text and not forms.is_switch(values):
        hint = f'say what each value gives: {form} = {{ {values[0]} = "..." }}' if values else ""
        yield Finding(path, "only ON and OFF can mean with it and without it", hint)


def _variables(path: KeyPath, option: Option) -> Iterator[Finding]:
    text = option.environment
    if isinstance(text, dict):
        yield from _complete(path, text, option.values)
        for value, variables in text.items():
            yield from rules.environment((*path, value), variables)
    elif text and not names.ENVIRONMENT.fullmatch(text):
        yield Finding(path, f"{names.quote(text)} is not an environment variable's name")


def _complete(path: KeyPath, given: Collection[str], values: tuple[str, ...]) -> Iterator[Finding]:
    """A table has one entry for each value."""
    for value in given:
        if value not in values:
            what = f"{names.quote(value)} is not one of its values"
            yield Finding((*path, value), what, names.did_you_mean(value, values))
    for value in values:
        if value not in given:
            yield Finding(path, f"nothing is said of {value}", 'what gives nothing is ""')


def _taken(path: KeyPath, form: str, hook: str) -> Iterator[Finding]:
    """A form that is an argument is one for the hook that builds."""
    accepted = forms.ARGUMENTS.get(hook)
    if accepted is not None and form not in (*accepted, "define"):
        hint = f"use {', '.join(f'`{name}`' for name in accepted)}, `define` or `environment`"
        what = f"the hook {names.quote(hook)} takes no arguments of {form}"
        yield Finding(path, what, hint, needs=(path, ("build", "hook"), EXTENDED))
