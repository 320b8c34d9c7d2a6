"""What steps have in common: their folders, hooks and mounts."""

import functools
from collections.abc import Iterable

from pdbuild import compilecache
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Arg, Bind, Cache, Mount, Run, Secret, Tmpfs
from pdbuild.plan.options import elsewhere, settings_on
from pdbuild.plan.types import Request
from pdbuild.recipe.types import Recipe

SOURCE = "/src"
TREE = "/build"
CCACHE = "/var/cache/ccache"
OUTPUT = "/out"
SYMBOLS = "/symbols"
HOOKS = "/run/hooks"
# What is mounted here is there for the order alone: it decides nothing.
WAITS = "/run/first"

# Of steps that download: the host's certificates, proxies and mirrors, none of which may stay
# in a layer.
NETWORK: tuple[Mount, ...] = (Tmpfs(target="/tmp"), Secret(id="ca"), Secret(id="network"))

# Files that a hook sources from beside itself.
_SOURCED = {
    "apt-install": ("network",),
    "cross-install": ("network",),
    "cross-wheels": ("network",),
    "pip-install": ("network",),
    "pip-wheel": ("network",),
    "app-wheels": ("network",),
    "runtime": ("network", "unpack", "entrypoint"),
    "image": ("running", "unpack"),
    "depends": ("running",),
    "package": ("version",),
}
# Those that every build hook has.
_OF_BUILDS = ("tree", "compiler", "remote", "strip")
#: The hook that runs a project's own build script, which may call any other.
OWN = "build-own"


def object_cache(recipe: Recipe) -> tuple[Mount, ...]:
    """The mount of a step that compiles, by which it knows of a cache that others share.

    None without ccache, whose cache it is.
    """
    has_ccache = "ccache" in recipe.block_names or "ccache" in recipe.toolchain.packages
    return (Secret(id=compilecache.SECRET),) if has_ccache else ()


@functools.cache
def shipped(hook: str) -> tuple[Mount, ...]:
    """The mounts of a hook of pdbuild's and of what it sources."""
    if hook == OWN:
        return (Bind(stage="hooks", source="/", target=HOOKS),)
    is_build = hook == "build" or hook.startswith("build-")
    files = (hook, *(_OF_BUILDS if is_build else _SOURCED.get(hook, ())))
    return tuple(Bind(stage="hooks", source=f"/{n}", target=f"{HOOKS}/{n}") for n in files)


def hook_name(hook: str) -> str:
    """The name under which a hook is mounted in HOOKS."""
    return hook.rpartition("/")[2]


def hook_mounts(recipe: Recipe, hook: str) -> tuple[Mount, ...]:
    """The mounts of a hook of the project's choice: a path is its own, a name is pdbuild's."""
    if "/" not in hook:
        return shipped(hook)
    return (Bind(source=inside(recipe.source, hook), target=f"{HOOKS}/{hook_name(hook)}"),)


def architecture(recipe: Recipe) -> Arg:
    """The argument that is the architecture of the machine on which the toolchain runs."""
    return Arg(name="TARGETARCH" if recipe.build.emulate else "BUILDARCH")


def emulation(recipe: Recipe) -> tuple[Arg, ...]:
    """The arguments of a step that has to know whether it is emulated: they differ then."""
    return (Arg(name="BUILDARCH"), Arg(name="TARGETARCH")) if recipe.build.emulate else ()


def made_for(goal: Goal) -> tuple[Arg, ...]:
    """The argument of steps whose caches are those of a goal; it stands in `cache_key`."""
    return () if goal.crossing else (Arg(name="TARGETARCH"),)


def cache_key(recipe: Recipe, goal: Goal) -> str:
    """What caches of compiled or downloaded files must not be shared across."""
    return f"{recipe.base.suite}-{goal.key}"


def toolchain_key(recipe: Recipe) -> str:
    """The same of the toolchain's packages, in a stage with `architecture`."""
    return f"{recipe.base.suite}-${architecture(recipe).name}"


def apt_install(hook: str, packages: Iterable[str], key: str, lists: str = "") -> Run:
    """The step in which `hook` installs Debian packages; downloads are kept for the next time.

    `key` is that of the caches; the archive's `lists` may need another, as apt keeps only those
    of the architectures that it knows at the moment.
    """
    return Run(
        argv=("bash", f"{HOOKS}/{hook}", *packages),
        mounts=(
            # Not where apt has them by itself: Buildah 1.28 deletes mount points, and for
            # /var/lib/apt takes /usr/lib/apt, so that plain `podman build` would break apt.
            Cache(id=f"pdbuild-apt-{key}", target="/run/apt/cache"),
            Cache(id=f"pdbuild-apt-lists-{lists or key}", target="/run/apt/state"),
            *shipped(hook),
            *NETWORK,
        ),
    )


def source_args(recipe: Recipe, request: Request, goal: Goal) -> dict[str, str]:
    """The build arguments of all that is made of the source."""
    args = {"SOURCE_DATE_EPOCH": str(request.created), "VERSION": request.version.text}
    settings = settings_on(recipe, request.settings, goal.platform.name)
    if goal.emulating:  # the stages are the same for all platforms
        settings |= elsewhere(recipe, goal.platform.name)
    return args | dict(sorted(settings.items()))


def build_environment(recipe: Recipe) -> dict[str, str]:
    """The environment of all that compiles, in a bake and in the development image."""
    hardened = {"PDBUILD_HARDENING": "ON"} if recipe.build.hardening else {}
    return hardened | recipe.build.environment


def inside(*parts: str) -> str:
    """A path of the build context; "" is the context itself."""
    return "/".join(part for part in parts if part not in ("", "."))


def strict(script: str) -> tuple[str, ...]:
    """A shell script as an argument vector; it stops at the first mistake."""
    return ("bash", "-euo", "pipefail", "-c", script)
