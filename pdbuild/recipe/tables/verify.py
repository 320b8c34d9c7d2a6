"""`[verify]`."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild.recipe import names, rules
from pdbuild.recipe.features import FEATURES
from pdbuild.recipe.finding import EXTENDED, Finding, KeyPath
from pdbuild.recipe.table import MERGE_APPEND, Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

#: The kinds of claims that need no words of their own.
KINDS = ("closure", "minimal", "hardened", "version", "secrets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu(Table):
    """`[verify.cpu]`: some variants run on a CPU that lacks a feature; the others use it."""

    feature: str = key('The feature, as /proc/cpuinfo names it: "fma".')
    model: str = key('A CPU without it, as QEMU names it (`qemu-x86_64 -cpu help`): "Nehalem".')
    variants: tuple[str, ...] = key("The variants that run without it.", unique=True, default=())
    needs: tuple[str, ...] = key(
        'What the others need of a CPU, as /proc/cpuinfo names it: ["fma"]. Default: the feature.',
        unique=True,
        default=(),
    )
    run: tuple[str, ...] = key(
        "Command lines that succeed on such a CPU: commands of the image, or Python programs of "
        "the project, relative to its root.",
        default=(),
    )
    says: str = key(
        "What the other variants say on such a CPU, before they end with an error.", default=""
    )
    dispatch: tuple[str, ...] = key(
        "Functions with such instructions that the program calls only after a look at the CPU: "
        "patterns of symbols' names, or FILE:NAME.",
        merge=MERGE_APPEND,
        default=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuda(Table):
    """`[verify.cuda]`: some variants have code for GPUs; the others have nothing of CUDA."""

    variants: tuple[str, ...] = key("The variants for GPUs.", unique=True, default=())
    architectures: tuple[str, ...] = key(
        'Compute capabilities that there is code for, exactly these: ["80", "90"].',
        unique=True,
        default=(),
    )
    ptx: tuple[str, ...] = key("Those that there is PTX for.", unique=True, default=())
    run: tuple[str, ...] = key("Command lines that succeed where there is no driver.", default=())
    says: str = key("What the first of them says there.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify(Table):
    """`[verify]`: what is claimed of the production images, and checked."""

    claims: tuple[str, ...] = key(
        "Kinds of claims: see [verify](verify.md).", unique=True, default=KINDS
    )
    glibc: str = key('The newest glibc that the project\'s files may need: "2.36".', default="")
    setuid: tuple[str, ...] = key(
        "Paths of files that may be setuid, setgid or have capabilities.",
        merge=MERGE_APPEND,
        default=(),
    )
    keep: tuple[str, ...] = key(
        "Patterns of paths that belong into the image, whatever `minimal` says of them.",
        merge=MERGE_APPEND,
        default=(),
    )
    compiled: tuple[str, ...] = key(
        "Patterns of the project's files that others compiled: `hardened` lets them be.",
        merge=MERGE_APPEND,
        default=(),
    )
    version: tuple[str, ...] = key(
        "Command lines that print the version: commands of the image.", default=()
    )
    cpu: Cpu | None = key("See below.", default=None)
    cuda: Cuda | None = key("See below.", default=None)

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        verify = recipe.verify
        if verify is None:
            return
        if recipe.image is None:
            yield Finding(
                ("verify",), "there is no [image] to verify", needs=(("image",), EXTENDED)
            )
        for kind in verify.claims:
            if kind not in KINDS:
                hint = names.did_you_mean(kind, KINDS)
                what = f"{names.quote(kind)} is no kind of claim"
                yield Finding(("verify", "claims"), what, hint, item=kind)
        if verify.glibc and not all(part.isdigit() for part in verify.glibc.split(".")):
            yield Finding(("verify", "glibc"), f"{names.quote(verify.glibc)} is not a version")
        for path in verify.setuid:
            yield from rules.absolute(("verify", "setuid"), path)
        yield from _command_lines(("verify", "version"), verify.version)
        for name in ("cpu", "cuda"):
            part: Cpu | Cuda | None = getattr(verify, name)
            if part is not None:
                yield from _variants(("verify", name, "variants"), part.variants, recipe)
                yield from _command_lines(("verify", name, "run"), part.run)
        if verify.cpu and verify.cpu.feature not in FEATURES:
            where: KeyPath = ("verify", "cpu", "feature")
            what = f"{names.quote(verify.cpu.feature)} is no feature that instructions tell"
            yield Finding(where, what, names.did_you_mean(verify.cpu.feature, FEATURES))
        for name in ("architectures", "ptx"):
            for value in getattr(verify.cuda, name) if verify.cuda else ():
                if not value.rstrip("af").isdigit():
                    what = f"{names.quote(value)} is not a compute capability"
                    yield Finding(("verify", "cuda", name), what, 'such as "90"', item=value)


def _variants(path: KeyPath, variants: tuple[str, ...], recipe: "Recipe") -> Iterator[Finding]:
    if not variants:
        yield Finding(path, "no variant is named")
    for variant in variants:
        if variant not in recipe.variants:
            needs: tuple[KeyPath, ...] = (path, ("variants", variant), EXTENDED)
            hint = names.did_you_mean(variant, recipe.variants)
            what = f"unknown variant {names.quote(variant)}"
            yield Finding(path, what, hint, item=variant, needs=needs)


def _command_lines(path: KeyPath, lines: tuple[str, ...]) -> Iterator[Finding]:
    for line in lines:
        try:
            words = shlex.split(line)
        except ValueError as error:
            yield Finding(path, f"{names.quote(line)}: {error}", item=line)
        else:
            if not words:
                yield Finding(path, "an empty command line", item=line)
