"""Reading one line of rawjson."""

import pytest
from progress_bits import lines

from pdbuild.progress.events import BuildWarning, SolveStatus, Status, Vertex, parse


def events(name: str) -> list[SolveStatus]:
    return [event for event in map(parse, lines(name)) if isinstance(event, SolveStatus)]


def test_every_line_of_a_build_that_worked_is_an_event() -> None:
    assert len(events("success")) == len(lines("success"))


def test_a_vertex() -> None:
    line = (
        b'{"vertexes":[{"digest":"sha256:a","inputs":["sha256:b"],"name":"[dev 1/2] RUN x",'
        b'"started":"2026-11-24T20:58:00.5Z","completed":"2026-11-24T21:58:02.25+01:00",'
        b'"cached":true,"error":"no"}]}'
    )
    event = parse(line)
    assert isinstance(event, SolveStatus)
    assert event.vertexes == (
        Vertex(
            digest="sha256:a",
            inputs=("sha256:b",),
            name="[dev 1/2] RUN x",
            started=1795553880.5,
            completed=1795553882.25,
            cached=True,
            error="no",
        ),
    )


@pytest.mark.parametrize("fraction", ["", ".1", ".123456789", ".12345678"])
def test_times_have_any_number_of_digits(fraction: str) -> None:
    line = f'{{"vertexes":[{{"digest":"a","started":"2026-01-01T00:00:00{fraction}Z"}}]}}'
    event = parse(line.encode())
    assert isinstance(event, SolveStatus)
    assert event.vertexes[0].started == pytest.approx(1767225600 + float(fraction or 0), abs=1e-6)


def test_a_status() -> None:
    statuses = [status for event in events("success") for status in event.statuses]
    (done,) = {s for s in statuses if s.id.startswith("transferring context:") and s.current > 9999}
    assert done == Status(
        id="transferring context:", vertex=done.vertex, current=3000807, total=0, done=True
    )


def test_logs_are_bytes() -> None:
    logs = [log for event in events("success") for log in event.logs]
    assert [(log.stream, log.data) for log in logs][:2] == [
        (1, b"installing one\n"),
        (1, b"installed\n"),
    ]
    assert (logs[-1].stream, logs[-1].data) == (2, b"warning: odd\n")


def test_a_warning_keeps_the_line_and_drops_the_file() -> None:
    (warning,) = {warning for event in events("success") for warning in event.warnings}
    assert warning == BuildWarning(
        text="FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 26)",
        file="Containerfile",
        line=26,
        detail="The 'as' keyword should match the case of the 'from' keyword",
        url="https://docs.docker.com/go/dockerfile/rule/from-as-casing/",
    )


@pytest.mark.parametrize(
    "line",
    [
        b"ERROR: failed to find target nosuch\n",
        b"{not json}\n",
        b'{"vertexes": 3}\n',
        b"[1]\r\n",
        b"\n",
    ],
)
def test_anything_else_is_text(line: bytes) -> None:
    assert parse(line) == line.decode().rstrip("\r\n")


def test_keys_may_be_missing_or_null() -> None:
    assert parse(b"{}") == SolveStatus()
    assert parse(b'{"vertexes":null,"statuses":null,"logs":null,"warnings":null}') == SolveStatus()
    event = parse(b'{"warnings":[{"vertex":"a","short":"aGk=","range":[{}]}]}')
    assert isinstance(event, SolveStatus)
    assert event.warnings == (BuildWarning(text="hi"),)
