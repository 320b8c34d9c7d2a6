"""Which targets are up to date: nothing that decides them has changed since they were baked.

That is found out before any engine is started. Of each bake that went well it is remembered
what decided the targets and what they yielded:

    state = State(plan, contexts=…, ignored=…, engine=engine.identity(), …)
    for target in plan.targets:
        output = state.output(target)     # None: it must be baked
    …                                     # bake those, put everything in its place
    state.remember(outputs)

What decides a target is all that its stages are made of: their text, arguments and labels; the
parts of the build context, of the hooks and of blocks' sources that they read; the base; the
engine, and pdbuild itself. How steps reach the network (mirrors, proxies, certificates) does
not count, as it does not for the engines' own caches.
"""

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pdbuild import baked, looks, recopied
from pdbuild.baked import Fingerprint, Record
from pdbuild.context import content, ignore
from pdbuild.dirs import cache_path, data_dir
from pdbuild.engine import exports
from pdbuild.engine.contract import Output
from pdbuild.oci import Layout
from pdbuild.plan.instructions import Bind, Copy, Instruction, Run, Stage
from pdbuild.plan.steps import WAITS
from pdbuild.plan.types import Form, Plan, Target, contexts_of

_SCRATCH = "scratch"
_IMAGE = "docker-image://"
_NOTHING = ignore.parse("")

# The same is made of the same, whoever makes it: these do not make an image stale for `changes`.
_MAKERS = ("engine", "pdbuild")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are: the folder of the layouts that targets are exported to, the image
    store, and the folder where a checkout's bakes are remembered.
    """

    exports: Path
    store: Path
    memory: Path


def places(checkout: str) -> Places:
    """Those of a checkout, named by its key."""
    data = data_dir()
    return Places(
        exports=data / "exports" / checkout, store=data / "images", memory=_memory() / checkout
    )


def forget() -> None:
    """Ask engines for everything again, in all checkouts."""
    shutil.rmtree(_memory(), ignore_errors=True)


def _memory() -> Path:
    return cache_path() / "baked"


class State:
    """The targets of `plan` as they stand at this moment.

    `contexts` are bake's named contexts and `ignored` the text of the `.dockerignore`, as in the
    definition; `engine` is the identity of the engine that would bake.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        contexts: Mapping[str, str],
        ignored: str,
        engine: str,
        places: Places,
    ) -> None:
        self._since = time.time_ns()
        self._plan, self._contexts = plan, contexts
        self._folders = {name for name, where in contexts.items() if "://" not in where}
        self._ignored_text, self._ignored = ignored, ignore.parse(ignored)
        self._engine, self._places = engine, places
        self._stages = {stage.name: _without_waiting(stage) for stage in plan.stages}
        self._decided: dict[str, Fingerprint] = {}
        self._without_links: dict[str, Fingerprint] = {}
        self._later: State | None = None
        self._listings: dict[tuple[str, str], content.Listing] = {}
        self._looks: dict[tuple[str, str, int, bool], str] = {}
        self._texts: dict[str, str] = {}
        self._built_from: dict[str, list[Stage]] = {}

    def output(self, target: Target, *, again: bool = False) -> Output | None:
        """What the target yielded when it was baked last, if it is up to date and all there.

        With `again`, None in any case. A target that starts from an image by a registry's tag is
        never up to date: the tag may have moved, and only an engine asks the registry.
        """
        record = None if again else self._record(target)
        if (
            record
            and not self._moving(target)
            and record.fingerprint == self._fingerprint(target, record.since)
            and (output := self._yielded(target, record))
        ):
            return output
        # Before it is baked: what changes meanwhile is seen the next time.
        self._decided[target.name] = self._fingerprint(target, self._since)
        self._without_links[target.name] = self._fingerprint(target, self._since, ctime=False)
        return None

    def changes(self, target: Target) -> tuple[str, ...] | None:
        """The parts of the fingerprint that have changed since the target was baked.

        None when it never was. The engine and pdbuild itself are no reason here.
        """
        record = self._record(target)
        if record is None:
            return None
        found = record.fingerprint.differs(self._fingerprint(target, record.since))
        return tuple(name for name in found if name not in _MAKERS)

    def looked(self) -> tuple[tuple[str, str, str], ...]:
        """What was looked at so far: (folder, path in it, text of its `.dockerignore`)."""
        return tuple(
            (root, part, self._ignored_text if root == self._plan.root else "")
            for root, part in self._listings
        )

    def baked(self, target: Target) -> str:
        """The digest of what the target yielded when it was baked last; "" if it never was."""
        record = self._record(target)
        return record.digest if record else ""

    def remade(self, target: Target) -> Output | None:
        """What the target yields when only files have changed that are copied into its last
        layers, made from what it yielded last.

        None when an engine has to make it.
        """
        record = self._record(target) if self._last(target) else None
        if record is None or self._moving(target):
            return None
        changes = record.fingerprint.differs(self._fingerprint(target, record.since))
        output = self._yielded(target, record) if changes == ("copied",) else None
        if output is None:
            return None
        digest = recopied.image(output.layout, output.digest, self._copies(target))
        return replace(output, digest=digest) if digest else None

    def remember(self, outputs: Iterable[Output]) -> None:
        """Remember these outputs, which are in their places now."""
        for output in outputs:
            before = self._record(output.target)
            record = before
            if output.target.name in self._decided:
                state = self._linked(output.target) or self
                decided = state._decided[output.target.name]
                record = Record(fingerprint=decided, since=state._since, digest=output.digest)
            if record:
                record = replace(record, files=dict(self._files(output)))
                if record != before:
                    baked.write(self._places.memory, output.target.name, record)

    def _linked(self, target: Target) -> "State | None":
        """The state now, when all that has changed since this one is when files were changed last,
        as they got links: Buildah's steps see the source by those. None when nothing has changed,
        or more, which is seen the next time."""
        now = self._now()
        if now._fingerprint(target, self._since) == self._decided[target.name]:
            return None
        again = now._fingerprint(target, self._since, ctime=False)
        if again != self._without_links[target.name]:
            return None
        now._decided[target.name] = now._fingerprint(target, now._since)
        return now

    def _now(self) -> "State":
        """The same at this moment; it is looked at once."""
        if self._later is None:
            self._later = State(
                self._plan,
                contexts=self._contexts,
                ignored=self._ignored_text,
                engine=self._engine,
                places=self._places,
            )
        return self._later

    def _record(self, target: Target) -> Record | None:
        return baked.read(self._places.memory, target.name)

    def _yielded(self, target: Target, record: Record) -> Output | None:
        """What a target yielded, if it is all there."""
        layout = self._places.exports / target.name
        if record.digest not in exports.digests(layout):
            return None
        # All of them: one that is not right goes.
        if not all([exports.whole(Path(path), stamp) for path, stamp in record.files.items()]):
            return None
        return Output(target=target, layout=layout, digest=record.digest)

    def _fingerprint(self, target: Target, since: int, *, ctime: bool = True) -> Fingerprint:
        stages = self._below(target)
        contexts = contexts_of(target, self._plan.base, self._contexts)
        kinds = ("source", "copied", "hooks", "blocks", "base")
        parts: dict[str, list[object]] = {kind: [] for kind in kinds}
        copies = self._last(target)
        for copy in copies:
            parts["copied"].append((copy.source, self._look("", copy.source, since, ctime)))
        for stage in stages:
            if copies and stage.name == target.stage:
                kept = tuple(i for i in stage.instructions if i not in copies)
                stage = replace(stage, instructions=kept)
            for name in stage.needs:
                if name not in self._stages and name not in self._folders and name != _SCRATCH:
                    parts["base"].append(contexts.get(name, name))
            for name, paths in stage.reads.items():
                if not name or name in self._folders:
                    kind = {"": "source", "hooks": "hooks"}.get(name, "blocks")
                    parts[kind] += [(name, p, self._look(name, p, since, ctime)) for p in paths]
        return Fingerprint(
            definition=_digest(
                [self._text(stage) for stage in stages],
                (target.stage, target.form, target.destination, target.platform),
            ),
            arguments=_digest(sorted(target.args.items()), sorted(target.labels.items())),
            engine=self._engine,
            pdbuild=_pdbuild(),
            **{name: _digest(sorted(set(map(repr, found)))) for name, found in parts.items()},
        )

    def _copies(self, target: Target) -> tuple[recopied.Copied, ...]:
        """What the last layers of a target that was looked at are copies of."""
        return tuple(
            recopied.Copied(seen=self._seen("", copy.source), target=copy.target)
            for copy in self._last(target)
        )

    def _last(self, target: Target) -> tuple[Copy, ...]:
        return self._stages[target.stage].last_copies if target.form is Form.IMAGE else ()

    def _below(self, target: Target) -> list[Stage]:
        """The stages that a target is built from, by name."""
        if target.stage not in self._built_from:
            found: dict[str, Stage] = {}
            waiting = [target.stage]
            while waiting:
                name = waiting.pop()
                stage = self._stages.get(name)
                if stage and name not in found and name not in self._contexts:
                    found[name] = stage
                    waiting.extend(stage.needs)
            self._built_from[target.stage] = [found[name] for name in sorted(found)]
        return self._built_from[target.stage]

    def _text(self, stage: Stage) -> str:
        if stage.name not in self._texts:
            self._texts[stage.name] = _digest(stage.name, stage.base, stage.instructions)
        return self._texts[stage.name]

    def _look(self, name: str, path: str, since: int, ctime: bool) -> str:
        key = (name, path, since, ctime)
        if key not in self._looks:
            self._looks[key] = content.look(self._seen(name, path), since, ctime=ctime)
        return self._looks[key]

    def _seen(self, name: str, path: str) -> content.Listing:
        root = self._contexts[name] if name else self._plan.root
        part = "" if set(path) & set("*?[") else content.followed(root, path)
        if (root, part) not in self._listings:
            ignored = _NOTHING if name else self._ignored
            self._listings[root, part] = content.listing(Path(root), part, ignored)
        return self._listings[root, part]

    def _moving(self, target: Target) -> bool:
        images = {name for stage in self._below(target) for name in stage.needs}
        images -= {*self._stages, _SCRATCH}
        # In an image's place there may be a folder, a layout on disk, or a mirror's image.
        contexts = contexts_of(target, self._plan.base, self._contexts)
        places = [contexts.get(name, f"{_IMAGE}{name}") for name in images]
        return any(place.startswith(_IMAGE) and "@sha256:" not in place for place in places)

    def _files(self, output: Output) -> Iterator[tuple[str, str]]:
        """What holds an output: its blobs, also those in the store."""
        here = Layout(output.layout)
        layouts = [here]
        if output.target.form is Form.IMAGE:
            layouts.append(Layout(self._places.store))
        for blob in here.reachable(here.describe(output.digest)):
            for layout in layouts:
                path = layout.blob(blob.digest)
                yield str(path), exports.stamp(path)


def _without_waiting(stage: Stage) -> Stage:
    """The stage without what is there for the order alone, which differs from plan to plan."""
    return replace(stage, instructions=tuple(map(_alone, stage.instructions)))


def _alone(instruction: Instruction) -> Instruction:
    if not isinstance(instruction, Run):
        return instruction
    binds = {m for m in instruction.mounts if isinstance(m, Bind) and m.target == WAITS}
    return replace(instruction, mounts=tuple(m for m in instruction.mounts if m not in binds))


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()[:32]


@cache
def _pdbuild() -> str:
    """This pdbuild: another may make something else of the same recipe."""
    return looks.source(Path(__file__).parent)
