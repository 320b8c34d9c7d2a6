"""Recorded streams, and single events written by hand."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path

from pdbuild.progress.solve import Change, Solve

STREAMS = Path(__file__).parent / "streams"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(name: str) -> list[bytes]:
    """A stream that buildx 0.38.2 and buildkitd 0.34.2 wrote."""
    return (STREAMS / f"{name}.jsonl").read_bytes().splitlines(keepends=True)


def solved(name: str, *targets: str) -> Solve:
    solve = Solve(targets, clock=Clock())
    feed(solve, lines(name))
    return solve


def feed(solve: Solve, events: Iterable[bytes]) -> list[Change]:
    return [change for event in events for change in solve.feed(event)]


def vertex(
    digest: str,
    name: str,
    started: float | None = None,
    completed: float | None = None,
    **more: object,
) -> bytes:
    fields: dict[str, object] = {"digest": digest, "name": name, **more}
    if started is not None:
        fields["started"] = moment(started)
    if completed is not None:
        fields["completed"] = moment(completed)
    return json.dumps({"vertexes": [fields]}).encode()


def log(digest: str, data: bytes, stream: int = 1) -> bytes:
    encoded = base64.b64encode(data).decode()
    return json.dumps({"logs": [{"vertex": digest, "stream": stream, "data": encoded}]}).encode()


def counter(digest: str, id: str, current: int, total: int = 0, done: bool = False) -> bytes:
    fields: dict[str, object] = {"id": id, "vertex": digest, "current": current, "total": total}
    if done:
        fields["completed"] = moment(0)
    return json.dumps({"statuses": [fields]}).encode()


def moment(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"2026-01-01T00:{int(minutes):02}:{rest:012.9f}Z"
