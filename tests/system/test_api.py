"""`import pdbuild` in a user's programs, on the real engine: what docs/api.md shows, and more."""

import re
import shutil
from pathlib import Path

from .conftest import CHECKOUT
from .project import Project, give, left_over
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
    assert Path(folder, rows["binaries-french"]).exists(), rows
ran = pdbuild.run("sh", "-c", "greet; echo oh >&2; exit 7", project=sys.argv[1]).result()
assert (ran.exit_code, ran.stdout, ran.stderr) == (7, "Hello, world!\\n", "oh\\n"), ran
Path("here.txt").write_text("of mine")
ran = pdbuild.run("cat", "here.txt", project=sys.argv[1], variant="french").result()
assert ran.stdout == "of mine", ran
with pdbuild.run("sh", "-c", "echo begun; exec sleep 600", project=sys.argv[1]) as program:
    for event in program:
        if isinstance(event, pdbuild.Output):
            break
try:
    program.result()
except pdbuild.Interrupted:
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


def examples() -> list[str]:
    """The programs of the page."""
    text = (CHECKOUT / "docs/api.md").read_text().partition("<!-- reference")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def ran(project: Project, program: str, *words: str) -> str:
    """What a program prints that runs beside the project's folder, which it calls `greet`."""
    beside = project.root.parent / f"beside-{project.root.name}"
    if not beside.exists():
        beside.mkdir()
        (beside / "greet").symlink_to(project.root)
        give(project.user, beside)
    python = project.program.parent / "python"
    argv = [python, "-c", program, *words]
    done = project.user.run(argv, cwd=beside, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_examples_of_the_page(greet: Project) -> None:
    first, failing, _ = (f"import pdbuild\n{example}" for example in examples())
    said = ran(greet, first).splitlines()
    assert said[:2] == ["greet english french", "image-english image-french"]
    assert any(re.match(r"\d+ of \d+: RUN .*build\.sh", line) for line in said)
    made = dict(line.split(maxsplit=1) for line in said if line.startswith(("image-", "deb-")))
    assert made["image-french"] == "localhost/greet:1.2.0-french"
    assert (greet.root / made["deb-english"]).is_file()
    assert "0 Bonjour, Ann!" in said

    greet.written("src/main.c", "int main(void) { return undeclared; }\n")
    said = ran(greet, failing).splitlines()
    assert re.match(r"(binaries|image|deb)-\S+.* RUN .*build\.sh.* 2 /\S+\.log$", said[0]), said
    assert "undeclared (first use" in " ".join(said)
    assert "undeclared (first use" in Path(said[0].split()[-1]).read_text()
    greet.written("pdbuild.toml", '[project]\nnmae = "x"\n')
    said = ran(greet, failing).splitlines()
    assert any(re.search(r"/pdbuild.toml:2: project.nmae: ", line) for line in said), said
    assert left_over(greet.user) == []


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
