"""A program that proot follows, and the end of it.

What proot follows goes on by itself when proot is killed, and sees the host's files then: nobody
shows it another root any more. So proot is asked to end all of them, by the one signal that it
has for that; and when it has been killed, its group is.
"""

import signal
import threading
from collections.abc import Callable, Sequence

from pdbuild import programs
from pdbuild.engine import process

#: At this signal proot kills what it follows, and ends; at those that are politer it does nothing.
END = signal.SIGQUIT


def followed(argv: Sequence[str], say: Callable[[bytes], object]) -> int:
    """Run a command line that begins with proot, or becomes it; its exit code.

    `say` gets each line that is written. Nothing of it is left afterwards.
    """
    running = process.popen(argv, stdout=programs.PIPE, stderr=programs.STDOUT, death=END)
    # What is left in the group, when proot is no more, would hold the pipe that is read here.
    watched = threading.Thread(target=_end_group, args=(running,), daemon=True)
    watched.start()
    try:
        for line in running.stdout or ():
            say(line)
        return running.wait()
    finally:
        process.stop(running, ((END, 5.0), (signal.SIGKILL, 5.0)))
        watched.join()


def _end_group(running: programs.Child) -> None:
    running.wait()
    process.signal_group(running.pid, signal.SIGKILL)
