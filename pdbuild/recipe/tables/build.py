"""`[build]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild.recipe import hooks, names, rules, tools
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.table import MERGE_BY_KEY, MERGE_JOIN, Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Build(Table):
    """`[build]`: how the sources become an installed tree."""

    hook: str = key(
        'A hook of pdbuild\'s ("build": CMake and ninja, "build-make", "build-autotools", '
        '"build-meson", "build-python"), or the path of the project\'s own script, relative to the '
        "source.",
        default="build",
    )
    arguments: tuple[str, ...] = key(
        "Arguments for the hook, such as CMake definitions.", merge=MERGE_JOIN, default=()
    )
    environment: dict[str, str] = key(
        "Environment of the step.", merge=MERGE_BY_KEY, default_factory=dict
    )
    compiler: str = key(
        '"gcc" or "clang", whose block must be named. Default: what `cc` and `c++` are.', default=""
    )
    linker: str = key(
        '"lld" or "mold", whose block must be named. Default: the compiler\'s own.', default=""
    )
    launcher: str = key(
        '"ccache", or "none" to compile without it, although it is there.', default=""
    )
    hardening: bool = key(
        "Compile and link with the flags of Debian's packages, those of dpkg-buildflags.",
        default=True,
    )
    emulate: bool = key(
        "For another platform, run all that compiles under an emulator, 6 to 40 times slower: "
        "for a build that cannot cross.",
        default=False,
    )
    prefix: str = key("The installation prefix.", default="/usr")
    develop: dict[str, str] = key(
        'Options that `pdbuild build` sets when nobody does, such as { TEST = "ON" }.',
        merge=MERGE_BY_KEY,
        default_factory=dict,
    )
    first: str = key(
        "The variant that compiles first; the others wait and take its objects from ccache. "
        "Best the one with the most objects. Default: the first variant.",
        default="",
    )

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        build = recipe.build
        yield from rules.plain_path(("build", "hook"), build.hook)
        yield from rules.absolute(("build", "prefix"), build.prefix)
        yield from rules.plain_path(("build", "prefix"), build.prefix)
        yield from rules.environment(("build", "environment"), build.environment)
        yield from tools.mistakes(("build",), build, recipe)
        for name, value in build.develop.items():
            path: KeyPath = ("build", "develop", name)
            if name in recipe.options:
                yield from rules.among(path, (value,), recipe.options[name].values)
            else:
                hint = names.did_you_mean(name, recipe.options)
                yield Finding(path, "unknown option", hint, needs=(path, ("options",), EXTENDED))
        if build.first and build.first not in recipe.variants:
            what = f"unknown variant {names.quote(build.first)}"
            hint = names.did_you_mean(build.first, recipe.variants)
            path = ("build", "first")
            yield Finding(path, what, hint, needs=(path, ("variants", build.first), EXTENDED))

    @staticmethod
    def missing(recipe: "Recipe", source: Path, hooks_dir: Path | None) -> Iterator[Finding]:
        yield from hooks.missing(("build", "hook"), recipe.build.hook, source, hooks_dir)
