"""Jobs of a user's programs on the real engine: several at once, and those that are left."""

import shutil

from .project import Project, give, left_over
from .test_api import ran
from .test_failures import SLOW

# Two jobs at once, each watched by a thread; nothing of this process changes.
THREADS = """
import os, signal, sys, threading
from pathlib import Path
import pdbuild

def process():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    return Path.cwd(), dict(os.environ), [signal.getsignal(n) for n in numbers]

before, told, made = process(), {}, {}

def bake(folder):
    job = pdbuild.bake("images", "binaries-french", project=folder)
    told[folder] = list(job)
    made[folder] = job.result()

threads = [threading.Thread(target=bake, args=(folder,)) for folder in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert process() == before
for folder in sys.argv[1:]:
    events = told[folder]
    steps = [event for event in events if isinstance(event, pdbuild.Step) and event.number]
    done = [event for event in steps if event.state in ("done", "cached")]
    lines = [event for event in events if isinstance(event, pdbuild.Line)]
    assert done and lines and 0 < done[-1].done <= done[-1].total, events
    assert any("french" in event.stage for event in lines)
    assert isinstance(events[-1], pdbuild.Made)
    assert events[-1].report == made[folder].report
    rows = {row.target: row.where for row in made[folder].report.rows}
    assert set(rows) == {"image-english", "image-french", "binaries-french"}, rows
    assert Path(folder, "build/french/bin/greet").exists(), rows
print("all is well")
"""

# A bake that never ends is left by its loop, and then by the whole program.
LEFT = """
import sys, time
import pdbuild

def begun(job):
    for event in job:
        if isinstance(event, pdbuild.Line) and event.text == "compiling fr":
            return event

with pdbuild.bake("binaries", project=sys.argv[1]) as first:
    assert begun(first)
    began = time.monotonic()
assert time.monotonic() - began < 20
try:
    first.result()
except pdbuild.Interrupted as error:
    print(error.message, flush=True)
second = pdbuild.bake("binaries", project=sys.argv[1])
assert begun(second)
print("begun again", flush=True)
time.sleep(600)
"""


def test_two_bakes_in_two_threads(greet: Project) -> None:
    other = greet.root.with_name(f"{greet.root.name}-other")
    shutil.copytree(greet.root, other)
    for root in (greet.root, other):  # so that each compiles
        (root / "src/main.c").write_text(f"// {root}\n{(root / 'src/main.c').read_text()}")
    give(greet.user, other)
    assert ran(greet, THREADS, str(greet.root), str(other)).strip() == "all is well"
    assert left_over(greet.user) == []


def test_what_is_left_leaves_nothing(greet: Project) -> None:
    greet.written("ci/build.sh", SLOW)
    python = greet.program.parent / "python"
    program = greet.user.start([python, "-c", LEFT, greet.root])
    assert program.stdout
    said = [program.stdout.readline().strip() for _ in range(2)]
    program.kill()
    _, errors = program.communicate(timeout=30)
    assert errors == ""
    assert said == ["interrupted; what was built stays in the cache", "begun again"]
    assert left_over(greet.user) == []
