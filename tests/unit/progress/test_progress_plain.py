"""The build as lines, and the summary: exact texts."""

import io
from collections.abc import Iterable

from progress_bits import Clock, lines, log, solved, vertex

from pdbuild.progress import view
from pdbuild.progress.plain import summary


def plain(events: Iterable[bytes], *targets: str) -> str:
    stream = io.StringIO()
    with view("plain", stream, targets=targets, clock=Clock()) as shown:
        for line in events:
            shown.feed(line)
    return stream.getvalue()


def test_one_target() -> None:
    script = 'for i in $(seq 1 6); do echo "[$i/6] cpu one"; sleep 0.3; done; echo warning: o…'
    assert (
        plain(lines("success"), "binaries-cpu")
        == f"""\
[binaries-cpu] dev 1/2 RUN echo installing one; sleep 1; echo installed: started
[binaries-cpu] dev 1/2 | installing one
[binaries-cpu] dev 1/2 | installed
[binaries-cpu] dev 1/2 RUN echo installing one; sleep 1; echo installed: 1.1s
[binaries-cpu] dev 2/2 COPY big.bin /big.bin: 0.0s
[binaries-cpu] compile-cpu 1/1 RUN {script}: started
[binaries-cpu] compile-cpu 1/1 | [1/6] cpu one
[binaries-cpu] compile-cpu 1/1 | [2/6] cpu one
[binaries-cpu] compile-cpu 1/1 | [3/6] cpu one
[binaries-cpu] compile-cpu 1/1 | [4/6] cpu one
[binaries-cpu] compile-cpu 1/1 | [5/6] cpu one
[binaries-cpu] compile-cpu 1/1 | [6/6] cpu one
[binaries-cpu] compile-cpu 1/1 | warning: odd
[binaries-cpu] compile-cpu 1/1 RUN {script}: 1.9s
[binaries-cpu] 1/1 COPY --from=compile-cpu /out /: 0.0s
binaries-cpu  done  4/4  3.0s
"""
    )


def test_linked_targets_all_but_one_step_cached() -> None:
    assert (
        plain(lines("linked"), "linked")
        == """\
[dev] 1/2 RUN echo installing three; sleep 1; echo installed: cached
[dev] 2/2 COPY big.bin /big.bin: cached
[linked] 1/1 RUN echo linked: started
[linked] 1/1 | linked
[linked] 1/1 RUN echo linked: 0.1s
linked  done    3/3, 2 cached  0.1s
dev     cached  2/2            0.0s
"""
    )


def test_platforms() -> None:
    assert (
        plain(lines("multi"), "multi")
        == """\
[multi] linux/amd64 dev 1/2 RUN echo installing three; sleep 1; echo installed: cached
[multi] linux/amd64 dev 2/2 COPY big.bin /big.bin: cached
[multi] linux/arm64 dev 1/2 RUN echo installing three; sleep 1; echo installed: started
[multi] linux/arm64 dev 1/2 | installing three
[multi] linux/arm64 dev 1/2 | installed
[multi] linux/arm64 dev 1/2 RUN echo installing three; sleep 1; echo installed: 1.1s
[multi] linux/arm64 dev 2/2 COPY big.bin /big.bin: 0.0s
multi  done  4/4, 2 cached  1.1s
"""
    )


def test_a_failure_and_what_it_cancels() -> None:
    text = plain(lines("failing_two"), "binaries-cpu", "broken")
    script = (
        "RUN for i in $(seq 1 50); do echo line $i; done; echo ninja: error: no rule >&2; exit 3"
    )
    ended = [line for line in text.splitlines() if " | " not in line][-5:]
    other = 'RUN for i in $(seq 1 6); do echo "[$i/6] cpu three"; sleep 0.3; done; echo warning:…'
    assert ended == [
        f"[broken] 2/3 {script}: started",
        f"[broken] 2/3 {script}: failed after 0.1s",
        f"[binaries-cpu] compile-cpu 1/1 {other}: cancelled",
        "binaries-cpu  stopped  2/4  1.3s",
        "broken        failed   3/5  1.3s",
    ]
    assert text.count("[broken] 2/3 | ") == 51


def test_a_step_that_another_target_runs_is_not_told_as_cancelled() -> None:
    error = "exit code: 1: context canceled"
    events = [
        vertex("x", "[a s 1/1] RUN x", 0, 0, error=error),
        vertex("x", "[b s 1/1] RUN x", 1),
        vertex("x", "[b s 1/1] RUN x", 1, 2),
    ]
    told = plain(events, "a", "b").splitlines()
    assert told[:2] == ["[a] s 1/1 RUN x: started", "[a] s 1/1 RUN x: 1.0s"]
    assert "cancelled" not in "".join(told)


def test_an_export_is_told_of() -> None:
    assert "[image] exporting to oci image format: 0.0s\n" in plain(lines("exported"), "image")


def test_loads_are_told_of_when_they_are_slow() -> None:
    text = plain(
        [
            vertex("a", "[internal] load build context", 0),
            vertex("a", "[internal] load build context", 0, 0.9),
            vertex("b", "[context base] OCI load from client", 0),
            vertex("b", "[context base] OCI load from client", 0, 61.2),
        ],
        "t",
    )
    assert text == "[t] context base: OCI load from client: 1m01s\n"


def test_a_line_is_whole_when_it_is_written() -> None:
    stream = io.StringIO()
    with view("plain", stream, targets=["t"], clock=Clock()) as shown:
        shown.feed(vertex("a", "[t 1/1] RUN x", 0))
        shown.feed(log("a", b"10%\r20%\rha"))
        assert stream.getvalue() == "[t] 1/1 RUN x: started\n"
        shown.feed(log("a", b"lf\nrest"))
        assert stream.getvalue().endswith("\n[t] 1/1 | half\n")
        shown.feed(vertex("a", "[t 1/1] RUN x", 0, 2))
    assert stream.getvalue().endswith("[t] 1/1 | rest\n[t] 1/1 RUN x: 2.0s\nt  done  1/1  2.0s\n")
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_build_that_never_began_leaves_nothing() -> None:
    assert plain(lines("bad"), "nosuch") == ""


def test_summary_of_an_interrupted_build() -> None:
    assert summary(solved("interrupted", "slow", "binaries-cpu")) == (
        "slow          stopped  2/3            4.0s",
        "binaries-cpu  done     4/4, 1 cached  3.0s",
    )


def test_summary_of_a_cached_build() -> None:
    assert summary(solved("cached", "binaries-cpu")) == ("binaries-cpu  cached  4/4  0.0s",)


def test_a_stream_that_cannot_write_a_character_writes_another() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with view("plain", stream, targets=["t"], clock=Clock()) as shown:
        shown.feed(vertex("a", "[t 1/1] RUN x", 0))
        shown.feed(log("a", "é\n".encode()))
    stream.seek(0)
    assert stream.read() == "[t] 1/1 RUN x: started\n[t] 1/1 | ?\nt  stopped  0/1  0.0s\n"
