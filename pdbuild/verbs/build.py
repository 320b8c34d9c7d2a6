"""`pdbuild build`: the inner loop. The source, mounted into the dev image, compiled into build/."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import VERBOSE, looks, options
from pdbuild.choices import Choices, Options
from pdbuild.errors import Interrupted

if TYPE_CHECKING:
    from pdbuild.container import Container
    from pdbuild.container.runtimes import Runtime
    from pdbuild.plan.options import Chosen
    from pdbuild.plan.types import Request
    from pdbuild.recipe.types import Recipe

HOOKS = "/usr/lib/pdbuild/hooks"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Compile the source as it stands with the tools of the dev image, into build/, and test "
        "it. Only what has changed is compiled."
    )
    options.add_recipe(parser)
    add = parser.add_argument
    add("--variant", default="", metavar="NAME", help="this variant (the default one)")
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="set an option")
    add("-j", "--jobs", type=_count, default=0, metavar="N", help="compile N files at once")
    add("--target", default="", metavar="NAME", help="compile this target alone, and test nothing")
    add("--clean", action="store_true", help="compile everything again")
    add("--package", action="store_true", help="make the package and build/Dockerfile as well")
    options.add_device(parser)
    options.add_building(parser)
    options.add_output(parser)


def run(arguments: Namespace) -> int:
    """Build; the exit code of what failed."""
    work = _Work(
        variant=arguments.variant,
        settings=dict(map(options.setting, arguments.set)),
        jobs=arguments.jobs,
        target=arguments.target,
        clean=arguments.clean,
        package=arguments.package,
        devices=options.devices(arguments),
    )
    return _build(arguments.recipe, work, options.building(arguments))


def _count(text: str) -> int:
    """How many files at once, as argparse asks for it."""
    if not re.fullmatch("0*[1-9][0-9]*", text, re.ASCII):
        raise ArgumentTypeError(f"{text}: not a number of files")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What to build: a variant or settings, how many `jobs` at once (0: one a core), one
    `target` of the build system or all, from scratch (`clean`), with the package or without.
    Its tests can use `devices`.
    """

    variant: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    jobs: int = 0
    target: str = ""
    clean: bool = False
    package: bool = False
    devices: tuple[str, ...] = ()


def _build(recipe_name: str | None, work: _Work, building: Options) -> int:
    """Build the source as it stands; the exit code of what failed, or 0.

    The dev image is baked first when it is missing. When nothing has changed since the last
    build that went well, nothing is started. Raises UsageError for options that the recipe
    does not have, PdbuildError when build/ cannot be written.
    """
    from pdbuild import writable
    from pdbuild.container import runtimes
    from pdbuild.editor import refresh as editor
    from pdbuild.inner import inside
    from pdbuild.plan.options import choose
    from pdbuild.platforms import native
    from pdbuild.project import open_recipe, request_for, say

    recipe, output = open_recipe(recipe_name), bool(building.output)
    chosen = choose(recipe, work.variant, work.settings, native().name)
    request = request_for(recipe, Choices(targets=("dev",)))
    above = writable.made(Path(building.output or recipe.root).absolute(), chosen=output)
    writable.check(above, chosen=output)
    runtime = runtimes.needing_nothing(say)
    image = inside.ready(recipe, request, building, runtime)
    place = _Place(recipe, chosen, building.output)
    if work.clean:
        place.clean()
    key = _key((image.reference, image.digest, str(chosen), request.version.text), work)
    if not work.target and (last := place.unchanged(key)):
        editor.after_build(recipe, image.reference, place.tree, place.build)
        print(last)
        return 0
    source = place.source_look()
    code = _run(image.reference, recipe, request, chosen, work, place, runtime)
    # Also when it does not compile: that is when an editor helps most.
    if code != Interrupted.exit_code:
        editor.after_build(recipe, image.reference, place.tree, place.build)
    if code == 0 and not work.target:
        place.remember(key, source)
    return code


def _key(what: tuple[str, ...], work: _Work) -> list[object]:
    """What a build goes by beside the source: with another key it is another build."""
    from pdbuild import shipped

    return [*what, work.package, *work.devices, looks.folder(shipped.hooks_dir())]


class _Place:
    """Where a variant is built, and what is known of the last time that it was.

    `build` is the folder build/ of the project, or of `output` when that is given.
    """

    def __init__(self, recipe: Recipe, chosen: Chosen, output: str) -> None:
        self.build = Path(output or recipe.root, "build").absolute()
        self.elsewhere = bool(output)
        self.tree = self.build / "dev" / chosen.variant
        self.work = self.build / "dev" / f".{chosen.variant}"
        self._source = Path(recipe.root, recipe.source)
        self._without = (".venv", "build") if recipe.source == "." else (".venv",)
        self._memory = self.work / "built.json"

    def clean(self) -> None:
        """Forget the last build, but for its output."""
        for folder in (self.tree, self.work):
            shutil.rmtree(folder, ignore_errors=True)

    def source_look(self) -> str:
        return looks.source(self._source, without=self._without)

    def unchanged(self, key: list[object]) -> str:
        """The summary of the last build when this one would do nothing, else ""."""
        try:
            last = json.loads(self._memory.read_bytes())
            made = {name: looks.folder(Path(name)) for name in last["made"]}
        except (OSError, ValueError, LookupError, TypeError):
            return ""
        same = last["key"] == key and last["made"] == made and last["source"] == self.source_look()
        return f"nothing has changed since the last build of\n{last['summary']}" if same else ""

    def remember(self, key: list[object], source: str) -> None:
        """The build went well; `source` is how the source looked before it."""
        summary = (self.work / "summary").read_text().strip()
        listed = [line.strip() for line in summary.splitlines()[1:]]
        # Names of files are relative to the folder above build/, or absolute.
        prefix = f"{self.build}/" if self.elsewhere else "build/"
        paths = [self.build.parent / line for line in listed if line.startswith(prefix)]
        made = {str(path): looks.folder(path) for path in [*paths, self.tree / ".pdbuild-ended"]}
        told = {"key": key, "source": source, "made": made, "summary": summary}
        self._memory.write_text(json.dumps(told))


def _run(
    image: str,
    recipe: Recipe,
    request: Request,
    chosen: Chosen,
    work: _Work,
    place: _Place,
    runtime: Runtime | None,
) -> int:
    """Run the hook `develop` in the image, on mounts that have the host's own paths.

    Its exit code, which is Interrupted's after Ctrl-C.
    """
    from pdbuild import confined, shipped
    from pdbuild.container import Container, Mount

    build = place.build
    source = Path(recipe.root, recipe.source)
    ccache = _made(build)
    env = {
        **chosen.values,
        "CCACHE_DIR": str(ccache),
        "HOME": "/tmp",
        "PDBUILD_PROJECT": recipe.root,
        "PDBUILD_PACK": "ON" if work.package else "OFF",
        "PDBUILD_TARGET": work.target,
        "SOURCE_DATE_EPOCH": str(request.created),
        "TERM": os.environ.get("TERM", "dumb"),
        "VERSION": request.version.text,
    }
    if place.elsewhere:
        env["PDBUILD_BUILD"] = str(build)
    if work.jobs:
        env["PDBUILD_JOBS"] = str(work.jobs)
    mounts = (
        Mount(source=shipped.hooks_dir(), target=HOOKS, read_only=True),
        Mount(source=source, target=str(source), read_only=True),
        Mount(source=build, target=str(build)),
        *([Mount(source=ccache, target=str(ccache))] if ccache.exists() else []),
    )
    container = Container(
        image=image,
        entrypoint="bash",
        argv=(f"{HOOKS}/develop",),
        env=tuple(env.items()),
        mounts=mounts,
        devices=work.devices,
        workdir=recipe.root,
        user="0:0",  # the caller, as files go
        project=recipe.project.name,
    )
    try:
        with contextlib.nullcontext() if work.jobs else confined.confined():
            return runtime.run(container) if runtime else _anyhow(container)
    except KeyboardInterrupt:
        return Interrupted.exit_code  # the hook has said it


def _made(build: Path) -> Path:
    """Make `build`, and the compiler cache, whose path is returned.

    For root in somebody else's checkout all of it is that person's, as the compilers will be.
    """
    from pdbuild import dirs

    ccache = dirs.cache_dir() / "ccache"
    build.parent.mkdir(parents=True, exist_ok=True)
    owner = build.parent.stat()
    if not build.exists():
        build.mkdir()
        if os.getuid() == 0:
            os.chown(build, owner.st_uid, owner.st_gid)
    if os.getuid() == 0 and build.stat().st_uid:
        ccache = build / "dev" / "ccache"
    else:
        ccache.mkdir(exist_ok=True)
    return ccache


def _anyhow(container: Container) -> int:
    """Run it as quickly as this host allows."""
    from pdbuild.container import direct

    try:
        return _directly(container)
    except direct.Unavailable as reason:
        from pdbuild.container import podman
        from pdbuild.project import say

        if os.environ.get(VERBOSE):
            say(f"starting the build through podman: {reason}")
        return podman.run(container)


def _directly(container: Container) -> int:
    from pdbuild.container import direct
    from pdbuild.container.host import find

    if os.environ.get("PDBUILD_DIRECT") == "0":
        raise direct.Unavailable("PDBUILD_DIRECT=0")
    if container.devices:
        raise direct.Unavailable("only podman gives a container devices")
    program = direct.Program(
        argv=(container.entrypoint, *container.argv),
        env=dict(container.env),
        mounts=container.mounts,
        workdir=container.workdir,
    )
    return direct.run(direct.find(find(), container.image), program)
