"""Buildah's words become the events that the views know."""

import pytest

from pdbuild.engine.buildah import graph
from pdbuild.engine.buildah.output import Names, Output
from pdbuild.engine.buildah.text import adapted
from pdbuild.engine.buildah.version import Dialect
from pdbuild.plan.instructions import Bind, Copy, Env, Run, Stage, Workdir
from pdbuild.plan.types import Form, Plan, Target
from pdbuild.progress import Solve
from pdbuild.version import Version

STAGES = (
    Stage(
        name="tools",
        base="debian:trixie-slim",
        comment="",
        instructions=(
            Env(name="A", value="b"),
            Run(argv=("bash", "one")),
            Run(argv=("bash", "two"), mounts=(Bind(source="src", target="/src"),)),
            Workdir(path="/w"),
        ),
    ),
    Stage(
        name="out",
        base="scratch",
        comment="",
        instructions=(Copy(stage="tools", source="/x", target="/"),),
    ),
)


def target(name: str, stage: str) -> Target:
    return Target(name=name, stage=stage, kind="image", form=Form.IMAGE, description="")


PLAN = Plan(
    project="p",
    version=Version("1"),
    root="/p",
    base="debian:trixie-slim",
    platforms=("linux/amd64",),
    stages=STAGES,
    targets=(target("first", "out"), target("second", "tools")),
    groups={},
)
GRAPH = graph.make(PLAN, {"debian:trixie-slim": "oci-layout:///b@sha256:1"})
OLD = Dialect(version=(1, 28, 2))


def solved(lines: str, *, code: int | None = 0) -> tuple[Solve, Output]:
    """What a view knows after the stage `tools` has said these lines and ended."""
    node = GRAPH.node("tools")
    names = Names(GRAPH)
    output = Output(node, adapted(node.stage, OLD, lambda run: "0123"), names)
    solve = Solve(["first", "second"])
    events = names.announcement()
    for line in lines.splitlines(keepends=True):
        events += output.feed(line.encode())
    if code is not None:
        events += output.failed(code) if code else output.finished()
    for event in events.splitlines():
        solve.feed(event)
    return solve, output


def states(solve: Solve) -> dict[str, str]:
    return {f"{s.name.stage} {s.name.position}": s.state for s in solve.steps}


GOOD = """\
STEP 1/8: FROM 0123 AS tools
STEP 2/8: ENV A=b
--> 4a8f2c1e5372
STEP 3/8: RUN ["bash", "one"]
--> Using cache 4a8f2c1e53724a8f2c1e53724a8f2c1e53724a8f2c1e53724a8f2c1e53724a8f
STEP 4/8: ARG PDBUILD_BOUND=0123
STEP 5/8: RUN --mount=type=bind,source=src,target=/src ["bash", "two"]
said by two
STEP 9/9: not a step
STEP 6/8: COPY --from=pdbuild-folders /plain/ /w/
STEP 7/8: WORKDIR /w
COMMIT
Getting image source signatures
Copying blob sha256:fff8
"""


def test_steps_have_buildkits_numbers_and_states() -> None:
    solve, _ = solved(GOOD)
    assert states(solve) == {"tools 1": "cached", "tools 2": "done", "tools 3": "done",
                             "out 1": "waiting"}  # fmt: skip
    two = next(step for step in solve.steps if step.name.text.endswith('["bash", "two"]'))
    assert list(two.lines) == ["said by two", "STEP 9/9: not a step"]
    assert set(two.targets) == {"first", "second"}


def test_a_step_that_fails_is_reported_as_buildkit_would() -> None:
    lines = GOOD.split("STEP 6/8")[0]
    lines += 'Error: building at STEP "RUN bash two": while running runtime: exit status 3\n'
    solve, _ = solved(lines, code=3)
    (failure,) = solve.failures()
    assert failure.stage == "tools"
    assert failure.number == (2, 3)
    assert failure.exit_code == 3
    assert failure.lines == ("said by two", "STEP 9/9: not a step")


def test_a_step_that_fails_isolated_by_chroot_is_reported_so_too() -> None:
    lines = GOOD.split("STEP 6/8")[0]
    lines += "subprocess exited with status 3\n" * 2
    lines += 'Error: building at STEP "RUN bash two": exit status 3\n'
    solve, _ = solved(lines, code=3)
    (failure,) = solve.failures()
    assert failure.exit_code == 3
    assert failure.lines == ("said by two", "STEP 9/9: not a step")


@pytest.mark.parametrize("prefix", ["Error: building at", "error building at"])
def test_a_step_that_is_no_command_names_no_file_of_the_storage(prefix: str) -> None:
    where = "/home/u/.cache/pdbuild/buildah/1.28-overlay/root/overlay/" + "ab" * 32 + "/merged"
    lines = GOOD.split("STEP 4/8")[0]
    lines += f'{prefix} STEP "COPY x /y": checking on sources under "{where}": no such file\n'
    solve, output = solved(lines, code=125)
    (failure,) = solve.failures()
    assert failure.exit_code is None
    assert output.error == 'checking on sources under "": no such file'


def test_what_stops_buildah_before_any_step_is_its_own_error() -> None:
    solve, output = solved("Error: creating build container: no space left on device\n", code=125)
    assert solve.failures() == ()
    assert output.error == "Error: creating build container: no space left on device"


def test_a_program_that_cannot_be_started_is_told_in_the_runtimes_words_alone() -> None:
    lines = GOOD.split("said by two")[0]
    lines += (
        "error running container: from /usr/bin/runc creating container for [nope]: "
        'time="2026-01-01T00:00:00Z" level=warning msg="unable to get oom kill count"\n'
        'time="2026-01-01T00:00:00Z" level=error msg="runc create failed: exec: \\"nope\\": '
        'executable file not found in $PATH"\n'
        ": exit status 1\n"
        'Error: building at STEP "RUN nope": while running runtime: exit status 1\n'
    )
    solve, _ = solved(lines, code=1)
    (failure,) = solve.failures()
    assert failure.lines == (
        'runc create failed: exec: "nope": executable file not found in $PATH',
    )
    assert failure.exit_code == 1


def test_what_is_stopped_has_not_failed() -> None:
    solve, output = solved(GOOD.split("said by two")[0], code=None)
    for event in output.stopped().splitlines():
        solve.feed(event)
    assert states(solve)["tools 2"] == "cancelled"
    assert solve.failures() == ()


def test_a_stage_with_other_arguments_or_labels_is_another_node() -> None:
    from dataclasses import replace

    labelled = replace(PLAN.targets[1], labels={"a": "b"})
    plan = replace(PLAN, targets=(PLAN.targets[0], labelled))
    made = graph.make(plan, {})
    assert [node.id for node in made.nodes] == ["tools", "out", "tools~2"]
    assert made.node(made.targets["second"]).labels == {"a": "b"}
    assert made.node("out").needs == {"tools": "tools"}
    assert made.node("tools").images == {"debian:trixie-slim": "debian:trixie-slim"}
