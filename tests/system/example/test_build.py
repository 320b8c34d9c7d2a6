"""`pdbuild build` as a user without root: incremental, in the dev image, at the host's paths."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.conftest import until_gone
from system.project import Project, give


@pytest.fixture(scope="module")
def loop(paddle: Project) -> Iterator[Project]:
    """A clone to build in, with the dev image there already."""
    paddle.succeeds("bake", "--quiet", "dev")
    root = paddle.user.home / "loop"
    paddle.runs("git", "clone", "--quiet", str(paddle.root), str(root))
    yield Project(user=paddle.user, root=root, program=paddle.program)


@pytest.fixture(scope="module")
def built(loop: Project) -> str:
    """What the first build prints. Edited: the first edit alone makes the version `-dirty`."""
    edit(loop, "src/cli/main.cc")
    return loop.succeeds("build")


def edit(loop: Project, path: str) -> None:
    """Change a file of the source as an editor does."""
    file = loop.root / "examples/paddle" / path
    file.write_text(file.read_text() + f"// {time.time_ns()}\n")
    give(loop.user, file)


def test_it_compiles_and_tests_the_default(loop: Project, built: str) -> None:
    assert "100% tests passed" in built
    last = built.strip().splitlines()[-3:]
    assert re.fullmatch(r"paddle \S+, variant cpu \(GPU=OFF AVX=ON TEST=ON\):", last[0])
    assert last[1] == "  build/cpu/"
    assert re.fullmatch(r"  tests: \d+ passed or skipped, of these skipped: \d+", last[2])
    assert (loop.root / "build/cpu/bin/paddle").is_file()
    build = loop.root / "build"
    assert [p for p in build.rglob("*") if p.lstat().st_uid != loop.user.uid] == []
    assert not (build / "Dockerfile").exists(), "no package was asked for"


def test_nothing_changed_starts_nothing(loop: Project, built: str) -> None:
    loop.succeeds("build")
    ended = (loop.root / "build/dev/cpu/.pdbuild-ended").stat().st_mtime_ns
    said = loop.succeeds("build")
    assert said.startswith("nothing has changed since the last build of\npaddle ")
    assert re.search(r"tests: \d+ passed", said)
    assert (loop.root / "build/dev/cpu/.pdbuild-ended").stat().st_mtime_ns == ended


def test_an_output_that_is_gone_is_made_again(loop: Project, built: str) -> None:
    (loop.root / "build/cpu/bin/paddle").unlink()
    assert "nothing has changed" not in loop.succeeds("build")
    assert (loop.root / "build/cpu/bin/paddle").is_file()


def test_one_edited_file_is_all_that_is_compiled(loop: Project, built: str) -> None:
    edit(loop, "src/nn/model.cc")
    said = loop.succeeds("build")
    compiled = re.findall(r"Building CXX object .*/(\S+)\.o$", said, re.MULTILINE)
    assert compiled == ["model.cc"]


def test_the_compile_commands_are_right_on_the_host(loop: Project, built: str) -> None:
    tree = loop.root / "build/dev/cpu"
    for command in json.loads((tree / "compile_commands.json").read_text()):
        assert command["directory"] == str(tree)
        assert Path(command["file"]).is_file()
    assert not list(loop.root.glob("examples/paddle/**/__pycache__")), "the source is read-only"


def test_options_choose_the_variant_and_output_the_place(loop: Project, built: str) -> None:
    elsewhere, closed = loop.root.parent / "built-elsewhere", (loop.root, loop.root / "build")
    words = ("--set", "AVX=OFF", "--set", "TEST=OFF", "-j", "1", "--package")
    for folder in closed:
        folder.chmod(0o555)
    try:
        said = loop.succeeds("build", *words, f"--output={elsewhere}")
    finally:
        for folder in closed:
            folder.chmod(0o755)
    build = elsewhere / "build"
    assert "variant noavx (GPU=OFF AVX=OFF TEST=OFF):" in said and "tests:" not in said
    assert f"  {build}/noavx/\n" in said
    assert (build / "noavx/bin/paddle").is_file() and (build / "compile_commands.json").is_file()
    assert len(list(build.glob("paddle-[0-9]*-noavx.deb"))) == 1
    assert "ARG VARIANT=noavx\n" in (build / "Dockerfile").read_text()
    assert (loop.root / "build/cpu/bin/paddle").is_file()
    wrong = loop.pdbuild("build", "--variant", "noavx", "--set", "AVX=ON")
    assert wrong.returncode == 2 and "variant noavx is defined by AVX=OFF" in wrong.stderr
    wrong = loop.pdbuild("build", "--set", "AVX=yes")
    assert wrong.returncode == 2 and "not a value" in wrong.stderr


def test_one_target_alone(loop: Project, built: str) -> None:
    edit(loop, "src/nn/model.cc")
    edit(loop, "src/cli/train.cc")
    said = loop.succeeds("build", "--target", "paddle")
    assert "model.cc.o" in said and "train.cc.o" not in said and "tests passed" not in said
    assert "train.cc.o" in loop.succeeds("build")


def test_clean_compiles_all_of_it_from_the_compiler_cache(loop: Project, built: str) -> None:
    loop.succeeds("build")
    said = loop.succeeds("build", "--clean", "--set", "TEST=OFF")
    steps = re.findall(r"^\[\d+/(\d+)\]", said, re.MULTILINE)
    assert steps and int(steps[-1]) > 50


def test_a_failing_test_and_a_failing_compile_are_the_exit_code(loop: Project, built: str) -> None:
    test = loop.root / "examples/paddle/tests/tensor_test.cc"
    before = test.read_text()
    try:
        test.write_text(before + "\nTEST(Planted, Fails) { EXPECT_EQ(1, 2); }\n")
        done = loop.pdbuild("build")
        assert done.returncode == 8 and "Planted.Fails (Failed)" in done.stdout + done.stderr
        assert "Planted.Fails" in loop.pdbuild("build").stdout, "it is not taken for well done"
        test.write_text(before + "\nnonsense\n")
        done = loop.pdbuild("build")
        assert done.returncode == 1
        assert f"{test}:" in done.stdout + done.stderr, "the host's path, to be clicked at"
    finally:
        test.write_text(before)
    loop.succeeds("build")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_it_at_once_and_the_tree_stays_usable(
    loop: Project, built: str, number: signal.Signals
) -> None:
    before = set(loop.user.processes())
    process = loop.start("build", "--clean")
    assert process.stdout
    for line in process.stdout:
        if line.startswith("[3/"):
            break
    running = [int(line.split()[0]) for line in loop.user.processes() if line not in before]
    assert any(pid != process.pid for pid in running)
    process.send_signal(number)
    started = time.monotonic()
    _, told = process.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert process.returncode == 130 and "interrupted" in told
    until_gone(running)
    said = loop.succeeds("build", "--set", "TEST=OFF")
    assert "variant cpu" in said


def test_a_killed_pdbuild_leaves_nothing_running(loop: Project, built: str) -> None:
    before = set(loop.user.processes())
    process = loop.start("build", "--clean")
    assert process.stdout
    for line in process.stdout:
        if line.startswith("[3/"):
            break
    running = [int(line.split()[0]) for line in loop.user.processes() if line not in before]
    process.kill()
    until_gone(running)
    process.communicate(timeout=30)
    loop.succeeds("build")


def test_through_podman_it_is_the_same(loop: Project, built: str) -> None:
    edit(loop, "src/nn/model.cc")
    said = loop.succeeds("build", env={"PDBUILD_DIRECT": "0"})
    assert re.findall(r"Building CXX object .*/(\S+)\.o$", said, re.MULTILINE) == ["model.cc"]
    build = loop.root / "build"
    assert [p for p in build.rglob("*") if p.lstat().st_uid != loop.user.uid] == []


def test_a_device_is_given_to_it(loop: Project, built: str) -> None:
    loop.succeeds("build")
    failed = loop.pdbuild("build", "--device", "pdbuild.test/none=all")
    assert failed.returncode == 1
    assert "describes the device pdbuild.test/none=all" in failed.stderr
    assert "nothing has changed" not in loop.succeeds("build", "--device", "/dev/fuse")
