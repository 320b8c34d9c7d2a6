"""What programs say arrives whole, and none is left running; nodes are locked one by one."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.engine.buildah.locks import Locks
from pdbuild.engine.buildah.programs import Programs, Running, Task, Work

WORK = Work(task=Task("n"))


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with Programs({"PATH": os.environ["PATH"], "X": "y"}, tmp_path) as made:
        yield made
        made.kill(made)


def ended(programs: Programs) -> tuple[Running, list[bytes]]:
    """The first program that ends, with its lines; the others' are lost."""
    lines: dict[Running, list[bytes]] = {}
    while True:
        for running in programs.heard(20):
            more, last = running.read()
            lines.setdefault(running, []).extend(more)
            if last:
                return running, lines[running]


def test_lines_arrive_whole_however_they_are_written(programs: Programs, tmp_path: Path) -> None:
    script = 'printf "a b"; sleep 0.05; printf "c\\n\\nd\\n"; pwd; echo $X >&2; printf last; exit 3'
    programs.start(["sh", "-c", script], WORK)
    running, lines = ended(programs)
    assert lines == [b"a bc", b"", b"d", bytes(tmp_path), b"y", b"last"]
    assert running.work is WORK
    assert len(programs) == 1
    assert programs.end(running) == 3
    assert len(programs) == 0


def test_the_others_go_on(programs: Programs) -> None:
    programs.start(["sleep", "100"], WORK)
    programs.start(["echo", "done"], Work(task=Task("n", "target")))
    running, lines = ended(programs)
    assert (running.work.task.target, lines) == ("target", [b"done"])
    assert programs.end(running) == 0
    assert [left.work for left in programs.kill(programs)] == [WORK]
    assert len(programs) == 0 and programs.kill(programs) == ()


def test_a_killed_program_takes_along_what_it_started(programs: Programs) -> None:
    programs.start(["sh", "-c", "sleep 100 & echo $!; wait"], WORK)
    (running,) = programs.heard(20)
    (line,), _ = running.read()
    grandchild = os.pidfd_open(int(line))
    assert programs.kill(programs) == (running,)
    assert running.process.returncode < 0
    assert select.select([grandchild], [], [], 5)[0]
    os.close(grandchild)


def test_one_that_was_killed_has_nothing_more_to_say(programs: Programs) -> None:
    for _ in range(2):
        programs.start(["sh", "-c", "echo said; sleep 100"], WORK)
    time.sleep(0.5)  # both have said something: they are heard in one go
    heard = []
    for running in programs.heard(20):
        heard.append(running)
        programs.kill(one for one in programs if one is not running)
    assert len(heard) == 1
    assert heard[0].read() == ([b"said"], False)


OTHER = """
import sys
from pathlib import Path
from pdbuild.engine.buildah.locks import Locks
with Locks(Path(sys.argv[1])) as locks:
    print(*(locks.take(key) for key in sys.argv[2:]))
"""


def test_each_node_has_a_lock_of_its_own(tmp_path: Path) -> None:
    one, two = "0" * 64, "f" * 64

    def others() -> str:
        argv = [sys.executable, "-c", OTHER, str(tmp_path / "lock"), one, two]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    with Locks(tmp_path / "lock") as locks:
        assert locks.take(one)
        assert others() == "False True"
        locks.free(one)
        assert others() == "True True"
        assert locks.take(one) and locks.take(two)
    assert others() == "True True"
