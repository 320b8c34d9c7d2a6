"""`pdbuild shell --at`: a shell in the state before the step at which a target failed."""

import contextlib
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pdbuild import baking, broken, dirs, failures, leftovers, network, programs
from pdbuild.choices import Choices, Options
from pdbuild.container import Container
from pdbuild.container import Mount as HostMount
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.errors import EngineError, UsageError
from pdbuild.failures import Point
from pdbuild.inner.session import DEBUGGING, Session, terminal
from pdbuild.oci import Layout
from pdbuild.plan.instructions import Arg, Bind, Cache, Copy, Run, Secret, Stage, Tmpfs
from pdbuild.plan.types import DEBUG, Form, Plan, Target
from pdbuild.progress import view
from pdbuild.progress.names import brief
from pdbuild.project import key, open_recipe, plan_for, say
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store

_STEP = "/run/pdbuild/step"


def shell(name: str, choices: Choices, session: Session, options: Options) -> int:
    """Run the session where target `name` failed; its exit code.

    The step is the one that a bake noted, else a bake finds it now. Raises UsageError when
    the target is none, or nothing of it fails.
    """
    recipe = open_recipe(choices.recipe)
    plan = plan_for(recipe, replace(choices, targets=(name,)))
    if len(plan.targets) > 1:
        raise UsageError(
            f"--at {name}: that is a group",
            hint=f"one of {', '.join(t.name for t in plan.targets)}",
        )
    point = failures.recall(plan, plan.targets[0]) or _found_now(recipe, plan, options)
    _say_where(point)
    folder = Path(tempfile.mkdtemp(dir=dirs.cache_dir(), prefix="debug-"))
    try:
        return _run(recipe, _Debug(plan, point), folder, session, options)
    finally:
        _remove(folder)


class _Debug:
    """The plan that yields the state before a step: an image, and what its mounts hold."""

    def __init__(self, plan: Plan, point: Point) -> None:
        self.target = plan.targets[0]
        self.machine = plan.request.machine.name
        step = point.stage.instructions[point.index]
        self.run = step if isinstance(step, Run) else None
        self.before = point.stage.instructions[: point.index]
        mounts = self.run.mounts if self.run else ()
        self.binds = tuple(m for m in mounts if isinstance(m, Bind) and m.stage)
        self.caches = tuple(m for m in mounts if isinstance(m, Cache))
        self.mounts = mounts
        state = Stage(
            name="at",
            base=point.stage.base,
            comment="The state before the step.",
            instructions=self.before,
        )
        stages = [state, *map(self._bind_stage, range(len(self.binds)))]
        targets = [self._target("at", plan.project)]
        targets += [self._target(f"at-{number}") for number in range(len(self.binds))]
        if self.caches:
            stages += self._cache_stages(plan)
            targets.append(self._target("at-caches"))
        self.plan = replace(plan, stages=(*plan.stages, *stages), targets=tuple(targets), groups={})

    def _target(self, name: str, project: str = "") -> Target:
        # A cache mount may have changed since, though the steps that read it have not.
        nonce = {"PDBUILD_NONCE": str(time.time_ns())} if name == "at-caches" else {}
        machine = self.target.platform if self.target.emulated else self.machine
        return Target(
            name=name,
            stage=name,
            kind="",
            platform=machine,
            form=Form.IMAGE,
            description="",
            args=self.target.args | nonce,
            tags=(f"localhost/{project}:debug",) if project else (),
            labels={DEBUG: self.target.name} if project else {},
        )

    def _bind_stage(self, number: int) -> Stage:
        bind = self.binds[number]
        copy = Copy(stage=bind.stage, source=bind.source or "/", target="/content")
        return Stage(
            name=f"at-{number}",
            base="scratch",
            comment=f"What is mounted at {bind.target}.",
            instructions=(copy,),
        )

    def _cache_stages(self, plan: Plan) -> tuple[Stage, Stage]:
        # As archives: layers keep times to the second, by which make and ninja would rebuild.
        pack = 'mkdir /caches; n=0; for c; do tar -C "$c" -cf /caches/$n.tar .; n=$((n + 1)); done'
        words = (*(cache.target for cache in self.caches),)
        arguments = tuple(i for i in self.before if isinstance(i, Arg))
        fill = Stage(
            name="at-caches-copy",
            base="base",
            comment="The cache mounts as they are now.",
            instructions=(
                *(arch for arch in _ARCHITECTURES if arch not in arguments),
                *arguments,
                Arg(name="PDBUILD_NONCE", default=""),
                Run(argv=("bash", "-euc", pack, "pack", *words), mounts=self.caches),
            ),
        )
        out = Stage(
            name="at-caches",
            base="scratch",
            comment="Those alone.",
            instructions=(Copy(stage="at-caches-copy", source="/caches/", target="/content"),),
        )
        return fill, out


_ARCHITECTURES = (Arg(name="TARGETARCH"), Arg(name="BUILDARCH"))


def _found_now(recipe: Recipe, plan: Plan, options: Options) -> Point:
    target = plan.targets[0]
    say(f"no failure of {target.name} is noted: baking it")
    try:
        baking.bake_plan(recipe, plan, baking.engine_for(options), options)
    except broken.BuildError:
        point = failures.recall(plan, target)
        if point is None:
            raise
        return point
    raise UsageError(f"{target.name} builds: no step of it fails", hint="see: pdbuild shell")


def _run(recipe: Recipe, debug: _Debug, folder: Path, session: Session, options: Options) -> int:
    built = _built(recipe, debug.plan, options)
    outputs = {output.target.name: output for output in built.outputs}
    image = debug.plan.targets[0].tags[0]
    store = Store.own()
    store.adopt(outputs["at"].layout, outputs["at"].digest, image)
    from pdbuild.container import loading, podman

    loading.load(store, image)
    program, *arguments = session.words or ("bash",)
    container = Container(
        image=image,
        entrypoint=program,
        argv=tuple(arguments),
        env=(*_arguments(debug), *terminal(), *session.env),
        mounts=(*_mounts(recipe, debug, outputs, folder), *session.mounts),
        user="0:0",  # as steps are run; it is the caller outside
        tty=session.tty,
        devices=session.devices,
        project=recipe.project.name,
        options=(*_tmpfs(debug), *DEBUGGING, "--hostname=buildkitsandbox"),
    )
    return podman.run(container)


def _built(recipe: Recipe, plan: Plan, options: Options) -> Built:
    engine = baking.engine_for(options)
    engine.check()
    exports = dirs.data_dir() / "exports" / f"{key(plan.root)}-debug"
    with leftovers.alone(exports, plan.targets), contextlib.ExitStack() as until:
        contexts = baking.contexts_of(recipe, plan, bootstrap=True)
        definition = baking.define(recipe, plan, contexts, until)
        build = Build(plan=plan, definition=definition, exports=exports)
        stream = sys.stdout if options.progress == "json" else sys.stderr
        mode = "quiet" if options.progress == "auto" else options.progress
        with view(mode, stream, targets=[t.name for t in plan.targets]) as shown:
            built = engine.build(build, shown)
    if built.unfinished:
        raise EngineError(
            f"the state before the step cannot be built: {built.error or 'an earlier step fails'}",
            hint=f"pdbuild bake {plan.targets[0].name}",
        )
    return built


def _arguments(debug: _Debug) -> Iterator[tuple[str, str]]:
    """The build arguments that the step sees as its environment."""
    architecture = debug.target.platform.split("/")[1]
    machine = debug.plan.request.machine.name.split("/")[1]
    for instruction in debug.before:
        if isinstance(instruction, Arg):
            given = {"TARGETARCH": architecture, "BUILDARCH": machine, **debug.target.args}
            value = given.get(instruction.name, instruction.default)
            if value is not None:
                yield instruction.name, value


def _mounts(
    recipe: Recipe, debug: _Debug, outputs: dict[str, Output], folder: Path
) -> Iterator[HostMount]:
    caches = iter(range(len(debug.caches)))
    binds = iter(range(len(debug.binds)))
    if debug.caches:
        _unpack(outputs["at-caches"], folder / "packed")
    for mount in debug.mounts:
        match mount:
            case Bind(target=target, source=source, stage=""):
                yield HostMount(source=Path(recipe.root, source), target=target, read_only=True)
            case Bind(target=target):
                place = folder / f"bind-{(number := next(binds))}"
                _unpack(outputs[f"at-{number}"], place)
                yield HostMount(source=place / "content", target=target, read_only=True)
            case Cache(target=target):
                place = folder / f"cache-{(number := next(caches))}"
                place.mkdir()
                _extract(folder / "packed" / "content" / f"{number}.tar", place)
                yield HostMount(source=place, target=target)
            case Secret(id=identity):
                secret = _secret(recipe, identity, folder)
                if secret:
                    target = f"/run/secrets/{identity}"
                    yield HostMount(source=secret, target=target, read_only=True)
            case Tmpfs():
                pass
    if debug.run:
        step = folder / "step"
        step.write_text(f"#!/bin/sh\nexec {shlex.join(debug.run.argv)}\n")
        step.chmod(0o755)
        yield HostMount(source=step, target=_STEP, read_only=True)


def _tmpfs(debug: _Debug) -> tuple[str, ...]:
    places = [mount.target for mount in debug.mounts if isinstance(mount, Tmpfs)]
    return tuple(f"--tmpfs={place}:rw,exec,suid,dev,mode=1777" for place in places)


def _secret(recipe: Recipe, identity: str, folder: Path) -> Path | None:
    if identity == "ca":
        return network.ca_bundle()
    settings = network.settings(recipe.mirrors)
    if identity != "network" or not settings:
        return None
    path = folder / identity
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}='{value}'\n" for name, value in sorted(settings.items())))
    return path


def _unpack(output: Output, folder: Path) -> None:
    folder.mkdir()
    layout = Layout(output.layout)
    (manifest, *_) = layout.manifests(layout.describe(output.digest))
    for layer in manifest.layers:
        _extract(layout.blob(layer.digest), folder)


def _extract(archive: Path, folder: Path) -> None:
    # All of it becomes the caller's, who is root inside.
    argv = ("tar", "--extract", f"--file={archive}", f"--directory={folder}", "--no-same-owner")
    programs.ran(*argv, failing=f"cannot unpack a mount into {folder}")


def _say_where(point: Point) -> None:
    step = point.stage.instructions[point.index]
    text = brief(failures.one_line(step))
    shown = text if len(text) <= 100 else text[:99] + "…"
    say(f"before this step of stage {point.stage.name}: {shown}")
    if isinstance(step, Run):
        say(f"{_STEP} runs it; mounts are copies, but for the source, which is yours")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # what the step gave to other users is theirs
        from pdbuild.container import host

        found = host.find()
        programs.run(found.podman, *found.flags, "unshare", "rm", "-rf", folder)
