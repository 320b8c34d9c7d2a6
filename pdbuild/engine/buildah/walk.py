"""Walks the graph: what can run runs, what has run before is skipped.

After a failure what runs goes on to its end where that is the last that a target needs, and
nothing new is begun that runs a program.
"""

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from graphlib import TopologicalSorter

from pdbuild.engine import exports
from pdbuild.engine.buildah import dated, kept, output, text
from pdbuild.engine.buildah.command import Commands
from pdbuild.engine.buildah.graph import Graph, Node, has_steps
from pdbuild.engine.buildah.images import Images, exported
from pdbuild.engine.buildah.inputs import Inputs, Result
from pdbuild.engine.buildah.locks import Locks
from pdbuild.engine.buildah.programs import Programs, Running, Task, Work
from pdbuild.engine.buildah.version import Dialect
from pdbuild.engine.contract import Build, Built, Output
from pdbuild.errors import EngineError
from pdbuild.plan.instructions import Stage
from pdbuild.progress import View

# While another pdbuild builds the same node there is nothing to wait on but its lock.
_LOCK_SECONDS = 0.1


class Walk:
    """One build. `isolation` is how steps run, `jobs` how many programs run at once."""

    def __init__(
        self,
        build: Build,
        view: View,
        *,
        graph: Graph,
        dialect: Dialect,
        images: Images,
        inputs: Inputs,
        isolation: text.Isolation,
        jobs: int,
    ) -> None:
        self._build = build
        self._view = view
        self._graph = graph
        self._dialect = dialect
        self._images = images
        self._inputs = inputs
        self._commands = Commands(build, images, inputs, isolation)
        self._jobs = jobs
        self._names = output.Names(graph)
        self._known = images.place.known_images()
        self._kept = kept.Kept(images, build.layers)
        self._ready: list[Task] = []
        self._programs = Programs(
            {**images.environment, **build.definition.environment}, images.run
        )
        self._locks = Locks(images.place.folder / "nodes.lock")
        self._outputs: dict[str, str] = {}
        self._errors: list[str] = []
        self._blocked = False

    def run(self) -> Built:
        """Build all that can be built; whatever happens, nothing is left running."""
        sorter: TopologicalSorter[Task] = TopologicalSorter()
        for node in self._graph.nodes:
            sorter.add(Task(node.id), *(Task(need) for need in node.needs.values()))
        for target, identity in self._graph.targets.items():
            sorter.add(Task(identity, target), Task(identity))
        sorter.prepare()
        self._tell(self._names.announcement())
        with self._programs, self._locks:
            try:
                while sorter.is_active():
                    self._ready.extend(sorter.get_ready())
                    if not (self._ready or self._programs):
                        break  # what is left needs what has failed
                    sorter.done(*self._advance())
            finally:
                self._stop(self._programs)
        return self._built()

    def known(self) -> dict[str, kept.Recorded]:
        """What is recorded of the nodes, by their keys; nothing is built.

        Those that need one of which nothing is recorded have no key.
        """
        found = {}
        for node in self._graph.nodes:
            if all(need in self._inputs.built for need in node.needs.values()):
                key = self._key(node)[0]
                recorded = self._images.place.recorded(key)
                if recorded.get("image") in self._known:
                    self._inputs.built[node.id] = Result.of(recorded)
                    found[key] = recorded
        return found

    def _given_up(self, task: Task) -> bool:
        """Whether a task is not begun because of a failure: what delivers runs no program."""
        if not self._errors or self._build.keep_going or task.target:
            return False
        return has_steps(self._graph.node(task.node))

    def _advance(self) -> list[Task]:
        """Start what can start, else wait for something to happen; the tasks that ended well."""
        done: list[Task] = []
        self._blocked = False
        for task in list(self._ready):
            if self._finished_before(task):
                self._ready.remove(task)
                done.append(task)
            elif self._given_up(task) or (len(self._programs) < self._jobs and self._start(task)):
                self._ready.remove(task)
        if done or not (self._programs or self._blocked):
            return done
        patience = _LOCK_SECONDS if self._blocked else None
        ended = False
        while not ended:
            for running in self._programs.heard(patience):
                if self._heard(running):
                    ended = True
                    if self._ended(running):
                        done.append(running.work.task)
            ended |= self._blocked
        return done

    def _finished_before(self, task: Task) -> bool:
        node = self._graph.node(task.node)
        if task.target:
            digest = self._digest(task)
            if digest:
                self._outputs[task.target] = digest
            return bool(digest)
        key = self._key(node)[0]
        recorded = self._images.place.recorded(key)
        if recorded.get("image") not in self._known:
            recorded = self._kept.take(key, self._build.plan.root)
            if not recorded:
                return False
            self._known = self._images.place.known_images()
        self._images.place.record(key).touch()  # it is in use
        self._inputs.built[node.id] = Result.of(recorded)
        self._tell(self._names.skipped(node))
        return True

    def _key(self, node: Node) -> tuple[str, Stage]:
        moved = bool(self._commands.isolation.runtime)
        stage = text.adapted(
            node.stage,
            self._dialect,
            lambda run: self._inputs.bound(node, run),
            moved=moved,
            folders=node.folders,
        )
        return text.key(node, stage, self._dialect, self._inputs.of(node)), stage

    def _start(self, task: Task) -> bool:
        """Start a task, unless another pdbuild does the same at this moment."""
        node = self._graph.node(task.node)
        if task.target:
            layout = self._build.exports / task.target
            words = self._commands.export(self._inputs.built[node.id].image, layout)
            self._programs.start(words, Work(task=task))
            return True
        key, stage = self._key(node)
        if not self._locks.take(key):
            self._blocked = True
            return False
        self._known = self._images.place.known_images()
        if self._finished_before_now(key):
            # It was built by the one that held the lock; the next look finds it.
            self._locks.free(key)
            self._blocked = True
            return False
        words, image_file = self._commands.node(node, stage)
        said = output.Output(node, stage, self._names)
        self._programs.start(words, Work(task=task, key=key, said=said, image=image_file))
        return True

    def _finished_before_now(self, key: str) -> bool:
        return self._images.place.recorded(key).get("image") in self._known

    def _heard(self, running: Running) -> bool:
        """Take in what a program says; whether that was the end."""
        lines, ended = running.read()
        for line in lines:
            if running.work.said:
                self._tell(running.work.said.feed(line + b"\n"))
            else:
                running.words.append(line.decode(errors="replace"))
        return ended

    def _ended(self, running: Running) -> bool:
        """Take in a program's end; whether its task is done."""
        code = self._programs.end(running)
        work = running.work
        if work.task.target:
            return self._exported(running, code)
        if work.result:
            self._looked(running, code)
            return True
        assert work.said and work.image
        image = ""
        if code == 0:
            with contextlib.suppress(FileNotFoundError):
                image = work.image.read_text().strip().removeprefix("sha256:")
        if not image:
            self._tell(work.said.failed(code))
            self._errors.append(work.said.error)
            self._locks.free(work.key)
            if not self._build.keep_going:
                self._stop(self._useless())
            return False
        self._tell(work.said.finished())
        return self._settled(work, image)

    def _settled(self, work: Work, image: str) -> bool:
        """Take in a node's image; whether that is all, or what others read of it is looked at."""
        paths = self._graph.read_of(work.task.node)
        if not paths:
            self._record(work, Result(image))
            return True
        look = Work(task=work.task, key=work.key, result=Result(image))
        self._programs.start(self._commands.look(image, paths), look)
        return False

    def _looked(self, running: Running, code: int) -> None:
        """Take in the digests of what others read of a node; without, its image's id must do."""
        assert running.work.result
        digests: dict[str, str] = {}
        if code == 0:
            with contextlib.suppress(ValueError):
                digests = json.loads(running.words[-1])
        self._record(running.work, Result(running.work.result.image, digests))

    def _record(self, work: Work, result: Result) -> None:
        self._inputs.built[work.task.node] = result
        owner = {"node": work.task.node, "root": self._build.plan.root}
        self._images.place.remember(work.key, asdict(result) | owner)
        self._locks.free(work.key)

    def _exported(self, running: Running, code: int) -> bool:
        target = running.work.task.target
        digest = "" if code else self._digest(running.work.task)
        if not digest:
            said = "\n".join(running.words[-5:]) or f"exit code {code}"
            self._errors.append(f"{target} was built, but could not be exported: {said}")
            return False
        exports.keep_only(self._build.exports / target, digest)
        self._outputs[target] = digest
        return True

    def _digest(self, task: Task) -> str:
        """The digest of a target's exported image, "" when it is not there."""
        node, layout = self._graph.node(task.node), self._build.exports / task.target
        image = self._inputs.built[node.id].image
        digest = exported(layout, image)
        if digest and node.timestamp:
            return dated.write(layout, digest, image, node.timestamp)
        return digest

    def _useless(self) -> list[Running]:
        """What runs for targets that need more than what runs: nothing more is begun for them."""
        running = {program.work.task.node for program in self._programs}
        useful: set[str] = set()
        for target in self._graph.targets:
            below = self._graph.below(target)
            missing = {n.id for n in below if n.id not in self._inputs.built and has_steps(n)}
            useful |= {node.id for node in below} if missing <= running else set()
        builds = [program for program in self._programs if program.work.said]
        return [program for program in builds if program.work.task.node not in useful]

    def _stop(self, programs: Iterable[Running]) -> None:
        for running in self._programs.kill(programs):
            if running.work.said:
                with contextlib.suppress(OSError):  # nobody looks any more
                    self._tell(running.work.said.stopped())
            if running.work.key:
                self._locks.free(running.work.key)

    def _built(self) -> Built:
        targets = self._build.plan.targets
        failures = self._view.solve.failures()
        outputs = [
            Output(target=t, layout=self._build.exports / t.name, digest=self._outputs[t.name])
            for t in targets
            if t.name in self._outputs
        ]
        left = tuple(target for target in targets if target.name not in self._outputs)
        if left and not (failures or self._errors):
            raise EngineError("Buildah ended without a word")
        return Built(
            outputs=tuple(outputs),
            unfinished=left,
            failures=failures,
            error="\n".join(self._errors),
        )

    def _tell(self, events: bytes) -> None:
        for line in events.splitlines():
            self._view.feed(line)
