"""A block's file, `recipes/toolchain/NAME.toml`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import Table, key, no_key

_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Table):
    """One entry of a block's `[parameters]`."""

    default: str | tuple[str, ...] = key("The value, or values, when the recipe names none.")
    values: tuple[str, ...] = key("The values allowed; empty: any.", default=())
    description: str = key("One line for people.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Table):
    """A block's `[source]`: what is in no package archive and is built in the image.

    pdbuild fetches it on the host and checks it; the block's `install` hook finds it in
    /run/source, and puts what it makes into /opt/NAME, alone. A recipe names a copy of its own
    with `BLOCK = { source = "PATH" }`, which is checked all the same.
    """

    git: str = key("The address of a git repository; needs `commit`.", default="")
    commit: str = key("The commit, all 40 digits.", default="")
    url: str = key("The address of a tarball; needs `sha256`.", default="")
    sha256: str = key("The tarball's checksum.", default="")
    apt: tuple[str, ...] = key("Debian packages that only making it takes.", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Table):
    """A piece of toolchain: `recipes/toolchain/NAME.toml`.

    `${parameter}` in `pip`, `wheels`, `apt`, `environment` and `path` stands for a parameter's
    value; a list is joined with `;`. `name` is the file's, without `.toml`; `tries` is how often
    an optional block was asked for again.
    """

    name: str = no_key()
    description: str = key("One line for people.")
    requires: tuple[str, ...] = key(
        "Blocks that come before it, named by a recipe or not.", default=()
    )
    apt: tuple[str, ...] = key("Debian packages.", default=())
    cross: tuple[str, ...] = key(
        "Debian packages that compiling for another platform takes besides: ${arch} is Debian's "
        "name of it, ${gnu} the triplet as names of packages have it.",
        default=(),
    )
    pip: tuple[str, ...] = key("Python requirements, installed into /opt/NAME.", default=())
    wheels: tuple[str, ...] = key(
        "The same, of which nothing is compiled: they come beside the Debian packages, not after "
        "them, and so does `install`.",
        default=(),
    )
    cross_wheels: tuple[str, ...] = key(
        "Those of `wheels` whose folders `lib` and `include` are another platform's when that is "
        "compiled for.",
        default=(),
    )
    environment: dict[str, str] = key("Environment it sets.", default_factory=dict)
    path: tuple[str, ...] = key("Folders put at the front of PATH.", default=())
    install: str = key(
        "A hook that runs after the packages are there; a block with a source needs one.",
        default="",
    )
    check: str = key("The hook that makes it work; its failure fails the build.")
    parameters: dict[str, Parameter] = key("What a recipe may set.", default_factory=dict)
    source: Source | None = key("Its source, if it is built from one.", default=None)
    optional: bool = key(
        "Leave the block out, and say so, when fetching or compiling it or its check fails.",
        default=False,
    )
    tries: int = no_key(default=0)


def check(block: Block) -> Iterator[Finding]:
    """Everything wrong in one block by itself."""
    yield from rules.lines((), block)
    for name in ("check", "install"):
        hook = getattr(block, name)
        if hook and not names.HOOK.fullmatch(hook):
            yield Finding((name,), f"{names.quote(hook)} is not a hook's name")
    yield from rules.match(
        ("apt",), _without_parameters(block.apt), names.DEBIAN_PACKAGE, "a package"
    )
    yield from rules.match(
        ("cross",), _without_parameters(block.cross), names.DEBIAN_PACKAGE, "a package"
    )
    yield from rules.environment(("environment",), block.environment)
    if block.wheels and (block.pip or block.source):
        yield Finding(("wheels",), "a block with wheels has neither `pip` nor a [source]")
    yield from _source(block)
    for name, parameter in block.parameters.items():
        values = rules.listed(parameter.default)
        yield from rules.among(("parameters", name, "default"), values, parameter.values)
    for name in ("apt", "pip", "wheels", "cross_wheels", "path", "environment"):
        value = getattr(block, name)
        for text in value.values() if isinstance(value, Mapping) else value:
            for used in _SUBSTITUTION.findall(text):
                if used not in block.parameters:
                    what = f"{names.quote(text)} uses an unknown parameter"
                    yield Finding((name,), what, names.did_you_mean(used, block.parameters))


def _source(block: Block) -> Iterator[Finding]:
    """A source has one address, and what pins it."""
    source = block.source
    if source is None:
        if block.optional:
            yield Finding(("optional",), "only a block with a [source] can be optional")
        return
    if bool(source.git) == bool(source.url):
        yield Finding(("source",), "name one of `git` and `url`")
    pin, pattern = ("commit", _COMMIT) if source.git else ("sha256", _SHA256)
    if not pattern.fullmatch(getattr(source, pin)):
        what = f"{names.quote(getattr(source, pin))} pins nothing"
        yield Finding(("source", pin), what, "all hexadecimal digits, in lower case")
    yield from rules.match(("source", "apt"), source.apt, names.DEBIAN_PACKAGE, "a package")
    if not block.install:
        hint = "it finds the source in /run/source, and fills /opt/NAME"
        yield Finding(("install",), "a block with a [source] needs this hook", hint)
    if "source" in block.parameters:
        hint = "`source` is the path of a local copy"
        yield Finding(("parameters", "source"), "a block with a [source] has this one", hint)


def _without_parameters(texts: Iterable[str]) -> Iterator[str]:
    return (_SUBSTITUTION.sub("0", text) for text in texts)
