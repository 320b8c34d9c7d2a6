"""One line of buildx's rawjson progress as frozen values; a line that is not JSON stays text."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

# Named tuples here, not dataclasses: a build makes tens of thousands of them.


class Vertex(NamedTuple):
    """One node of the build graph as one event saw it; times are Unix seconds."""

    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    error: str = ""


class Status(NamedTuple):
    """A counter inside a vertex: bytes of a transfer, a layer or an export."""

    id: str
    vertex: str
    current: int = 0
    total: int = 0
    done: bool = False


class Log(NamedTuple):
    """A piece of a step's output: any number of lines, cut anywhere."""

    vertex: str
    stream: int
    data: bytes


class BuildWarning(NamedTuple):
    """Something that BuildKit finds odd in the Containerfile; `line` 0 means none is named."""

    text: str
    file: str = ""
    line: int = 0
    detail: str = ""
    url: str = ""


class SolveStatus(NamedTuple):
    """What one JSON line says."""

    vertexes: tuple[Vertex, ...] = ()
    statuses: tuple[Status, ...] = ()
    logs: tuple[Log, ...] = ()
    warnings: tuple[BuildWarning, ...] = ()


def parse(line: bytes) -> SolveStatus | str:
    """The event in one line of buildx's stderr, or the line itself (no newline) as text."""
    stripped = line.strip()
    if stripped.startswith(b"{"):
        try:
            return _status(json.loads(stripped))
        except (ValueError, TypeError, KeyError, AttributeError):
            pass  # a tool's own message may start with a brace too
    return line.decode(errors="replace").rstrip("\r\n")


def _status(data: dict[str, Any]) -> SolveStatus:
    return SolveStatus(
        vertexes=tuple(map(_vertex, data.get("vertexes") or ())),
        statuses=tuple(map(_counter, data.get("statuses") or ())),
        logs=tuple(map(_log, data.get("logs") or ())),
        warnings=tuple(map(_warning, data.get("warnings") or ())),
    )


def _vertex(data: dict[str, Any]) -> Vertex:
    return Vertex(
        digest=data["digest"],
        name=data.get("name", ""),
        inputs=tuple(data.get("inputs") or ()),
        started=_time(data.get("started")),
        completed=_time(data.get("completed")),
        cached=bool(data.get("cached")),
        error=data.get("error", ""),
    )


def _counter(data: dict[str, Any]) -> Status:
    return Status(
        id=data["id"],
        vertex=data.get("vertex", ""),
        current=int(data.get("current", 0)),
        total=int(data.get("total", 0)),
        done=bool(data.get("completed")),
    )


def _log(data: dict[str, Any]) -> Log:
    return Log(
        vertex=data.get("vertex", ""),
        stream=int(data.get("stream", 1)),
        data=base64.b64decode(data.get("data") or ""),
    )


def _warning(data: dict[str, Any]) -> BuildWarning:
    ranges: Sequence[dict[str, Any]] = data.get("range") or ({},)
    return BuildWarning(
        text=_text(data.get("short")),
        file=(data.get("sourceInfo") or {}).get("filename", ""),
        line=(ranges[0].get("start") or {}).get("line", 0),
        detail="\n".join(map(_text, data.get("detail") or ())),
        url=data.get("url", ""),
    )


def _text(encoded: str | None) -> str:
    return base64.b64decode(encoded or "").decode(errors="replace")


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
