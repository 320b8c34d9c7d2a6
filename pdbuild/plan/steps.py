"""What steps have in common: their folders, hooks and mounts."""

import functools
from collections.abc import Iterable

from pdbuild.plan.instructions import Bind, Cache, Mount, Run, Secret, Tmpfs
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
    "pip-install": ("network",),
    "runtime": ("network", "entrypoint"),
    "image": ("running",),
    "depends": ("running",),
    "package": ("version",),
}
# Those that every build hook has.
_OF_BUILDS = ("tree", "compiler", "strip")
#: The hook that runs a project's own build script, which may call any other.
OWN = "build-own"


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


def cache_key(recipe: Recipe) -> str:
    """What caches of compiled or downloaded files must not be shared across."""
    return f"{recipe.base.suite}-$TARGETARCH"


def apt_install(recipe: Recipe, hook: str, packages: Iterable[str]) -> Run:
    """The step in which `hook` installs Debian packages; downloads are kept for the next time."""
    suite = cache_key(recipe)
    return Run(
        argv=("bash", f"{HOOKS}/{hook}", *packages),
        mounts=(
            # Not where apt has them by itself: Buildah 1.28 deletes mount points, and for
            # /var/lib/apt takes /usr/lib/apt, so that plain `podman build` would break apt.
            Cache(id=f"pdbuild-apt-{suite}", target="/run/apt/cache"),
            Cache(id=f"pdbuild-apt-lists-{suite}", target="/run/apt/state"),
            *shipped(hook),
            *NETWORK,
        ),
    )


def source_args(request: Request) -> dict[str, str]:
    """The build arguments of all that is made of the source."""
    args = {"SOURCE_DATE_EPOCH": str(request.created), "VERSION": request.version.text}
    return args | dict(sorted(request.settings.items()))


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
