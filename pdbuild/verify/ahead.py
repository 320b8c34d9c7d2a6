"""Reads the files of images that were not read before on all cores, ahead of the checks."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from pdbuild.content import Entry, Layer
from pdbuild.verify import cpu, elf
from pdbuild.verify.subject import Subject

# Below so many bytes it is quicker to read them here.
_FEW = 2_000_000


def read(subjects: Iterable[Subject]) -> None:
    """Have what the checks will read of files remembered. Forks: call it before any thread."""
    work: dict[tuple[str, int], tuple[Layer, Entry, str]] = {}
    for subject in subjects:
        for layer, entry, feature in _unread(subject):
            known = work.get((layer.digest, entry.offset))
            work[layer.digest, entry.offset] = (
                layer,
                entry,
                feature or (known[2] if known else ""),
            )
    cores = len(os.sched_getaffinity(0))
    if cores > 1 and sum(entry.size for _, entry, _ in work.values()) > _FEW:
        largest = sorted(work.values(), key=lambda one: -one[1].size)
        share([partial(_read, *one) for one in largest], cores)


def _unread(subject: Subject) -> Iterator[tuple[Layer, Entry, str]]:
    """The ELF files with the CPU feature whose code is looked for in them, "" for none."""
    claims = subject.claims.cpu
    feature = claims.feature if claims and subject.variant in claims.variants else ""
    for path, (layer, entry) in subject.content.files.items():
        # The project's own are scanned with the names of their packages' symbols.
        scanned = "" if path in subject.shipped else feature
        known = cpu.is_known(layer, entry, scanned) if scanned else elf.is_known(layer, entry)
        if elf.is_one(layer, entry) and not known:
            yield layer, entry, scanned


def _read(layer: Layer, entry: Entry, feature: str) -> None:
    elf.of(layer, entry)
    if feature:
        cpu.scan(layer, entry, feature)


def share(work: Sequence[Callable[[], object]], count: int) -> None:
    """Do all of it in so many processes; what one of them cannot do is left undone."""
    reader, writer = os.pipe()
    # Who has done one takes the next: a pipe holds as many numbers as there are files.
    numbers = b"".join(n.to_bytes(2, "little") for n in range(min(len(work), 30_000)))
    os.write(writer, numbers)
    os.close(writer)
    pids: list[int] = []
    try:
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                _worker(work, reader)
            pids.append(pid)
        while pids:
            os.waitpid(pids[-1], 0)
            pids.pop()
    finally:
        os.close(reader)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _worker(work: Sequence[Callable[[], object]], reader: int) -> None:
    """Between fork and exit: never returns, and never runs the parent's clean-up."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        while taken := os.read(reader, 2):
            with contextlib.suppress(Exception):
                work[int.from_bytes(taken, "little")]()
    finally:
        os._exit(0)
