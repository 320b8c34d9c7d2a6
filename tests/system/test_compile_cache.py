"""What one project compiled, another of the same source finds: by redis, in a folder, by HTTP."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.compilecache.folder import serving

from .conftest import User
from .project import Project, sample

PASSWORD = f"pa55word-{os.urandom(8).hex()}"  # a checkout of this file is in some homes


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """The address of a redis-server, without the password that it wants."""
    program = shutil.which("redis-server")
    assert program, "scripts/setup test installs it"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", "/tmp"]
    with subprocess.Popen([*words, "--requirepass", PASSWORD], stdout=subprocess.DEVNULL) as served:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
        served.terminate()


def named(user: User, python: Path, name: str) -> Project:
    """The small CMake project under another name: with caches of its own, and the same tools."""
    made = sample(user, python, "hello", name)
    recipe = (made.root / "pdbuild.toml").read_text()
    made.written("pdbuild.toml", recipe.replace('name = "hello"', f'name = "{name}"'))
    return made


def said(project: Project) -> list[str]:
    """What the steps of the last bake said of the cache."""
    log = project.succeeds("log")
    return [
        line.partition("compile cache ")[2] for line in log.splitlines() if "compile cache" in line
    ]


def test_objects_travel_and_the_cache_decides_nothing(
    user: User, pdbuild_python: Path, hello: Project, redis: str, tmp_path: Path
) -> None:
    shared = user.home / "objects"
    begun = tmp_path / "begun"
    begun.touch()
    with_redis = {"PDBUILD_CACHE": f"redis://:{PASSWORD}@{redis}"}
    one = named(user, pdbuild_python, "one")
    one.succeeds("bake", "binaries", env=with_redis)
    first, _ = said(one)  # the second variant finds in its own ccache what is the same
    assert first.startswith(f"redis://{redis}: 0 found, ") and not first.endswith(" 0 writes")

    two = named(user, pdbuild_python, "two")
    two.succeeds("bake", "binaries", env=with_redis)
    first = said(two)[0]
    assert first.startswith(f"redis://{redis}: ") and first.endswith(" found, 0 writes")
    assert not first.startswith(f"redis://{redis}: 0 ")

    # Another cache, or none, and the engine asked again: not a step of it runs.
    with_folder = {"PDBUILD_CACHE": f"file:{shared}"}
    for other in (with_folder, {"PDBUILD_CACHE": "redis://127.0.0.1:1"}, {}):
        two.succeeds("bake", "binaries", "--again", env=other)
        assert two.ran() == []

    # What nobody can be asked for is said, and compiled.
    two.written(
        "src/words.c", (two.root / "src/words.c").read_text() + "\nint more(void) { return 1; }\n"
    )
    done = two.pdbuild("bake", "binaries", env={"PDBUILD_CACHE": "redis://127.0.0.1:1"})
    assert done.returncode == 0
    assert (
        "note: the compile cache redis://127.0.0.1:1 cannot be reached" in done.stderr + done.stdout
    )

    three = named(user, pdbuild_python, "three")
    three.succeeds("bake", "binaries", env=with_folder)
    four = named(user, pdbuild_python, "four")
    four.succeeds("bake", "binaries", env={"PDBUILD_CACHE": f"file:{shared}|read-only"})
    assert said(four)[0].endswith(" found, 0 writes")
    assert not said(four)[0].startswith(f"file:{shared}: 0 ")

    with serving(shared, read_only=True) as served:
        five = named(user, pdbuild_python, "five")
        five.succeeds("bake", "binaries", env={"PDBUILD_CACHE": f"{served.text}|read-only"})
    http = f"http://{served.host}:{served.port}: "
    assert said(five)[0].startswith(http) and said(five)[0].endswith(" found, 0 writes")
    assert not said(five)[0].startswith(f"{http}0 ")

    # Nobody knew it before: what has not changed since cannot have it. The control can be found.
    control = two.written("control", f"x{PASSWORD}x")
    found = subprocess.run(
        ["find", user.home, f"/tmp/pdbuild-{user.uid}", "-type", "f", "-cnewer", begun,
         "-exec", "grep", "-laF", "-e", PASSWORD, "{}", "+"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout.split() == [str(control)]
