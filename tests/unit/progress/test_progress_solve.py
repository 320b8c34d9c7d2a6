"""What a stream adds up to."""

import pytest
from progress_bits import Clock, counter, feed, lines, log, solved, vertex

from pdbuild.progress.solve import Solve, Tally
from pdbuild.progress.steps import Step


def step(solve: Solve, text: str) -> Step:
    (found,) = [step for step in solve.steps if step.name.text.startswith(text)]
    return found


@pytest.mark.parametrize(
    ("stream", "target", "tally", "finished", "cached"),
    [
        ("success", "binaries-cpu", Tally(4, 4, 0, 0, 0), True, False),
        ("cached", "binaries-cpu", Tally(4, 4, 4, 0, 0), True, True),
        ("exported", "image", Tally(4, 4, 3, 0, 0), True, False),
        ("failing", "broken", Tally(5, 3, 2, 0, 1), False, False),
        ("missing", "lint", Tally(3, 2, 2, 0, 1), False, False),
        ("multi", "multi", Tally(4, 4, 2, 0, 0), True, False),
        ("bad", "nosuch", Tally(), False, False),
    ],
)
def test_one_target(stream: str, target: str, tally: Tally, finished: bool, cached: bool) -> None:
    solve = solved(stream, target)
    assert solve.targets == (target,)
    assert solve.tally(target) == tally
    assert solve.finished(target) is finished
    assert solve.all_cached(target) is cached
    assert solve.running() == ()


def test_targets_that_share_steps_share_what_they_did() -> None:
    solve = solved("two", "binaries-cpu", "binaries-gpu")
    shared = [step for step in solve.steps if step.name.stage == "dev"]
    assert [set(step.targets) for step in shared] == [{"binaries-cpu", "binaries-gpu"}] * 2
    # Both targets have a vertex of their own for it; one ran, the other was then "cached".
    assert [(len(step.digests), step.state) for step in shared] == [(2, "done"), (2, "done")]
    assert solve.tally("binaries-cpu") == Tally(4, 4, 1, 0, 0)
    assert solve.tally("binaries-gpu") == Tally(4, 4, 0, 0, 0)


def test_a_step_that_turns_out_to_be_another_brings_its_targets_and_output() -> None:
    solve = Solve(["a", "b", "c"], clock=Clock())
    feed(solve, [vertex("x", "[a s 1/1] RUN x", 0), log("x", b"early\n")])
    feed(solve, [vertex("x", "[b s 1/1] RUN x"), vertex("y", "[c s 1/1] RUN x", 0)])
    feed(solve, [log("y", b"late\n"), vertex("y", "[a s 1/1] RUN x", 0, 1)])
    (one,) = solve.steps
    assert (set(one.targets), one.digests) == ({"a", "b", "c"}, {"x", "y"})
    assert set(one.lines) == {"early", "late"}
    feed(solve, [log("x", b"x\n"), log("y", b"y\n"), vertex("x", "[b s 1/1] RUN x", 0, 2)])
    assert list(one.lines)[-2:] == ["x", "y"]
    assert [solve.tally(target).done for target in "abc"] == [1, 1, 1]


@pytest.mark.parametrize("given", [("linked",), ("all",), ()])
def test_linked_targets_and_members_of_groups_become_known(given: tuple[str, ...]) -> None:
    solve = solved("linked", *given)
    assert set(solve.targets) == {"linked", "dev"}
    assert solve.all_cached("dev")
    assert solve.tally("linked") == Tally(3, 3, 2, 0, 0)
    assert Solve(given).targets == given


def test_one_target_without_a_name_is_bakes_default() -> None:
    assert solved("cached").targets == ("default",)


def test_several_names_for_one_target() -> None:
    assert solved("cached", "group", "binaries-cpu").tally("group") == Tally(4, 4, 4, 0, 0)


def test_the_last_number_of_a_stage_is_its_total() -> None:
    solve = solved("success", "binaries-cpu")
    assert solve.number(step(solve, "COPY big.bin")) == (2, 2)  # BuildKit says 2/3
    assert solve.number(step(solve, "OCI load")) is None


def test_an_interrupted_build_has_no_failures() -> None:
    solve = solved("interrupted", "slow", "binaries-cpu")
    assert solve.failures() == ()
    assert step(solve, 'RUN ["sh", "-euo", "pipefail", "-c", "echo sleeping').state == "cancelled"
    assert solve.finished("binaries-cpu")
    assert not solve.finished("slow")
    assert solve.reason == "target slow: failed to solve: Canceled: context canceled"


def test_only_the_step_that_failed_is_a_failure() -> None:
    solve = solved("failing_two", "binaries-cpu", "broken")
    (failure,) = solve.failures()
    assert failure.targets == ("broken",)
    assert (failure.stage, failure.number, failure.exit_code) == ("broken", (2, 3), 3)
    assert failure.instruction.startswith('RUN ["sh", "-euo", "pipefail", "-c", "for i in')
    assert failure.error == "exit code: 3"
    assert len(failure.lines) == 15
    assert failure.lines[-1] == "ninja: error: no rule"


def test_stderr_that_a_burst_of_stdout_pushed_away_is_kept_for_the_failure() -> None:
    (failure,) = solved("failing", "broken").failures()
    assert failure.lines[-2:] == ("line 50", "ninja: error: no rule")


def test_a_failure_without_a_process() -> None:
    (failure,) = solved("missing", "lint").failures()
    assert failure.exit_code is None
    assert failure.error.endswith('"/missing": not found')


def test_an_error_that_quotes_other_errors_is_read_behind_the_command() -> None:
    solve = Solve(["t"])
    command = 'process "echo context canceled: exit code: 9" did not complete successfully'
    solve.feed(vertex("a", "[t 1/1] RUN x", 0, 1, error=f"{command}: exit code: 2"))
    assert [failure.exit_code for failure in solve.failures()] == [2]


def test_message_and_reason() -> None:
    solve = solved("failing", "broken")
    assert solve.message.startswith("Containerfile:20\n--------------------\n")
    assert solve.reason.startswith("failed to solve: process ")
    assert solved("success", "binaries-cpu").message == ""
    assert solved("bad", "nosuch").reason == "failed to find target nosuch"


def test_a_warning_told_to_several_targets_is_one() -> None:
    (warning,) = solved("two", "binaries-cpu", "binaries-gpu").warnings
    assert (warning.file, warning.line) == ("Containerfile", 26)


def test_bytes() -> None:
    assert solved("success", "binaries-cpu").transferred == 1102 + 2 + 3000807 + 1996800
    solve = Solve(["t"])
    feed(solve, [counter("e", "sending tarball", 5), counter("e", "sending tarball", 9)])
    assert solve.exported == 9


def test_what_a_running_step_moved() -> None:
    solve = Solve(["t"])
    feed(solve, [vertex("a", "[t context base] load", 0), counter("a", "sha256:1", 5, 10)])
    feed(solve, [counter("a", "sha256:2", 3, 6), counter("a", "sha256:3", 9, 9, done=True)])
    (running,) = solve.running()
    assert solve.moved(running) == (8, 16)
    feed(solve, [counter("a", "sha256:4", 1)])
    assert solve.moved(running) == (9, 0)


def test_a_step_cancelled_for_one_target_and_run_again_for_another() -> None:
    clock = Clock()
    solve = Solve(["a", "b"], clock=clock)
    feed(solve, [vertex("x", "[a s 1/1] RUN x", 0), vertex("x", "[b s 1/1] RUN x", 0.001)])
    clock.now += 3
    error = "exit code: 137: context canceled: context canceled"
    feed(solve, [vertex("x", "[a s 1/1] RUN x", 0, 3, error=error)])
    only = step(solve, "RUN x")
    assert only.state == "running"
    feed(solve, [vertex("x", "[b s 1/1] RUN x", 0.001, 3, error=error)])
    assert only.state == "cancelled"
    feed(solve, [vertex("x", "[b s 1/1] RUN x", 4)])
    clock.now += 2
    assert (only.state, solve.elapsed(only)) == ("running", 3 + 2)
    feed(solve, [vertex("x", "[b s 1/1] RUN x", 4, 6)])
    assert (only.state, round(only.spent, 2)) == ("done", 5.0)
    assert solve.failures() == ()


def test_cached_after_running() -> None:
    solve = Solve(["t"], clock=Clock())
    changes = feed(
        solve,
        [
            vertex("x", "[t s 1/1] RUN x"),
            vertex("x", "[t s 1/1] RUN x", 0),
            vertex("x", "[t s 1/1] RUN x", 0, 1),
            vertex("x", "[t s 1/1] RUN x", 1, 1, cached=True),
        ],
    )
    assert [change.what for change in changes] == ["running", "done", "cached"]
    assert solve.all_cached("t")


def test_a_stream_that_lags_or_ends_early_takes_nothing_back() -> None:
    solve = Solve(["a", "b"], clock=Clock())
    feed(solve, [vertex("x", "[a s 1/1] RUN x", 0), vertex("x", "[a s 1/1] RUN x", 0, 1)])
    assert feed(solve, [vertex("x", "[b s 1/1] RUN x"), vertex("x", "[b s 1/1] RUN x", 0.1)]) == []
    assert solve.tally("b") == Tally(1, 1, 0, 0, 0)


def test_a_base_that_is_found_does_not_make_a_target_uncached() -> None:
    solve = Solve(["t"])
    feed(
        solve,
        [vertex("f", "[t 1/2] FROM x", 0, 1), vertex("r", "[t 2/2] RUN x", 1, 1, cached=True)],
    )
    assert solve.all_cached("t")
    assert not Solve(["t"]).all_cached("t")


def log_lines(*pieces: bytes) -> list[str]:
    solve = Solve(["t"])
    solve.feed(vertex("x", "[t 1/1] RUN x", 0))
    changes = feed(solve, [log("x", piece) for piece in pieces])
    changes += solve.feed(vertex("x", "[t 1/1] RUN x", 0, 1))
    return [change.text for change in changes if change.what == "log"]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"a\nb\n",), ["a", "b"]),
        ((b"a", b"b\nc"), ["ab", "c"]),
        (("é".encode()[:1], "é".encode()[1:] + b"\n"), ["é"]),
        ((b"\xff\n",), ["�"]),
        ((b"10%\r50%\r", b"100%\r\n"), ["100%"]),
        ((b"10%\r", b"50%\r"), ["50%"]),
        ((b"\x1b[31mred\x1b[0m \x1b]0;title\x07x\x08\n",), ["red x"]),
        ((b"a\tb  \n\n",), ["a\tb", ""]),
        ((b"x" * 70000, b"y\n"), ["x" * 70000, "y"]),
    ],
)
def test_log_lines(pieces: tuple[bytes, ...], expected: list[str]) -> None:
    assert log_lines(*pieces) == expected


def test_the_two_streams_of_a_step_do_not_mix_within_a_line() -> None:
    solve = Solve(["t"])
    solve.feed(vertex("x", "[t 1/1] RUN x", 0))
    feed(solve, [log("x", b"out"), log("x", b"err\n", 2), log("x", b"put\n"), log("?", b"x\n")])
    assert list(step(solve, "RUN x").lines) == ["err", "output"]


def test_only_the_last_lines_are_kept() -> None:
    solve = Solve(["t"])
    solve.feed(vertex("x", "[t 1/1] RUN x", 0))
    feed(solve, [log("x", b"%d\n" % number) for number in range(100)])
    assert list(step(solve, "RUN x").lines) == [str(number) for number in range(60, 100)]


def test_the_clock_is_ours_not_the_builders() -> None:
    clock = Clock()
    solve = Solve(["t"], clock=clock)
    solve.feed(vertex("x", "[t 1/1] RUN x", 999))
    clock.now += 7
    assert [solve.elapsed(step) for step in solve.running()] == [7]


def test_every_recorded_stream_can_be_cut_anywhere() -> None:
    for name in ("two", "failing_two", "interrupted", "linked", "multi"):
        for end in range(0, len(lines(name)), 7):
            solve = Solve(clock=Clock())
            feed(solve, lines(name)[:end])
            assert all(
                solve.tally(target).done <= solve.tally(target).total for target in solve.targets
            )


def test_a_bake_that_succeeded_leaves_no_step_waiting() -> None:
    solve = Solve(["t"])
    feed(solve, [vertex("a", "[t 1/2] RUN x", 0, 1), vertex("b", "[t 2/2] RUN y")])
    assert solve.tally("t") == Tally(total=2, done=1)
    solve.succeed(["other"])
    assert solve.tally("t") == Tally(total=2, done=1)
    solve.succeed(["t"])
    assert solve.tally("t") == Tally(total=2, done=2, cached=1)
    assert solve.finished("t")


def test_what_is_nearly_done_has_no_program_yet_to_start() -> None:
    solve = Solve(["runs", "waits"])
    feed(
        solve,
        [
            vertex("i", "[runs internal] load build definition", 0, 1),
            # BuildKit does not say that this is in its cache: what builds on it runs.
            vertex("t", "[runs tools 1/1] RUN install"),
            vertex("a", "[runs build 1/1] RUN compile", 0, inputs=["t"]),
            vertex("b", "[runs runs 1/1] COPY --from=build /out /"),
            vertex("c", "[waits build 1/1] RUN compile", 0),
            vertex("d", "[waits waits 1/1] RUN package"),
        ],
    )
    assert (solve.nearly("runs"), solve.nearly("waits"), solve.nearly("?")) == (True, False, False)
    # As buildx stops it when another target has failed.
    feed(solve, [vertex("a", "[runs build 1/1] RUN compile", 0, 1, error="context canceled")])
    assert solve.nearly("runs")


def test_what_another_bake_began_before_does_not_count_as_this_ones_time() -> None:
    solve = Solve(["t"])
    feed(
        solve,
        [
            vertex("i", "[internal] load local bake definitions", 100, 101),
            vertex("a", "[t 1/3] RUN ended before", 10, 40),
            vertex("b", "[t 2/3] RUN shared", 20, 104),
            vertex("c", "[t 3/3] RUN own", 104, 106),
        ],
    )
    assert solve.seconds("t") == 6
