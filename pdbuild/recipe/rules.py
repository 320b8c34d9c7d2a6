"""Rules that hold for several keys, each giving what breaks it."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pdbuild.recipe import names
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.table import Table

_NOT_IN_PATHS = re.compile(r"""[\s,"'\\$*?\[\]]""")
_URL = re.compile(r"(https?|file)://[^\s]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def lines(path: KeyPath, value: object) -> Iterator[Finding]:
    """Strings below `value` that span lines or hold control characters."""
    if isinstance(value, str):
        allowed = "\n\t" if path and path[-1] == "description" else ""
        if _CONTROL.search(value.translate(dict.fromkeys(map(ord, allowed)))):
            yield Finding(path, f"{names.quote(value)} is not one line of plain text")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from lines((*path, key), inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from lines(path, inner)
    elif isinstance(value, Table):
        for key in value.__dataclass_fields__:
            yield from lines(path if key == value.GATHERED else (*path, key), getattr(value, key))


def listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """One value or several, as several."""
    return (value,) if isinstance(value, str) else value


def among(
    path: KeyPath, values: Iterable[str], allowed: tuple[str, ...], needs: tuple[KeyPath, ...] = ()
) -> Iterator[Finding]:
    """Values that are not allowed; with nothing in `allowed`, all are."""
    for value in values:
        if allowed and value not in allowed:
            what = f"{names.quote(value)} is not one of its values"
            yield Finding(path, what, names.did_you_mean(value, allowed), value, needs)


def match(
    path: KeyPath, values: Iterable[str], pattern: "re.Pattern[str]", kind: str
) -> Iterator[Finding]:
    """Values that `pattern` does not describe; `kind` is what they should be."""
    for value in values:
        if not pattern.fullmatch(value):
            yield Finding(path, f"{names.quote(value)} is not {kind}", item=value)


def repeats(path: KeyPath, values: tuple[str | int, ...]) -> Iterator[Finding]:
    """Values that stand earlier in the same list."""
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Finding(
                (*path, index), f"{names.quote(str(value))} is named twice", needs=(path,)
            )


def environment(path: KeyPath, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Names that no environment variable can have."""
    for name in environment:
        if not names.ENVIRONMENT.fullmatch(name):
            yield Finding((*path, name), "not an environment variable's name")


def absolute(path: KeyPath, value: str) -> Iterator[Finding]:
    """A path that is not absolute, or climbs."""
    if not value.startswith("/") or ".." in value.split("/"):
        yield Finding(path, f"{names.quote(value)} is not an absolute path")


def plain_path(path: KeyPath, value: str) -> Iterator[Finding]:
    """A path that cannot stand in the Containerfile, where some characters mean something else."""
    if _NOT_IN_PATHS.search(value):
        what = f"{names.quote(value)}: no blank, comma, quote, \\, $, *, ?, [ or ] can be in it"
        yield Finding(path, what)


def url(path: KeyPath, value: str) -> Iterator[Finding]:
    """An address that is none."""
    if not _URL.fullmatch(value):
        yield Finding(path, f"{names.quote(value)} is not a URL")


def platforms(path: KeyPath, values: Iterable[str]) -> Iterator[Finding]:
    """What is no OCI platform's name."""
    for value in values:
        what, hint = names.platform_problem(value)
        if what:
            yield Finding(path, what, hint, item=value)
