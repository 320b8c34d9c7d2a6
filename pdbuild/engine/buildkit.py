"""The BuildKit engine: `buildx bake` on this user's own buildkitd, or on a builder they name."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdbuild import programs, tools, whales
from pdbuild.dirs import data_dir
from pdbuild.engine import daemon, exports, nodes, process
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.errors import Interrupted
from pdbuild.locks import alone
from pdbuild.plan.types import Target
from pdbuild.progress import View

# What the user's shell must not change in a build.
_SCRUBBED = ("BUILDX_", "BUILDKIT_", "SOURCE_DATE_EPOCH", "DOCKER_HOST", "DOCKER_CONTEXT")


class BuildKit:
    """Builds with BuildKit. `builder` names a buildx builder of the user's; "" is our own."""

    name = "buildkit"

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
            return
        tools.require("buildkitd", reason="build")
        tools.require("runc", reason="run build steps")
        if os.getuid():
            tools.require("rootlesskit", reason="run BuildKit without root")
            tools.require("newuidmap", reason="run BuildKit without root")

    def build(self, build: Build, view: View) -> Built:
        """See `Engine.build`."""
        with self._ready() as (builder, environment):
            built = _bake(build, view, builder, environment)
            return nodes.told(built, builder, environment) if self._builder else built

    @contextlib.contextmanager
    def _ready(self) -> Iterator[tuple[str, dict[str, str]]]:
        """A builder's name, and the environment in which buildx finds it."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_SCRUBBED)
        }
        environment |= {
            "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            "BUILDX_METADATA_PROVENANCE": "disabled",
        }
        if self._builder:
            if config := os.environ.get("BUILDX_CONFIG"):
                environment["BUILDX_CONFIG"] = config
            yield self._builder, environment
            return
        with daemon.join() as running:
            # Persistent: its node id is part of the key under which BuildKit keeps sources.
            environment["BUILDX_CONFIG"] = str(data_dir() / "buildx")
            yield _registered(running.address, environment), environment


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
    buildx = tools.require("buildx", reason="run a bake file")
    as_plugin = environment | {"DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker"}
    with whales.client(buildx.path, env=as_plugin) as client:
        client.buildx.create(address, driver="remote", name=name)


def _bake(build: Build, view: View, builder: str, environment: dict[str, str]) -> Built:
    """Bake, and after a failure again without what needs it.

    buildx stops everything at the first failure. So what ran at that moment is taken up again
    at once: a compile goes on from the objects that it has. With `keep_going`, so is the rest.
    """
    waiting = list(build.plan.targets)
    outputs: dict[str, Output] = {}
    while True:
        code, finished = _bake_once(build, waiting, view, builder, environment)
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
    build: Build,
    targets: Sequence[Target],
    view: View,
    builder: str,
    environment: dict[str, str],
) -> tuple[int, dict[str, Output]]:
    """One `buildx bake` of these targets: its exit code, and the outputs that it finished."""
    # Named by a target whose lock we hold: no other pdbuild writes it, and no litter is left.
    metadata = build.exports / f"{targets[0].name}.metadata.json"
    metadata.unlink(missing_ok=True)
    before = {target.name: exports.digests(build.exports / target.name) for target in targets}
    running = process.popen(
        _command(build, targets, builder, metadata), env=environment, cwd=Path(build.plan.root),
        stdout=programs.NOTHING, stderr=programs.PIPE,
    )  # fmt: skip
    assert running.stderr
    try:
        for line in running.stderr:
            view.feed(line)
        code = running.wait()
        if code == 0:
            view.solve.succeed([target.name for target in targets])
    except KeyboardInterrupt:
        raise Interrupted("interrupted; what was built stays in the cache") from None
    finally:
        process.stop(running)
    return code, _outputs(build, targets, metadata, before)


def _command(build: Build, targets: Sequence[Target], builder: str, metadata: Path) -> list[str]:
    buildx = tools.require("buildx", reason="run a bake file")
    argv = [
        str(buildx.path), "bake",
        f"--builder={builder}",
        f"--file={build.definition.bakefile}",
        "--progress=rawjson",
        f"--metadata-file={metadata}",
    ]  # fmt: skip
    for target in targets:
        layout = build.exports / target.name
        exports.mend(layout)
        argv += ["--set", f"{target.name}.output={_exporter(layout)}"]
    return argv + [target.name for target in targets]


def _exporter(layout: Path) -> str:
    # Uncompressed: layers are unpacked on this machine at once, and squeezing them costs more
    # than all the rest of an export. OCI media types are stated because the default changes
    # between BuildKit's versions.
    return f"type=oci,tar=false,dest={layout},compression=uncompressed,oci-mediatypes=true"


def _outputs(
    build: Build, targets: Sequence[Target], metadata: Path, before: dict[str, frozenset[str]]
) -> dict[str, Output]:
    """What was exported. buildx writes the metadata only of a bake that succeeded as a whole."""
    try:
        told = json.loads(metadata.read_bytes())
    except FileNotFoundError:
        told = {}
    found = {}
    for target in targets:
        layout = build.exports / target.name
        digest = told.get(target.name, {}).get("containerimage.digest")
        if digest is None:
            new = exports.digests(layout) - before[target.name]
            digest = next(iter(new)) if len(new) == 1 else None
        if digest:
            found[target.name] = Output(target=target, layout=layout, digest=digest)
            exports.keep_only(layout, digest)
    return found
