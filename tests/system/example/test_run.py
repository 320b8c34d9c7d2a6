"""`pdbuild run`, `logs` and `stop` as a user types them."""

import json
import signal
import time
from dataclasses import replace
from pathlib import Path

from pdbuild.platforms import native
from system.project import Project

PROGRAM = """
import os, sys
with open("written.txt", "w") as file:
    file.write(" ".join(sys.argv[1:]) + os.environ.get("WORD", ""))
print(os.getcwd(), os.getuid(), os.path.exists("/extra/seen"))
sys.exit(7)
"""


def test_an_image_that_is_missing_is_baked_first(greet: Project) -> None:
    text = (greet.root / "pdbuild.toml").read_text()
    # A version that no other test has baked.
    greet.written("pdbuild.toml", text.replace('"1.2.0"', '"1.2.1"'))
    done = greet.pdbuild("run", "--variant", "french", "greet", "you")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Bonjour, you!\n"
    assert "localhost/greet:1.2.1-french is not there yet: baking image-french" in done.stderr
    assert not (greet.root / "build").exists()
    again = greet.pdbuild("run", "greet", "--variant", "french", "you")
    assert (again.stdout, again.stderr) == ("Bonjour, you!\n", "")
    images = [image["reference"] for image in json.loads(greet.succeeds("images", "--json"))]
    assert "localhost/greet:1.2.1-french" in images


def test_a_program_here_runs_as_the_user(paddle: Project, version: str) -> None:
    paddle.written("extra/seen", "")
    program = paddle.written("prog.py", PROGRAM)
    program.chmod(0o644)
    done = paddle.pdbuild(
        "run", "-e", "WORD=!", "-v", f"{paddle.root}/extra:/extra:ro", "prog.py", "a", "--variant"
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout == f"/work {paddle.user.uid} True\n"
    written = paddle.root / "written.txt"
    assert written.read_text() == "a --variant!"
    assert written.stat().st_uid == paddle.user.uid


def test_what_is_up_to_date_runs_without_its_recipe(paddle: Project, version: str) -> None:
    profiled = {"PYTHONPROFILEIMPORTTIME": "1"}
    deadline = time.monotonic() + 30
    imported = {"pdbuild.recipe"}
    # What has changed within the last seconds may change again, and is looked at anew.
    while "pdbuild.recipe" in imported and time.monotonic() < deadline:
        done = paddle.pdbuild("run", "paddle", "version", env=profiled)
        assert version in done.stdout
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pdbuild.lastrun" in imported
    assert not {"pdbuild.recipe", "pydantic", "plumbum", "python_on_whales"} & imported


def test_a_signal_reaches_the_program(paddle: Project, version: str) -> None:
    paddle.written(
        "waits.py",
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n",
    )
    process = paddle.start("run", "waits.py")
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 9


def test_detached_with_logs_and_stop(paddle: Project, version: str) -> None:
    paddle.written("beat.py", "import time\nprint('started', flush=True)\ntime.sleep(600)\n")
    identity = paddle.succeeds("run", "-d", "beat.py").strip()
    assert len(identity) == 64
    deadline = time.monotonic() + 20
    while "started" not in paddle.succeeds("logs", identity[:12]):
        assert time.monotonic() < deadline
    paddle.succeeds("stop", "-t", "1", identity[:12])
    assert paddle.pdbuild("logs", identity).returncode == 2


def test_an_image_runs_where_no_recipe_is(paddle: Project, version: str) -> None:
    elsewhere = replace(paddle, root=paddle.user.home / "no-recipe")
    elsewhere.written("b.py", "import os; print(os.getcwd(), os.listdir())")
    assert elsewhere.succeeds("run", f"paddle:{version}", "b.py") == "/work ['b.py']\n"
    assert elsewhere.succeeds("shell", "localhost/paddle:dev", "ls") == "b.py\n"
    listed = elsewhere.succeeds("images", f"paddle:{version}")
    assert listed.count(f" {native().name} ") == 1
    wrong = elsewhere.pdbuild("run", f"paddle:{version}x", "b.py")
    assert wrong.returncode == 2 and f"near it: paddle:{version}" in wrong.stderr


def test_wrong_uses_are_said(paddle: Project, version: str) -> None:
    missing = paddle.pdbuild("run", "nowhere.py")
    assert missing.returncode == 2
    assert "there is no file nowhere.py" in missing.stderr
    unknown = paddle.pdbuild("run", "a.py", "--variant", "gpu-noavxx")
    assert unknown.returncode == 2
    assert "did you mean 'gpu-noavx'?" in unknown.stderr
    for name in ("nosuchprog", "echo"):  # which the image's shell has, and no package
        lacking = paddle.pdbuild("run", name)
        assert lacking.returncode == 127
        assert lacking.stderr == f"error: there is no program {name} in this image\n"


def test_other_uids_and_no_home(paddle: Project, version: str) -> None:
    said = paddle.runs(
        *("podman", "run", "--rm", "--network=host", "--user=12345:12345", "-e", "HOME="),
        *("-v", f"{paddle.root}:/work:ro", f"localhost/paddle:{version}", "/work/a.py"),
    )
    assert "accuracy" in said
    home = "import os, pathlib; p = pathlib.Path.home() / 'x'; p.write_text(''); print(p)"
    said = paddle.runs(
        *("podman", "run", "--rm", "--network=host", "--user=12345:12345"),
        *(f"localhost/paddle:{version}", "python3", "-c", home),
    )
    assert Path(said.strip()).name == "x"


def test_a_program_runs_on_one_platform(paddle: Project, version: str) -> None:
    many = paddle.pdbuild("run", "a.py", "--platform", "linux/amd64,linux/arm64")
    assert many.returncode == 2
    assert "a program runs on one platform" in many.stderr


def test_an_image_of_another_setting_is_out_of_date(greet: Project) -> None:
    text = (greet.root / "pdbuild.toml").read_text()
    option = 'LOUD = { default = "OFF", description = "Speaks up" }\n\n[variants]'
    greet.written("pdbuild.toml", text.replace("[variants]", option))
    greet.succeeds("run", "greet")
    again = greet.pdbuild("run", "greet")
    assert again.returncode == 0 and "baking" not in again.stderr
    loud = greet.pdbuild("run", "--set", "LOUD=ON", "greet")
    assert loud.returncode == 0, loud.stderr
    assert "(an option or the version changed): baking image-english" in loud.stderr
