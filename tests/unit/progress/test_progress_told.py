"""What a bake tells programs of its steps, from streams that buildx wrote."""

from progress_bits import lines

from pdbuild.api.events import Event, Line, Step
from pdbuild.api.shown import EventView


def told(stream: str, *targets: str) -> list[Event]:
    events: list[Event] = []
    with EventView(targets, events.append) as view:
        for line in lines(stream):
            view.feed(line)
    return events


def test_steps_and_their_lines() -> None:
    events = told("success", "binaries-cpu")
    compiling = [
        (event.state, event.number, event.done)
        for event in events
        if isinstance(event, Step) and event.stage == "compile-cpu"
    ]
    assert compiling == [("running", (1, 1), 2), ("done", (1, 1), 3)]
    said = [e.text for e in events if isinstance(e, Line) and e.stage == "compile-cpu"]
    assert said == [*(f"[{number}/6] cpu one" for number in range(1, 7)), "warning: odd"]
    last = [event for event in events if isinstance(event, Step) and event.number][-1]
    assert (last.targets, last.done, last.total) == (("binaries-cpu",), 4, 4)
    assert last.instruction == "COPY --from=compile-cpu /out /"


def test_what_fails_and_what_is_there_already() -> None:
    states = [event.state for event in told("failing", "cpu") if isinstance(event, Step)]
    assert "failed" in states
    cached = [e for e in told("cached", "binaries-cpu") if isinstance(e, Step) and e.number]
    assert {event.state for event in cached} == {"cached"}
