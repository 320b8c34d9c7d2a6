"""What a person reads when a step fails: exact texts."""

from dataclasses import replace

from progress_bits import log, solved, vertex

from pdbuild.progress import Failure, Solve, report

FAILURE = Failure(
    targets=("binaries-cpu",),
    stage="binaries-cpu",
    number=(4, 6),
    instruction='RUN --mount=type=cache,target=/c ["bash", "-euo", "pipefail", "-c", "build"]',
    exit_code=1,
    error="exit code: 1",
    lines=("[1/2] CC a.o", "", "ninja: error: no rule"),
)


def test_a_step() -> None:
    assert (
        report(FAILURE, command="pdbuild bake binaries-cpu --progress=plain")
        == """\
error: binaries-cpu: step 4/6 failed (exit code 1): RUN build
  | [1/2] CC a.o
  |
  | ninja: error: no rule
hint: pdbuild bake binaries-cpu --progress=plain"""
    )


def test_what_is_left_out_and_where_it_is() -> None:
    left_out = replace(FAILURE, lines=("a.c:1:2: error: x",), more=3, log="/logs/1.log")
    assert (
        report(left_out, command="x")
        == """\
error: binaries-cpu: step 4/6 failed (exit code 1): RUN build
  | a.c:1:2: error: x
  3 more errors; all of its output: /logs/1.log
hint: x"""
    )
    assert "\n  1 more error\n" in report(replace(FAILURE, more=1), command="x")


def test_a_host_that_was_not_reached_comes_first_and_only_of_a_step_that_downloads() -> None:
    said = "E: Failed to fetch http://a.example/x.deb  Unable to connect to a.example:http:"
    for mount, first in (
        ("--mount=type=secret,id=network", "error: a.example cannot be reached; nothing is lost"),
        ("--mount=type=cache,target=/c", "error: dev: step 1/1 of stage"),
    ):
        solve = Solve(("dev",))
        name = f'[toolchain 1/1] RUN {mount} ["bash", "-c", "apt-install x"]'
        solve.feed(vertex("a", name, 1))
        solve.feed(log("a", f"{said}\nE: Some files failed to download\n".encode()))
        error = 'process "x" did not complete successfully: exit code: 100'
        solve.feed(vertex("a", name, 1, 2, error=error))
        text = report(solve.failures()[0], command="x")
        assert text.startswith(first)
        assert "dev: step 1/1" in text and f"  | {said}" in text


def test_a_stage_of_several_targets_for_a_platform() -> None:
    failure = Failure(
        targets=("cpu", "gpu"),
        stage="dev",
        number=(1, 2),
        instruction="RUN " + "x" * 200,
        exit_code=None,
        error="",
        lines=(),
        platform="linux/arm64",
    )
    head = "error: cpu, gpu: step 1/2 of stage dev for linux/arm64 failed: RUN "
    assert report(failure, command="x") == f"{head}{'x' * 115}…\nhint: x"


def test_a_recorded_failure_that_says_little_shows_its_last_lines() -> None:
    (failure,) = solved("failing_two", "binaries-cpu", "broken").failures()
    numbers = "\n".join(f"  | line {number}" for number in range(37, 51))
    assert (
        report(failure, command="pdbuild bake broken --progress=plain")
        == f"""\
error: broken: step 2/3 failed (exit code 3): RUN for i in $(seq 1 50); do echo line $i; done; \
echo ninja: error: no rule >&2; exit 3
{numbers}
  | ninja: error: no rule
hint: pdbuild bake broken --progress=plain"""
    )


def test_a_file_that_is_not_there() -> None:
    (failure,) = solved("missing", "lint").failures()
    text = report(failure, command="pdbuild bake lint")
    head, why, hint = text.splitlines()
    assert head == "error: lint: step 1/1 failed: COPY missing /x"
    assert why.startswith("  | failed to calculate checksum of ref ")
    assert why.endswith(': "/missing": not found')
    assert hint == "hint: pdbuild bake lint"


def test_an_export() -> None:
    failure = Failure(
        targets=("cpu",),
        stage="",
        number=None,
        instruction="exporting to oci image format",
        exit_code=None,
        error="no space left on device",
        lines=(),
    )
    assert (
        report(failure, command="x")
        == """\
error: cpu: exporting to oci image format failed
  | no space left on device
hint: x"""
    )
