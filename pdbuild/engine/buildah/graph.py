"""The plan as nodes: one stage built once, with the arguments that reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pdbuild.plan.instructions import Arg, Bind, Copy, Run, Secret, Stage, Workdir
from pdbuild.plan.types import Plan, Target, contexts_of

SCRATCH = "scratch"
EPOCH = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One `buildah build`.

    `args` are the values that the stage's ARGs get, `needs` the nodes that it reads from by the
    names that its text uses, `folders` the directories and `images` the base images likewise.
    `labels` and `timestamp` (seconds, or "") are given to a target's own stage. One that writes no
    file has a time, too: its image is the same wherever it is made, and so is all that others made
    of it, which can be taken from there.
    `platform` is that of its image, "" for the one that builds.
    """

    id: str
    stage: Stage
    args: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    timestamp: str = ""
    platform: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The ids of the secrets that its steps mount."""
        mounts = (m for i in self.stage.instructions if isinstance(i, Run) for m in i.mounts)
        return tuple(dict.fromkeys(m.id for m in mounts if isinstance(m, Secret)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All nodes, each after those that it needs, and the node of each target by its name."""

    nodes: tuple[Node, ...]
    targets: Mapping[str, str]

    def node(self, identity: str) -> Node:
        """The node with this id."""
        return next(node for node in self.nodes if node.id == identity)

    def read_of(self, identity: str) -> tuple[str, ...]:
        """The paths in a node's image that other nodes copy or bind."""
        found = {
            path
            for node in self.nodes
            for name, needed in node.needs.items()
            if needed == identity
            for path in node.stage.reads.get(name, ())
        }
        return tuple(sorted(found))

    def below(self, target: str) -> tuple[Node, ...]:
        """The nodes that a target is built from, its own last."""
        found: set[str] = set()
        waiting = [self.targets[target]]
        while waiting:
            identity = waiting.pop()
            if identity not in found:
                found.add(identity)
                waiting.extend(self.node(identity).needs.values())
        return tuple(node for node in self.nodes if node.id in found)


def make(plan: Plan, contexts: Mapping[str, str]) -> Graph:
    """The graph of a plan. `contexts` are named contexts, which stand before stages' names."""
    maker = _Maker(plan, contexts)
    targets = {target.name: maker.target(target) for target in plan.targets}
    return Graph(nodes=tuple(maker.nodes.values()), targets=targets)


class _Maker:
    def __init__(self, plan: Plan, contexts: Mapping[str, str]) -> None:
        self._stages = {stage.name: stage for stage in plan.stages}
        self._base, self._contexts = plan.base, contexts
        self._native = plan.request.machine.name
        self._ids: dict[object, str] = {}
        self.nodes: dict[str, Node] = {}

    def target(self, target: Target) -> str:
        return self._node(
            target.stage,
            target,
            contexts_of(target, self._base, self._contexts),
            labels=target.labels,
            timestamp=target.args.get(EPOCH, ""),
        )

    def _node(
        self,
        name: str,
        target: Target,
        contexts: Mapping[str, str],
        *,
        labels: Mapping[str, str],
        timestamp: str = "",
    ) -> str:
        stage = self._stages[name]
        needs, folders, images = {}, {}, {}
        for needed in stage.needs:
            context = contexts.get(needed, "")
            if context and "://" not in context:
                folders[needed] = context
            elif not context and needed in self._stages:
                needs[needed] = self._node(needed, target, contexts, labels={})
            elif needed != SCRATCH:
                images[needed] = context or needed
        declared = {i.name for i in stage.instructions if isinstance(i, Arg)}
        args = {key: value for key, value in target.args.items() if key in declared}
        platform = self._platform(stage, needs, target)
        if not (labels or any(isinstance(i, Run | Copy | Workdir) for i in stage.instructions)):
            timestamp = timestamp or "0"
        # Two targets may give one stage different arguments, or labels: then it is two nodes.
        key = (name, *map(_frozen, (args, needs, images, labels)), timestamp, platform)
        if key not in self._ids:
            identity = name if name not in self.nodes else f"{name}~{len(self._ids)}"
            self._ids[key] = identity
            self.nodes[identity] = Node(
                id=identity,
                stage=stage,
                args=args,
                needs=needs,
                folders=folders,
                images=images,
                labels=labels,
                timestamp=timestamp,
                platform=platform,
            )
        return self._ids[key]

    def _platform(self, stage: Stage, needs: Mapping[str, str], target: Target) -> str:
        """What a stage's image is for: as its base; from outside or nothing, as the target."""
        if stage.base in needs:
            return self.nodes[needs[stage.base]].platform
        own = stage.platform or target.platform == self._native
        return "" if own else target.platform


def _frozen(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def binds(run: Run) -> tuple[Bind, ...]:
    """A step's bind mounts."""
    return tuple(mount for mount in run.mounts if isinstance(mount, Bind))


def has_steps(node: Node) -> bool:
    """Whether it takes a program to build a node."""
    return any(isinstance(i, Run) for i in node.stage.instructions)
