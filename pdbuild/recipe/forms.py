"""The forms in which an option reaches a build: what its text means for each of its values.

A form is a key of an option, such as `cmake = "WITH_GPU"`. Its text names something, to which
the build system is given the option's value in its own way; or it is a table that says for each
value what is given, as it stands.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

#: What is written for one form: a name, or what each value gives.
Text = str | dict[str, str | tuple[str, ...]]
#: The same of the environment.
Variables = str | dict[str, dict[str, str]]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_SWITCH = frozenset({"ON", "OFF"})
_OPPOSITE = {"enable-": "disable-", "with-": "without-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form: what its text and its words may look like, and the words that a name gives.

    `given` is called with the name, the value, and whether the option is a switch; `names` and
    `words` describe what may be written, and the other two what is meant by them.
    """

    names: "re.Pattern[str]"
    names_are: str
    words: "re.Pattern[str]"
    words_are: str
    given: Callable[[str, str, bool], tuple[str, ...]]


def _configure(name: str, value: str, switch: bool) -> tuple[str, ...]:
    kind = "with-" if name.startswith("with-") else "enable-"
    feature = name.removeprefix(kind)
    if not switch:
        return (f"--{kind}{feature}={value}",)
    return (f"--{kind if value == 'ON' else _OPPOSITE[kind]}{feature}",)


def _meson(name: str, value: str, switch: bool) -> tuple[str, ...]:
    return (f"-D{name}={str(value == 'ON').lower() if switch else value}",)


def _make(name: str, value: str, switch: bool) -> tuple[str, ...]:
    if "=" not in name:
        return (f"{name}={value}",)
    return (name,) if value == "ON" else ()


def _define(name: str, value: str, switch: bool) -> tuple[str, ...]:
    if not switch:
        return (f"{name}={value}",)
    return (name,) if value == "ON" else ()


FORMS: dict[str, Form] = {
    "cmake": Form(
        names=re.compile(_NAME),
        names_are="a CMake variable",
        words=re.compile(r"-.+"),
        words_are="an argument of cmake, such as -DNAME=VALUE",
        given=lambda name, value, switch: (f"-D{name}={value}",),
    ),
    "configure": Form(
        names=re.compile(r"(?!(disable|without)-)[A-Za-z0-9][A-Za-z0-9_.+-]*"),
        names_are='a feature of configure, such as "fft", "enable-fft" or "with-tls"',
        words=re.compile(rf"--.+|{_NAME}=.*"),
        words_are="an argument of configure, such as --enable-fft or NAME=VALUE",
        given=_configure,
    ),
    "meson": Form(
        names=re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*"),
        names_are="an option of meson",
        words=re.compile(r"-.+"),
        words_are="an argument of meson, such as -Dname=value",
        given=_meson,
    ),
    "make": Form(
        names=re.compile(rf"{_NAME}(=.*)?"),
        names_are="a variable of make, NAME or NAME=VALUE",
        words=re.compile(rf"{_NAME}=.*"),
        words_are="a variable of make, NAME=VALUE",
        given=_make,
    ),
    "define": Form(
        names=re.compile(rf"{_NAME}(=.*)?"),
        names_are="a macro, NAME or NAME=VALUE",
        words=re.compile(rf"{_NAME}(=.*)?"),
        words_are="a macro, NAME or NAME=VALUE",
        given=_define,
    ),
}

#: The forms that become arguments of each build hook of pdbuild's; a project's own gets any.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "build": ("cmake",),
    "build-make": ("make",),
    "build-autotools": ("configure",),
    "build-meson": ("meson",),
    "build-python": ("cmake", "meson"),
}
#: The build hooks whose build system reads no CPPFLAGS.
WITHOUT_CPPFLAGS = ("build", "build-python")


def is_switch(values: tuple[str, ...]) -> bool:
    """Whether these are the values of a switch."""
    return _SWITCH.issuperset(values)


def words(form: str, text: Text, value: str, *, switch: bool) -> tuple[str, ...]:
    """What one value of an option gives in a form: arguments, or macros of `define`."""
    if isinstance(text, str):
        return FORMS[form].given(text, value, switch) if text else ()
    given = text.get(value, ())
    return tuple(filter(None, (given,) if isinstance(given, str) else given))


def variables(text: Variables, value: str) -> Mapping[str, str]:
    """The variables of the environment that one value of an option sets."""
    if isinstance(text, str):
        return {text: value} if text else {}
    return text.get(value, {})


def things(form: str, text: Text, values: tuple[str, ...]) -> Iterator[str]:
    """What a form sets, whatever the value, as people name it."""
    switch = is_switch(values)
    for value in values:
        for word in words(form, text, value, switch=switch):
            thing = word.partition("=")[0].removeprefix("-D").partition(":")[0]
            thing = re.sub(r"^--disable-", "--enable-", thing)
            yield re.sub(r"^--without-", "--with-", thing)
