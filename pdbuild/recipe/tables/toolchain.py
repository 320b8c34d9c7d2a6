"""`[toolchain]`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.table import MERGE_APPEND, MERGE_BY_KEY, Table, key
from pdbuild.recipe.tables.block import Parameter

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain(Table):
    """`[toolchain]`: the tools of the dev image.

    Every other key of the table is the name of a block and holds its parameters:
    `nvcc = { version = "13" }`; they arrive in `parameters`.
    """

    GATHERED: ClassVar[str] = "parameters"
    FOR_UNKNOWN: ClassVar[str] = "a block's parameters are a table, `block = { parameter = value }`"

    blocks: tuple[str, ...] = key(
        "Blocks, in order; what a block requires comes before it, named or not.",
        merge=MERGE_APPEND,
        default=(),
    )
    packages: tuple[str, ...] = key(
        "More Debian packages, of the machine that builds. For another platform, libraries "
        '(`Multi-Arch: same`) come for that one too; "NAME:native" is for this machine alone.',
        merge=MERGE_APPEND,
        default=(),
    )
    target_packages: tuple[str, ...] = key(
        "Debian packages of the platform that is compiled for, when that is another.",
        merge=MERGE_APPEND,
        default=(),
    )
    parameters: dict[str, dict[str, str | tuple[str, ...]]] = key(
        "Parameters by block.", merge=MERGE_BY_KEY, default_factory=dict
    )

    @staticmethod
    def gathers(key: str, value: Any) -> bool:
        return isinstance(value, dict)

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        toolchain = recipe.toolchain
        packages = ("toolchain", "packages")
        yield from rules.match(
            packages, toolchain.packages, names.DEBIAN_PACKAGE, "a Debian package"
        )
        yield from rules.match(
            ("toolchain", "target_packages"),
            toolchain.target_packages,
            names.DEBIAN_PACKAGE,
            "a Debian package",
        )
        by_name = {block.name: block for block in recipe.blocks}
        for name, values in toolchain.parameters.items():
            path: KeyPath = ("toolchain", name)
            if name not in recipe.block_names:
                near = names.nearest(name, sorted(recipe.block_names))
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
