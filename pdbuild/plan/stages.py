"""Lowers a recipe to Containerfile stages: which steps run, on what, with what mounted."""

import re

from pdbuild.plan import blocks
from pdbuild.plan.instructions import (
    Arg,
    Bind,
    Cache,
    Cmd,
    Comment,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Instruction,
    Mount,
    Run,
    Secret,
    Stage,
    Tmpfs,
    Workdir,
)
from pdbuild.recipe.types import Block, Package, Recipe

SOURCE = "/src"
TREE = "/build"
CCACHE = "/var/cache/ccache"
OUTPUT = "/out"
HOOKS = "/run/hooks"

# Files that a hook sources from beside itself.
_SOURCED = {
    "apt-install": ("network",),
    "pip-install": ("network",),
    "runtime": ("network", "entrypoint"),
    "build": ("tree",),
    "build-make": ("tree",),
    "build-autotools": ("tree",),
}


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
        instructions.append(_apt_install(recipe, "apt-install", sorted(packages)))
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
                    Cache(id=f"{name}-ccache-{_cache_key(recipe)}", target=CCACHE),
                    Cache(id=f"{name}-{variant}-{_cache_key(recipe)}", target=TREE),
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


def runtime_build(recipe: Recipe) -> Stage:
    """A root file system of just what the production images need."""
    assert recipe.image
    return Stage(
        name="runtime-build",
        base="base",
        comment="The root file system of the production images: these packages, what they "
        "depend on, and no more.",
        instructions=(
            Arg(name="TARGETARCH"),
            _apt_install(recipe, "runtime", list(recipe.image.packages)),
        ),
    )


def runtime() -> Stage:
    """That root file system as an image of one layer, which all variants share."""
    return Stage(
        name="runtime",
        base="scratch",
        comment="One layer, which the images of all variants share.",
        instructions=(Copy(stage="runtime-build", source="/rootfs/", target="/"),),
    )


def content(recipe: Recipe, variant: str) -> Stage:
    """What a variant adds to the runtime, in /image; checks that the runtime suffices."""
    source = (
        Bind(stage=f"package-{variant}", source="/deb", target="/deb")
        if recipe.package
        else Bind(stage=f"build-{variant}", source=OUTPUT, target=OUTPUT)
    )
    return Stage(
        name=f"content-{variant}",
        base="base",
        comment=f"What {variant} adds to it. The runtime must satisfy its dependencies.",
        instructions=(
            Run(
                argv=("bash", f"{HOOKS}/image"),
                mounts=(
                    source,
                    Bind(stage="runtime", source="/", target="/rootfs"),
                    *shipped("image"),
                    Tmpfs(target="/tmp"),
                ),
            ),
        ),
    )


def production(recipe: Recipe) -> Stage:
    """How the production images run, whatever the variant."""
    return Stage(
        name="production",
        base="runtime",
        comment="How a production image runs.",
        instructions=image_config(recipe),
    )


def image(variant: str) -> Stage:
    """The production image of a variant."""
    return Stage(
        name=f"image-{variant}",
        base="production",
        comment=f"The production image of {variant}.",
        instructions=(Copy(stage=f"content-{variant}", source="/image/", target="/"),),
    )


def image_config(recipe: Recipe) -> tuple[Instruction, ...]:
    """The instructions that say how a production image runs."""
    assert recipe.image
    config: list[Instruction] = [
        Env(name="PATH", value="/usr/local/bin:/usr/bin:/usr/sbin"),
        Env(name="LANG", value="C.UTF-8"),
    ]
    config.extend(Env(name=k, value=v) for k, v in recipe.image.environment.items())
    config.append(Workdir(path=recipe.image.workdir))
    if recipe.image.expose:
        config.append(Expose(ports=recipe.image.expose))
    if recipe.image.entrypoint:
        config.append(Entrypoint(argv=("/usr/lib/pdbuild/entrypoint",)))
    if recipe.image.command:
        config.append(Cmd(argv=recipe.image.command))
    return tuple(config)


def hook_arguments(recipe: Recipe) -> tuple[str, ...]:
    """The build hook's arguments as words of a shell, in which $NAME stands for a variable."""
    set_by = {name: option.cmake for name, option in recipe.options.items() if option.cmake}
    words = [f"-D{cmake}=${name}" for name, cmake in set_by.items()]
    return tuple(map(_shell_word, (*words, *recipe.build.arguments)))


def options_of(recipe: Recipe, variant: str) -> dict[str, str]:
    """Every option's value in a variant: the variant's own, else the default."""
    chosen = recipe.variants[variant].options
    return {name: chosen.get(name, option.default) for name, option in recipe.options.items()}


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
                    *_NETWORK,
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


_NETWORK: tuple[Mount, ...] = (Tmpfs(target="/tmp"), Secret(id="ca"), Secret(id="network"))


def _apt_install(recipe: Recipe, hook: str, packages: list[str]) -> Run:
    suite = f"{recipe.base.suite}-$TARGETARCH"
    return Run(
        argv=("bash", f"{HOOKS}/{hook}", *packages),
        mounts=(
            Cache(id=f"pdbuild-apt-{suite}", target="/var/cache/apt"),
            Cache(id=f"pdbuild-apt-lists-{suite}", target="/var/lib/apt"),
            *shipped(hook),
            *_NETWORK,
        ),
    )


def hook_mounts(recipe: Recipe, hook: str) -> tuple[Mount, ...]:
    """The mounts of a hook of the project's choice: a path is its own, a name is pdbuild's."""
    if "/" not in hook:
        return shipped(hook)
    own = Bind(source=inside(recipe.source, hook), target=f"{HOOKS}/{hook_name(hook)}")
    return (own, *shipped("tree"))


def _block_hook(recipe: Recipe, hook: str) -> tuple[Mount, ...]:
    """The mounts of a block's hook: those in check/ and install/ are pdbuild's."""
    return shipped(hook) if hook.startswith(("check/", "install/")) else hook_mounts(recipe, hook)


def shipped(hook: str) -> tuple[Mount, ...]:
    """The mounts of a hook of pdbuild's and of what it sources."""
    names = (hook, *_SOURCED.get(hook, ()))
    return tuple(Bind(stage="hooks", source=f"/{n}", target=f"{HOOKS}/{n}") for n in names)


def hook_name(hook: str) -> str:
    """The name under which a hook is mounted in HOOKS."""
    return hook.rpartition("/")[2]


def _cache_key(recipe: Recipe) -> str:
    return f"{recipe.base.suite}-$TARGETARCH"


def inside(*parts: str) -> str:
    """A path of the build context; "" is the context itself."""
    return "/".join(part for part in parts if part not in ("", "."))


def strict(script: str) -> tuple[str, ...]:
    """A shell script as an argument vector; it stops at the first mistake."""
    return ("bash", "-euo", "pipefail", "-c", script)


def _shell_word(word: str) -> str:
    """A word of the step's shell in which $NAME still stands for a variable."""
    if re.fullmatch(r"[\w./:=,+@%$-]+", word):
        return word
    return '"' + re.sub(r'(["\\`])', r"\\\1", word) + '"'
