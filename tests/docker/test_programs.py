"""`pdbuild run` and `shell` by Docker: as the caller, with the words and the end of the program."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from system.project import Project

IMAGE = "paddle:9"
# The image has no `sleep`.
WAITS = "import time; print('ready', flush=True); time.sleep(100)"
HEARS = """
import signal, sys
def heard(*_):
    print("heard")
    sys.exit(3)
signal.signal(signal.SIGTERM, heard)
"""


@pytest.fixture(scope="module")
def loaded(project: Project, production: str) -> Iterator[Project]:
    """The project, whose production image is in pdbuild's store, and not in Docker."""
    project.runs("docker", "tag", "paddle", f"localhost/{IMAGE}")
    project.runs("docker", "save", "--output", "image.tar", f"localhost/{IMAGE}")
    project.runs("docker", "image", "rm", f"localhost/{IMAGE}")
    project.succeeds("load", "image.tar")
    (project.root / "image.tar").unlink()
    yield project
    project.runs("docker", "image", "rm", "--force", f"localhost/{IMAGE}")


def ours(project: Project) -> str:
    """The containers of pdbuild's that the engine has."""
    words = ("ps", "--all", "--quiet", "--filter", "label=pdbuild.project")
    return project.runs("docker", *words).strip()


def test_a_program_runs_as_the_caller(loaded: Project) -> None:
    loaded.written("who.py", "import os\nopen('made', 'w').write(f'{os.getuid()} {os.getcwd()}')\n")
    loaded.succeeds("run", "--runtime", "docker", IMAGE, "who.py")
    made = loaded.root / "made"
    assert made.read_text() == f"{loaded.user.uid} /work"
    assert made.stat().st_uid == loaded.user.uid
    assert not ours(loaded)
    assert "accuracy" in loaded.succeeds("run", "--runtime", "docker", IMAGE, "a.py")


def test_input_output_and_exit_codes_are_the_programs(loaded: Project) -> None:
    program = (loaded.program, "run", "--runtime", "docker", IMAGE)
    script = "read x; echo got $x; echo bad >&2; exit 7"
    done = loaded.user.run([*program, "bash", "-c", script], cwd=loaded.root, input="it\n")
    assert (done.stdout, done.stderr, done.returncode) == ("got it\n", "bad\n", 7)
    missing = loaded.pdbuild("run", "--runtime", "docker", IMAGE, "no-such-program")
    assert missing.returncode == 127
    assert missing.stderr == "error: there is no program no-such-program in this image\n"


def test_signals_reach_a_program_and_end_one_that_hears_none(loaded: Project) -> None:
    for script, code in ((HEARS + WAITS, 3), (WAITS, 143)):
        words = ("run", "--runtime", "docker", IMAGE, "python3", "-c", script)
        with loaded.start(*words) as running:
            assert running.stdout and running.stdout.readline() == "ready\n"
            running.send_signal(signal.SIGTERM)
            out, err = running.communicate(timeout=30)
        assert running.returncode == code, err
        assert out == ("heard\n" if code == 3 else "")
        assert not ours(loaded)


def test_nothing_stays_when_pdbuild_is_killed(loaded: Project) -> None:
    words = ("run", "--runtime", "docker", IMAGE, "python3", "-c", WAITS)
    with loaded.start(*words) as running:
        assert running.stdout and running.stdout.readline() == "ready\n"
        assert ours(loaded)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        deadline = time.monotonic() + 20
        while ours(loaded):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_program_in_the_background_is_found_by_its_id(loaded: Project) -> None:
    words = ("run", "--detach", "--runtime", "docker", IMAGE, "python3", "-c", WAITS)
    container = loaded.succeeds(*words).strip()
    deadline = time.monotonic() + 20
    while loaded.succeeds("logs", container[:12]) != "ready\n":
        assert time.monotonic() < deadline
    assert ours(loaded)
    loaded.succeeds("stop", container[:12])
    assert not ours(loaded)


def test_a_shell_in_an_image(loaded: Project) -> None:
    asked = "import os, socket; print(os.getuid(), os.getcwd(), socket.gethostname())"
    said = loaded.succeeds("shell", "--runtime", "docker", IMAGE, "python3", "-c", asked)
    assert said.split() == [str(loaded.user.uid), "/work", "paddle"]


def test_an_engine_that_is_not_there_is_said(loaded: Project) -> None:
    env = {"DOCKER_HOST": "unix:///nowhere.sock"}
    done = loaded.pdbuild("run", "--runtime", "docker", IMAGE, "a.py", env=env)
    assert done.returncode == 1
    assert done.stderr.startswith("error: docker: ") and "hint: " in done.stderr


def test_the_choice_is_said_once(loaded: Project) -> None:
    env = {"PDBUILD_CACHE_DIR": str(loaded.root / "fresh-cache")}
    said = [loaded.pdbuild("run", IMAGE, "a.py", env=env).stderr for _ in range(2)]
    choice = "runtime: podman (a Docker Engine is here, too: --runtime docker)\n"
    assert [choice in text for text in said] == [True, False]
