"""Checks blocks, and what a recipe says of the blocks that it names."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.types import Block, Parameter, Recipe

_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def block(block: Block) -> Iterator[Finding]:
    """Everything wrong in one block by itself."""
    yield from rules.lines((), block)
    for key in ("check", "install"):
        hook = getattr(block, key)
        if hook and not names.HOOK.fullmatch(hook):
            yield Finding((key,), f"{names.quote(hook)} is not a hook's name")
    yield from rules.match(
        ("apt",), _without_parameters(block.apt), names.DEBIAN_PACKAGE, "a package"
    )
    yield from rules.environment(("environment",), block.environment)
    yield from _source(block)
    for name, parameter in block.parameters.items():
        values = rules.listed(parameter.default)
        yield from rules.among(("parameters", name, "default"), values, parameter.values)
    for key in ("apt", "pip", "path", "environment"):
        value = getattr(block, key)
        for text in value.values() if isinstance(value, Mapping) else value:
            for used in _SUBSTITUTION.findall(text):
                if used not in block.parameters:
                    what = f"{names.quote(text)} uses an unknown parameter"
                    yield Finding((key,), what, names.did_you_mean(used, block.parameters))


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
    if "source" in block.parameters:
        hint = "`source` is the path of a local copy"
        yield Finding(("parameters", "source"), "a block with a [source] has this one", hint)


def toolchain(recipe: Recipe) -> Iterator[Finding]:
    toolchain = recipe.toolchain
    by_name = {block.name: block for block in recipe.blocks}
    yield from rules.match(
        ("toolchain", "packages"), toolchain.packages, names.DEBIAN_PACKAGE, "a Debian package"
    )
    needs: tuple[KeyPath, ...]
    seen: list[str] = []
    for name in toolchain.blocks:
        for needed in by_name[name].requires if name in by_name else ():
            where: KeyPath = ("toolchain", "blocks")
            if needed not in toolchain.blocks:
                hint = f"add {names.quote(needed)} before {names.quote(name)}"
                needs = (where, EXTENDED)
                yield Finding(where, f"{name} requires {needed}", hint, name, needs)
            elif needed not in seen:
                hint = f"put {names.quote(needed)} before {names.quote(name)}"
                yield Finding(where, f"{name} requires {needed} before it", hint, item=name)
        seen.append(name)
    for name, values in toolchain.parameters.items():
        path: KeyPath = ("toolchain", name)
        if name not in toolchain.blocks:
            near = names.nearest(name, toolchain.blocks)
            hint = f"did you mean {names.quote(near)}?" if near else "add it to `blocks`"
            needs = (path, ("toolchain", "blocks"), EXTENDED)
            yield Finding(path, "not one of this recipe's blocks", hint, needs=needs)
        elif name in by_name:
            known = by_name[name].parameters
            if by_name[name].source is not None:
                known = {**known, "source": Parameter(default="")}
            yield from _parameters(path, known, values)


def _parameters(
    path: KeyPath,
    known: Mapping[str, Parameter],
    values: Mapping[str, str | tuple[str, ...]],
) -> Iterator[Finding]:
    for name, value in values.items():
        here = (*path, name)
        parameter = known.get(name)
        if parameter is None:
            yield Finding(here, "unknown parameter", names.did_you_mean(name, known))
        elif isinstance(value, str) != isinstance(parameter.default, str):
            swapped = ("a list", "a string") if isinstance(value, str) else ("a string", "a list")
            yield Finding(here, "expected {}, found {}".format(*swapped))
        else:
            yield from rules.among(here, rules.listed(value), parameter.values)


def browse(recipe: Recipe) -> Iterator[Finding]:
    if recipe.browse is None:
        return
    where: KeyPath = ("browse", "generator")
    yield from rules.repeats(where, recipe.browse.generator)
    if not set(recipe.browse.generator) & set(recipe.toolchain.blocks):
        named = " or ".join(map(names.quote, recipe.browse.generator)) or '"doxygen"'
        needs: tuple[KeyPath, ...] = (where, ("toolchain", "blocks"), EXTENDED)
        hint = f"add {named} to [toolchain].blocks"
        yield Finding(where, "none of them is one of this recipe's blocks", hint, needs=needs)


def _without_parameters(texts: Iterable[str]) -> Iterator[str]:
    return (_SUBSTITUTION.sub("0", text) for text in texts)
