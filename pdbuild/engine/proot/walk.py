"""Builds a plan's stages one after the other, each as a tree of files, and images of them."""

import base64
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pdbuild.context import content, ignore
from pdbuild.engine.buildah import graph, output
from pdbuild.engine.buildah.graph import Node
from pdbuild.engine.buildah.inputs import Inputs, Result
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.engine.proot import images, tidy, trees
from pdbuild.engine.proot.follow import followed
from pdbuild.engine.proot.steps import Stage, StepError
from pdbuild.engine.proot.trees import Blob, Made
from pdbuild.errors import EngineError
from pdbuild.plan.instructions import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Instruction,
    Run,
    User,
    Workdir,
)
from pdbuild.platforms import native
from pdbuild.progress import View

_LAYOUT = "oci-layout://"
_FORMAT = 1  # of keys


class Walk:
    """One build, whose trees and caches are in `folder`."""

    def __init__(self, build: Build, view: View, folder: Path) -> None:
        self._build, self._view, self._folder = build, view, folder
        self._graph = graph.make(build.plan, build.definition.contexts)
        self._names = output.Names(self._graph)
        ignored = ignore.parse(build.definition.ignored)
        bases = {s: s for node in self._graph.nodes for s in node.images.values()}
        self._inputs = Inputs(Path(build.plan.root), ignored, bases)
        nodes = self._graph.nodes
        self._whole = {
            node.needs[node.stage.base] for node in nodes if node.stage.base in node.needs
        }
        self._whole.update(self._graph.targets.values())
        self._made: dict[str, Made] = {}
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)
        tidy.after_a_kill(folder)

    def run(self) -> Built:
        """Build all that can be built."""
        self._tell(self._names.announcement())
        for node in self._graph.nodes:
            if all(need in self._made for need in node.needs.values()):
                if self._view.solve.failures() and not self._build.keep_going:
                    break
                self._node(node)
        outputs = tuple(
            Output(target=target, layout=self._build.exports / target.name, digest=digest)
            for target in self._build.plan.targets
            if (digest := self._exported(target.name))
        )
        tidy.keep_newest(self._folder, {made.folder for made in self._made.values()})
        done = {one.target.name for one in outputs}
        left = tuple(t for t in self._build.plan.targets if t.name not in done)
        return Built(outputs=outputs, unfinished=left, failures=self._view.solve.failures())

    def _exported(self, target: str) -> str:
        node = self._graph.node(self._graph.targets[target])
        made = self._made.get(node.id)
        return images.write(made, node, self._build.exports / target, self._blobs) if made else ""

    def _node(self, node: Node) -> None:
        key = self._key(node)
        folder = self._folder / "trees" / key
        made = trees.read(folder)
        # Nobody starts from what only lends files to others: no more of it is kept.
        read = None if node.id in self._whole else self._graph.read_of(node.id)
        if made is None or not made.has(read):
            tidy.remove(folder)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix="step-") as scratch:
                try:
                    made = self._built(node, folder, Path(scratch))
                except StepError:
                    tidy.remove(folder)
                    return
            made = tidy.only(made, read)
            trees.record(made)
        else:
            trees.used(made)
            self._tell(self._names.skipped(node))
        self._made[node.id] = made
        self._inputs.built[node.id] = Result(key)

    def _key(self, node: Node) -> str:
        parts = [
            _FORMAT,
            [node.stage.name, node.stage.base, repr(node.stage.instructions)],
            sorted(node.args.items()),
            sorted(node.labels.items()),
            node.timestamp,
            sorted(self._inputs.of(node).items()),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def _built(self, node: Node, folder: Path, scratch: Path) -> Made:
        below = self._base(node, folder / "root")
        sources = _Sources(node, self._made, self._inputs, scratch)
        stage = Stage(
            root=folder / "root",
            source=sources.place,
            caches=self._folder / "caches",
            secrets=self._build.definition.secrets,
            private=self._build.definition.private,
            env=dict(below.env),
            workdir=str(below.config.get("WorkingDir") or "/"),
        )
        config = dict(below.config)
        layers: list[Blob] | None = None if below.layers is None else list(below.layers)
        numbers = {id(i): number for number, i in output.counted(node).items()}
        for instruction in node.stage.instructions:
            with self._step(node, numbers.get(id(instruction))) as digest:
                if isinstance(instruction, Run):
                    layers = None
                    self._ran(stage, instruction, digest, scratch)
                elif isinstance(instruction, Copy | Workdir):
                    blob = stage.put(instruction, None if layers is None else self._blobs)
                    if layers is not None and blob:
                        layers.append(blob)
                _configured(stage, config, instruction, node)
        return Made(
            folder=folder,
            shares=below.shares,
            stage=f"{self._build.plan.project} {node.stage.name}",
            env=stage.env,
            config=config,
            layers=None if layers is None else tuple(layers),
        )

    def _base(self, node: Node, root: Path) -> Made:
        base = node.stage.base
        if base in node.needs:
            made = self._made[node.needs[base]]
            if not any(isinstance(i, Run | Copy | Workdir) for i in node.stage.instructions):
                root.parent.mkdir()
                return replace(made, shares=made.root.parent.name)
            trees.copy_tree(made.root, root)
            return replace(made, shares="")
        root.mkdir(parents=True)
        if base not in node.images:
            return Made(folder=root.parent)
        source = node.images[base]
        if not source.startswith(_LAYOUT):
            raise EngineError(
                f"proot cannot fetch the base {source}", hint="name a suite in [base]"
            )
        layout, _, digest = source.removeprefix(_LAYOUT).rpartition("@")
        env = trees.from_layout(Path(layout), digest, root)
        return Made(folder=root.parent, env=env, layers=None)

    @contextlib.contextmanager
    def _step(self, node: Node, number: int | None) -> Iterator[str]:
        """Tell of a step's begin and end."""
        if number is None:
            yield ""
            return
        digest, began = output.vertex(node, number), _now()
        self._tell(self._names.event(digest, started=began))
        try:
            yield digest
        except StepError as error:
            self._tell(self._names.event(digest, started=began, completed=_now(), error=str(error)))
            raise
        self._tell(self._names.event(digest, started=began, completed=_now()))

    def _ran(self, stage: Stage, run: Run, vertex: str, scratch: Path) -> None:
        with tempfile.TemporaryDirectory(dir=scratch) as own:
            code = followed(stage.command(run, Path(own)), lambda line: self._log(vertex, line))
        if code:
            words = " ".join(run.argv)
            raise StepError(f'process "{words}" did not complete successfully: exit code: {code}')

    def _log(self, vertex: str, line: bytes) -> None:
        data = base64.b64encode(line).decode()
        log = {"vertex": vertex, "stream": 1, "data": data, "timestamp": _now()}
        self._tell(json.dumps({"logs": [log]}).encode())

    def _tell(self, events: bytes) -> None:
        for line in events.splitlines():
            self._view.feed(line)


class _Sources:
    """Where what a stage reads is: in other trees, in named contexts, in a copy of the source."""

    def __init__(self, node: Node, made: dict[str, Made], inputs: Inputs, scratch: Path) -> None:
        self._node, self._made, self._inputs = node, made, inputs
        self._context = scratch / "context"

    def place(self, name: str, path: str) -> Path:
        """The place of a path of the stage or context called `name`."""
        if name in self._node.needs:
            return self._made[self._node.needs[name]].root / path.strip("/")
        if name in self._node.folders:
            return Path(self._node.folders[name]) / path.strip("/")
        if not self._context.exists():
            # Steps might write to it, and what `copy` makes are links to the user's own files.
            links = self._context.with_name("links")
            links.mkdir()
            for part in self._inputs.context(self._node):
                content.copy(part, links)
            trees.copy_tree(links, self._context)
        return self._context / path.strip("/")


def _configured(stage: Stage, config: dict[str, Any], instruction: Instruction, node: Node) -> None:
    """What instructions say that make no files."""
    match instruction:
        case Arg(name=name, default=default):
            value = node.args.get(name, _AUTOMATIC.get(name, default))
            if value is not None:
                stage.args[name] = stage.expanded(value)
        case Env(name=name, value=value):
            stage.env[name] = stage.expanded(value)
        case Workdir(path=path):
            config["WorkingDir"] = path
        case Entrypoint(argv=argv):
            config["Entrypoint"] = list(argv)
        case Cmd(argv=argv):
            config["Cmd"] = list(argv)
        case Expose(ports=ports):
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in ports}
        case User(name=name):
            config["User"] = name
        case _:
            pass


def _now() -> str:
    return datetime.now(UTC).isoformat()


_MACHINE = native().name.split("/")[1]
_AUTOMATIC = {"TARGETARCH": _MACHINE, "BUILDARCH": _MACHINE, "TARGETOS": "linux"}
