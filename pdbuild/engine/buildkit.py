"""The BuildKit engine: `buildx bake` on this user's own buildkitd, or on a builder they name."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pdbuild import programs, tools
from pdbuild.dirs import data_dir
from pdbuild.engine import buildx, credentials, daemon, drivers, exporters, exports, nodes, process
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.engine.layers import Layers
from pdbuild.errors import EngineError, Interrupted
from pdbuild.locks import alone
from pdbuild.plan.types import Target
from pdbuild.progress import View

# What the user's shell must not change in a build.
_SCRUBBED = ("BUILDX_", "BUILDKIT_", "SOURCE_DATE_EPOCH", "DOCKER_HOST", "DOCKER_CONTEXT")
# What says where their builders are.
_WHERE = frozenset({"BUILDX_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT"})


class BuildKit:
    """Builds with BuildKit. `builder` names a buildx builder of the user's; "" is our own."""

    name = "buildkit"
    layers_in: tuple[str, ...] = ("folder", "registry")

    def __init__(self, builder: str = "") -> None:
        self._builder = builder

    def identity(self) -> str:
        """See `Engine.identity`. What a builder of the user's runs is known by its name alone."""
        if self._builder:
            return f"buildkit of the builder {self._builder}"
        found = tools.require("buildkitd", reason="build")
        return f"buildkit {found.version} {found.path}"

    def check(self) -> None:
        """Raise EngineError when a program is missing that the build will need."""
        tools.require("buildx", reason="run a bake file")
        if self._builder:
            drivers.exporter(self._builder, _environment(theirs=True))
            return
        tools.require("buildkitd", reason="build")
        tools.require("runc", reason="run build steps")
        if os.getuid():
            tools.require("rootlesskit", reason="run BuildKit without root")
            tools.require("newuidmap", reason="run BuildKit without root")

    def held(self) -> contextlib.AbstractContextManager[object]:
        """See `Engine.held`."""
        if self._builder:
            return contextlib.nullcontext()
        return daemon.join(notify=lambda line: None)  # the builds say it

    def build(self, build: Build, view: View) -> Built:
        """See `Engine.build`."""
        with self._ready() as reached:
            given = replace(reached, environment=reached.environment | build.definition.environment)
            built = _bake(build, view, given)
            return nodes.told(built, reached.name, reached.environment) if self._builder else built

    def keep(self, build: Build, view: View, where: Layers) -> None:
        """See `Engine.keep`. One target after the other: they would write one index at once."""
        with self._ready() as reached:
            environment = reached.environment | build.definition.environment
            for target in build.plan.targets:
                words = _words(build, [target], reached.name)
                words += ["--set", f"{target.name}.output=type=cacheonly"]
                words += ["--set", f"{target.name}.cache-to={where.exporter(target.name)}"]
                if code := _fed([*words, target.name], build, view, environment):
                    said = _error(code, [], view)
                    raise EngineError(f"the layers of {target.name} cannot be kept: {said}")

    @contextlib.contextmanager
    def _ready(self) -> Iterator["_Reached"]:
        environment = _environment(theirs=bool(self._builder))
        if self._builder:
            exporter = drivers.exporter(self._builder, environment)
            yield _Reached(name=self._builder, environment=environment, exporter=exporter)
            return
        with daemon.join() as running, credentials.for_buildx() as known:
            environment |= known
            # Persistent: its node id is part of the key under which BuildKit keeps sources.
            environment["BUILDX_CONFIG"] = str(data_dir() / "buildx")
            name = _registered(running.address, environment)
            yield _Reached(name=name, environment=environment, exporter=exporters.Layouts())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """A builder's name, the environment in which buildx finds it, and how its results come here."""

    name: str
    environment: dict[str, str]
    exporter: exporters.Exporter


def _environment(*, theirs: bool) -> dict[str, str]:
    """buildx's environment; with `theirs`, it has what leads to the user's own builders."""
    kept = _WHERE if theirs else frozenset()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith(_SCRUBBED)
    }
    return environment | {
        "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "BUILDX_METADATA_PROVENANCE": "disabled",
    }


def _registered(address: str, environment: dict[str, str]) -> str:
    """The name of the buildx builder for `address`, which is made when there is none.

    Each address has its own: pdbuilds with different daemons may run at once.
    """
    name = f"pdbuild-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
    config = Path(environment["BUILDX_CONFIG"])
    instance = config / "instances" / name
    if not _points_at(instance, address):
        config.mkdir(parents=True, exist_ok=True)
        with alone(config / "pdbuild.lock"):
            if not _points_at(instance, address):  # another pdbuild was faster
                instance.unlink(missing_ok=True)
                _create(name, address, environment)
    return name


def _points_at(instance: Path, address: str) -> bool:
    with contextlib.suppress(OSError, ValueError, LookupError):
        return bool(json.loads(instance.read_bytes())["Nodes"][0]["Endpoint"] == address)
    return False


def _create(name: str, address: str, environment: dict[str, str]) -> None:
    with buildx.client(environment) as client:
        client.buildx.create(address, driver="remote", name=name)


def _bake(build: Build, view: View, reached: _Reached) -> Built:
    """Bake, and after a failure again without what needs it.

    buildx stops everything at the first failure. So what ran at that moment is taken up again
    at once: a compile goes on from the objects that it has. With `keep_going`, so is the rest.
    """
    waiting = list(build.plan.targets)
    outputs: dict[str, Output] = {}
    while True:
        code, finished = _bake_some(build, waiting, view, reached)
        outputs |= finished
        left = [target for target in build.plan.targets if target.name not in outputs]
        failures = view.solve.failures()
        again = _again(build, left, view) if code and failures else []
        if not build.keep_going:
            again = [target for target in again if target in waiting]
        if not again or len(again) == len(waiting):
            break
        waiting = again
    return Built(
        outputs=tuple(outputs[t.name] for t in build.plan.targets if t.name in outputs),
        unfinished=tuple(left),
        failures=failures,
        error=_error(code, left, view),
    )


def _bake_some(
    build: Build,
    targets: Sequence[Target],
    view: View,
    reached: _Reached,
) -> tuple[int, dict[str, Output]]:
    """Bake all of these targets at once, but those that may take layers from elsewhere.

    BuildKit fetches such layers by the connection of the target that came upon them, and when
    that is done before another one that wants them, the other one fails.
    """
    apart = [t for t in targets if any(place.importer(t.name) for place in build.layers)]
    together = [target for target in targets if target not in apart]
    outputs: dict[str, Output] = {}
    for group in (*([target] for target in apart), together):
        if not group:
            continue
        code, finished = _bake_once(build, group, view, reached)
        outputs |= finished
        if code:
            return code, outputs
        for place in build.layers:
            for target in group:
                place.took(target.name)
    return 0, outputs


def _again(build: Build, left: Sequence[Target], view: View) -> list[Target]:
    """What of the targets that are `left` is built in spite of the failures."""
    broken = {failure.stage for failure in view.solve.failures()}
    # A target may have no step of its own in the broken stage: ask the graph.
    free = [target for target in left if not broken & build.plan.stages_of(target)]
    return free if build.keep_going else [t for t in free if view.solve.nearly(t.name)]


def _error(code: int, left: Sequence[Target], view: View) -> str:
    if code == 0 and left:
        # buildx may end so when its builder goes away under it.
        names = ", ".join(target.name for target in left)
        return f"BuildKit ended without {names}: was it killed?"
    ended = f"buildx was killed by signal {-code}" if code < 0 else f"buildx failed ({code})"
    return "" if code == 0 else view.solve.reason or view.solve.message or ended


def _bake_once(
    build: Build, targets: Sequence[Target], view: View, reached: _Reached
) -> tuple[int, dict[str, Output]]:
    """One `buildx bake` of these targets: its exit code, and the outputs that it finished."""
    # Named by a target whose lock we hold: no other pdbuild writes it, and no litter is left.
    metadata = build.exports / f"{targets[0].name}.metadata.json"
    metadata.unlink(missing_ok=True)
    code = _fed(_command(build, targets, reached, metadata), build, view, reached.environment)
    if code == 0:
        view.solve.succeed([target.name for target in targets])
    return code, _outputs(build, targets, reached.exporter, metadata)


def _fed(words: Sequence[str], build: Build, view: View, environment: dict[str, str]) -> int:
    """Run buildx and show on `view` what it says; its exit code."""
    running = process.popen(
        words, env=environment, cwd=Path(build.plan.root),
        stdout=programs.NOTHING, stderr=programs.PIPE,
    )  # fmt: skip
    assert running.stderr
    try:
        for line in running.stderr:
            view.feed(line)
        return running.wait()
    except KeyboardInterrupt:
        raise Interrupted("interrupted; what was built stays in the cache") from None
    finally:
        process.stop(running)


def _command(
    build: Build, targets: Sequence[Target], reached: _Reached, metadata: Path
) -> list[str]:
    argv = [*_words(build, targets, reached.name), f"--metadata-file={metadata}"]
    for setting in reached.exporter.settings(build, targets):
        argv += ["--set", setting]
    return argv + [target.name for target in targets]


def _words(build: Build, targets: Sequence[Target], builder: str) -> list[str]:
    """The words of a `buildx bake` without its targets: where it takes what it can from."""
    program = tools.require("buildx", reason="run a bake file").path
    argv = [
        str(program), "bake",
        f"--builder={builder}",
        f"--file={build.definition.bakefile}",
        "--progress=rawjson",
    ]  # fmt: skip
    for target in targets:
        for source in filter(None, (place.importer(target.name) for place in build.layers)):
            argv += ["--set", f"{target.name}.cache-from={source}"]
    return argv


def _outputs(
    build: Build, targets: Sequence[Target], exporter: exporters.Exporter, metadata: Path
) -> dict[str, Output]:
    """What was exported. buildx writes the metadata only of a bake that succeeded as a whole."""
    try:
        told = json.loads(metadata.read_bytes())
    except FileNotFoundError:
        told = {}
    found = {}
    for target in targets:
        layout = build.exports / target.name
        if digest := exporter.digest(target, layout, told.get(target.name)):
            found[target.name] = Output(target=target, layout=layout, digest=digest)
            exports.keep_only(layout, digest)
    return found
