"""Buildah's words as the events that BuildKit would have sent, for the same views.

Buildah has no output for programs. Its lines `STEP i/n: ...` come in the known order of the
stage's instructions, so a step's own output can hardly be taken for one.
"""

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pdbuild.engine.buildah.graph import Graph, Node
from pdbuild.engine.buildah.text import FOLDERS
from pdbuild.plan.instructions import Copy, Instruction, Run, Stage, Workdir
from pdbuild.plan.text import render_instruction

_STEP = re.compile(rb"STEP (\d+)/\d+: ")
_NOTE = re.compile(rb"--> (Using cache )?[0-9a-f]{11,64}$")
# What the container runtime says when it cannot start a step's program.
_RUNTIME = re.compile(r"^error running container: from \S+ creating container for \[.*\]: (.*)$")
_LOGGED = re.compile(r"^time=\"[^\"]*\" level=(\w+) msg=(\"(?:\\.|[^\"\\])*\"|\S+)")
_FAILED = re.compile(r"^(?:Error: )?(?:error )?building at STEP \"(.*?)\": (.*)$", re.DOTALL)
# By chroot, "exit status" is all that is said.
_EXIT = re.compile(r"(?:^|running runtime: )exit status (\d+)")
_BY_CHROOT = re.compile(r"subprocess exited with status \d+$")
_STORAGE = re.compile(r"/\S*/(?:overlay|vfs)/(?:dir/)?[0-9a-f]{64}(?:/merged)?")

Event = dict[str, Any]


def vertex(node: Node, number: int) -> str:
    """The digest by which events name a node's instruction; `number` counts as BuildKit does."""
    return f"sha256:{hashlib.sha256(f'{node.id} {number}'.encode()).hexdigest()}"


def counted(node: Node) -> dict[int, Instruction]:
    """A node's instructions that are work, by BuildKit's number: FROM of a registry is one."""
    first = 2 if node.images.get(node.stage.base) == node.stage.base else 1
    work = (i for i in node.stage.instructions if isinstance(i, Run | Copy | Workdir))
    return dict(enumerate(work, start=first))


class Names:
    """What the steps of a graph are called: once for each target that needs them."""

    def __init__(self, graph: Graph) -> None:
        self._names: dict[str, list[str]] = {}
        self._inputs = _inputs(graph)
        for target in graph.targets:
            prefix = f"{target} " if len(graph.targets) > 1 else ""
            for node in graph.below(target):
                steps = counted(node)
                for number, instruction in steps.items():
                    text = " ".join(render_instruction(instruction).replace("\\\n", " ").split())
                    place = f"{prefix}{node.stage.name} {number}/{max(steps)}"
                    digest = vertex(node, number)
                    self._names.setdefault(digest, []).append(f"[{place}] {text}")

    def announcement(self) -> bytes:
        """The event that names every step and its inputs, before the first one starts."""
        return b"".join(self.event(d, inputs=self._inputs.get(d, [])) for d in self._names)

    def event(self, digest: str, **more: object) -> bytes:
        """An event that says `more` of one step."""
        names = self._names[digest]
        return _line({"vertexes": [{"digest": digest, "name": name, **more} for name in names]})

    def skipped(self, node: Node) -> bytes:
        """The event that says that nothing of a node had to run."""
        now = _now()
        return b"".join(
            self.event(vertex(node, number), started=now, completed=now, cached=True)
            for number in counted(node)
        )


def _inputs(graph: Graph) -> dict[str, list[str]]:
    """What each step builds on: the one before it, and the last ones of the nodes it needs."""
    inputs: dict[str, list[str]] = {}
    last: dict[str, list[str]] = {}
    for node in graph.nodes:
        before = [digest for need in node.needs.values() for digest in last.get(need, ())]
        for number in counted(node):
            digest = vertex(node, number)
            inputs[digest], before = before, [digest]
        last[node.id] = before
    return inputs


@dataclass(slots=True)
class Output:
    """What one running node says, line by line. `stage` is the text that Buildah was given."""

    node: Node
    stage: Stage
    names: Names
    error: str = ""
    _at: int = 0  # the step of Buildah's count that runs
    _numbers: dict[int, int] = field(default_factory=dict)  # BuildKit's number by Buildah's
    _started: str = ""
    _cached: bool = False
    _error: list[str] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        numbers = iter(counted(self.node))
        for step, instruction in enumerate(self.stage.instructions, start=2):
            if isinstance(instruction, Run | Copy | Workdir) and not _ours(instruction):
                self._numbers[step] = next(numbers)

    def feed(self, line: bytes) -> bytes:
        """The event that a line means; b"" when it means none."""
        text = line.rstrip(b"\r\n")
        step = _STEP.match(text)
        if step and int(step[1]) == self._at + 1:
            return self._next(int(step[1]))
        if text == b"COMMIT" or text.startswith(b"COMMIT "):
            return self._next(len(self.stage.instructions) + 2)
        shown = text.decode(errors="replace")
        if self._error or _FAILED.match(shown):
            self._error.append(shown)
            return b""
        if _NOTE.match(text):
            self._cached = self._cached or text.startswith(b"--> Using cache")
            self._words.append(shown)
            return b""
        number = self._numbers.get(self._at)
        if number is None:
            self._words.append(shown)
            return b""
        line = _plain(line)
        return self._log(number, line) if line else b""

    def finished(self) -> bytes:
        """The event for the end of a node that succeeded."""
        return self._next(len(self.stage.instructions) + 3)

    def failed(self, code: int) -> bytes:
        """The event for a node that failed: which step is to blame, and why.

        Without a step to blame it is b"", and `error` says what Buildah said.
        """
        match = _FAILED.match("\n".join(self._error))
        why = _STORAGE.sub("", match[2].strip()) if match else "\n".join(self._words[-10:])
        self.error = why or f"buildah ended with exit code {code}"
        number = self._numbers.get(self._at)
        if number is None:
            return b""
        instruction = counted(self.node)[number]
        status = _EXIT.search(why) if match else None
        if status and isinstance(instruction, Run):
            quoted = " ".join(instruction.argv)
            self.error = f'process "{quoted}" did not complete successfully: exit code: {status[1]}'
        return self._end(number, error=self.error)

    def stopped(self) -> bytes:
        """The event for a node that was stopped because of another one, or by the user."""
        number = self._numbers.get(self._at)
        return b"" if number is None else self._end(number, error="context canceled")

    def _log(self, number: int, line: bytes) -> bytes:
        log = {
            "vertex": vertex(self.node, number),
            "stream": 1,
            "data": base64.b64encode(line).decode(),
            "timestamp": _now(),
        }
        return _line({"logs": [log]})

    def _next(self, step: int) -> bytes:
        number = self._numbers.get(self._at)
        event = b"" if number is None else self._end(number, cached=self._cached)
        self._at, self._cached, self._started = step, False, _now()
        number = self._numbers.get(step)
        if number is not None:
            event += self.names.event(vertex(self.node, number), started=self._started)
        return event

    def _end(self, number: int, **more: object) -> bytes:
        return self.names.event(
            vertex(self.node, number), started=self._started, completed=_now(), **more
        )


def _plain(line: bytes) -> bytes:
    """A step's line without what the container runtime and Buildah wrap around messages."""
    text = line.decode(errors="replace").rstrip("\r\n")
    started = _RUNTIME.match(text)
    logged = _LOGGED.match(started[1] if started else text)
    if text.startswith(": exit status ") or _BY_CHROOT.match(text):
        return b""
    if not (started or logged):
        return line
    if logged is None:
        return line if started is None else f"{started[1]}\n".encode()
    if logged[1] not in ("error", "fatal"):
        return b""
    message = logged[2]
    return f"{json.loads(message) if message.startswith(chr(34)) else message}\n".encode()


def _ours(instruction: Instruction) -> bool:
    return isinstance(instruction, Copy) and instruction.stage == FOLDERS


def _line(event: Event) -> bytes:
    return json.dumps(event).encode() + b"\n"


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat()
