"""Lowers a recipe to Containerfile stages: the toolchain, and each variant compiled and packed."""

from pdbuild.plan import blocks
from pdbuild.plan.instructions import (
    Arg,
    Bind,
    Cache,
    Comment,
    Copy,
    Env,
    Instruction,
    Mount,
    Run,
    Stage,
    Tmpfs,
)
from pdbuild.plan.options import options_of
from pdbuild.plan.steps import (
    CCACHE,
    HOOKS,
    NETWORK,
    OUTPUT,
    SOURCE,
    TREE,
    apt_install,
    cache_key,
    hook_arguments,
    hook_mounts,
    hook_name,
    inside,
    shipped,
    strict,
)
from pdbuild.recipe.types import Block, Package, Recipe


def package_name(recipe: Recipe, variant: str) -> str:
    """The Debian binary package of a variant; the default one has no suffix."""
    name = recipe.project.name
    return name if variant == recipe.default_variant else f"{name}-{variant}"


def base_image(recipe: Recipe) -> str:
    """The image reference of the base, as plain tools would pull it."""
    base = recipe.base
    return base.image or f"{base.distribution}:{base.suite}-slim"


def base(recipe: Recipe) -> Stage:
    """What every other stage starts from."""
    return Stage(
        name="base",
        base=base_image(recipe),
        comment=f"{recipe.base.distribution.capitalize()} {recipe.base.suite}, and nothing else.",
        instructions=(Env(name="LANG", value="C.UTF-8"),),
    )


def hooks() -> Stage:
    """The scripts that the steps run."""
    return Stage(
        name="hooks",
        base="scratch",
        comment="The scripts that the steps below run.",
        instructions=(Copy(source="hooks/", target="/"),),
    )


def toolchain(recipe: Recipe) -> Stage:
    """The tools: one step for all Debian packages, then block by block what else it needs."""
    found = blocks.resolved(recipe)
    packages = {name for block in found for name in block.apt}
    packages.update(recipe.toolchain.packages)
    if recipe.package:
        packages.add("dpkg-dev")
    instructions: list[Instruction] = [Arg(name="TARGETARCH")]
    if packages:
        instructions.append(apt_install(recipe, "apt-install", sorted(packages)))
    for block in found:
        instructions.extend(_block(recipe, block))
    for name in recipe.left_out:
        instructions.append(Comment(text=f"{name}: left out, as its source is not at hand."))
    return Stage(
        name="toolchain",
        base="base",
        comment="The tools that compile, test, document and package. Each one proves that it "
        "works, or the build stops here.",
        instructions=tuple(instructions),
    )


def _block(recipe: Recipe, block: Block) -> list[Instruction]:
    instructions: list[Instruction] = [Comment(text=f"{block.name}: {block.description}.")]
    instructions.extend(Env(name=k, value=v) for k, v in block.environment.items())
    if block.path:
        instructions.append(Env(name="PATH", value=":".join((*block.path, "$PATH"))))
    if block.pip:
        instructions.append(
            Run(
                argv=("bash", f"{HOOKS}/pip-install", f"/opt/{block.name}", *block.pip),
                mounts=(
                    Cache(id="pdbuild-pip", target="/root/.cache/pip"),
                    *shipped("pip-install"),
                    *NETWORK,
                ),
            )
        )
    for hook in filter(None, (block.install, block.check)):
        binds = _block_hook(recipe, hook)
        script = next(bind.target for bind in binds if isinstance(bind, Bind))
        if block.source and hook == block.install:
            binds = (*binds, Bind(stage=f"source-{block.name}", source="/", target="/run/source"))
        instructions.append(Run(argv=("bash", script), mounts=(*binds, Tmpfs(target="/tmp"))))
    return instructions


def _block_hook(recipe: Recipe, hook: str) -> tuple[Mount, ...]:
    """The mounts of a block's hook: those in check/ and install/ are pdbuild's."""
    return shipped(hook) if hook.startswith(("check/", "install/")) else hook_mounts(recipe, hook)


def compile_base(recipe: Recipe) -> Stage:
    """What the compile steps of all variants have in common."""
    environment = {
        "PDBUILD_SOURCE": SOURCE,
        "PDBUILD_TREE": TREE,
        "PDBUILD_OUTPUT": OUTPUT,
        "PDBUILD_PREFIX": recipe.build.prefix,
        "CCACHE_DIR": CCACHE,
        # All variants compile in the same folders, so an object fits each of them.
        "CCACHE_NOHASHDIR": "1",
        **recipe.build.environment,
    }
    return Stage(
        name="compile",
        base="toolchain",
        comment="What compiling has in common, whatever the variant.",
        instructions=tuple(Env(name=k, value=v) for k, v in environment.items()),
    )


def build(recipe: Recipe, variant: str, first: str) -> Stage:
    """One variant compiled and installed into /out; waits for the variant `first`."""
    name = recipe.project.name
    options = options_of(recipe, variant)
    hook = recipe.build.hook
    waits_for = "compile" if variant == first else f"build-{first}"
    return Stage(
        name=f"build-{variant}",
        base="compile",
        comment=f"Variant {variant}, compiled and installed into {OUTPUT}."
        + ("" if variant == first else f" It waits for {first}, whose objects it finds in ccache."),
        instructions=(
            Arg(name="TARGETARCH"),
            Arg(name="VERSION", default="0.0.0"),
            *(Arg(name=option, default=value) for option, value in options.items()),
            Run(
                argv=strict(_build_script(recipe)),
                mounts=(
                    Bind(source=inside(recipe.source), target=SOURCE),
                    *hook_mounts(recipe, hook),
                    # The content of this file never changes, so waiting costs no cache.
                    Bind(stage=waits_for, source="/etc/debian_version", target="/run/first"),
                    Cache(id=f"{name}-ccache-{cache_key(recipe)}", target=CCACHE),
                    Cache(id=f"{name}-{variant}-{cache_key(recipe)}", target=TREE),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def _build_script(recipe: Recipe) -> str:
    """What the compile step runs."""
    hook = recipe.build.hook
    run = " ".join(["bash", f"{HOOKS}/{hook_name(hook)}", *hook_arguments(recipe)])
    # The project's own script is guarded from without: it may not know that its tree lasts.
    run = f". {HOOKS}/tree; {run}" if "/" in hook else f"exec {run}"
    # CMake is told of its options by arguments; of the others the tree has to know.
    others = [name for name, option in recipe.options.items() if not option.cmake]
    values = " ".join(f"{name}=${name}" for name in others)
    return f'export PDBUILD_OPTIONS="{values}"; {run}' if others else run


def binaries(recipe: Recipe, variant: str) -> Stage:
    """The installed files of one variant, as they leave the build."""
    return Stage(
        name=f"binaries-{variant}",
        base="scratch",
        comment=f"Binaries of {variant}.",
        instructions=(
            Copy(stage=f"build-{variant}", source=f"{OUTPUT}{recipe.build.prefix}/", target="/"),
        ),
    )


def package_fields(recipe: Recipe, variant: str, described: Package) -> tuple[str, ...]:
    """The arguments of the hook that packs a variant: `--field=value`."""
    name = package_name(recipe, variant)
    others = sorted({package_name(recipe, other) for other in recipe.variants} - {name})
    synopsis, _, long = described.description.strip().partition("\n")
    options = ", ".join(f"{k}={v}" for k, v in recipe.variants[variant].options.items())
    note = f"This is the variant {variant}" + (f" ({options})." if options else ".")
    fields = {
        "package": name,
        "source": recipe.project.name,
        "maintainer": described.maintainer,
        "section": described.section,
        "homepage": recipe.project.homepage,
        "license": described.license,
        "depends": ", ".join(described.depends),
        "recommends": ", ".join(described.recommends),
        "provides": "" if name == recipe.project.name else recipe.project.name,
        "conflicts": ", ".join(others),
        "synopsis": synopsis.strip()
        + ("" if variant == recipe.default_variant else f" ({variant})"),
        "description": long.strip(),
        "note": note,
    }
    return tuple(f"--{key}={value}" for key, value in fields.items() if value)


def package(recipe: Recipe, variant: str, described: Package) -> Stage:
    """One variant packed as a Debian binary package in /deb."""
    argv = ("bash", f"{HOOKS}/package", *package_fields(recipe, variant, described))
    return Stage(
        name=f"package-{variant}",
        base="toolchain",
        comment=f"The Debian package {package_name(recipe, variant)}.",
        instructions=(
            Arg(name="VERSION", default="0.0.0"),
            Arg(name="SOURCE_DATE_EPOCH", default="0"),
            Run(
                argv=argv,
                mounts=(
                    Bind(stage=f"build-{variant}", source=OUTPUT, target=OUTPUT),
                    *shipped("package"),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def deb(variant: str) -> Stage:
    """The package file alone."""
    return Stage(
        name=f"deb-{variant}",
        base="scratch",
        comment=f"Package file of {variant}.",
        instructions=(Copy(stage=f"package-{variant}", source="/deb/", target="/"),),
    )
