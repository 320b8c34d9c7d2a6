"""What the pods of a job write, as it comes, by `kubectl logs`: one for all that began together.

With several ranks each line begins with its rank, as on Slurm.
"""

import os
import re
import signal

from pdbuild import programs
from pdbuild.engine import process
from pdbuild.jobs import kubernetes
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.pods import Pod

_PREFIX = re.compile(rb"\[pod/([^/\]]+)/[^\]]*\] ")
_LADDER = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))
_INDEX = "batch.kubernetes.io/job-completion-index"


class Logs:
    """The logs of a job's pods, up to now or, with `follow`, to their ends."""

    def __init__(self, sent: Sent, *, follow: bool) -> None:
        self._sent, self._follow = sent, follow
        self._ranks: dict[str, int] = {}
        self._shown: dict[str, int] = {}
        self._readers: list[_Reader] = []

    def begin(self, pods: tuple[Pod, ...]) -> None:
        """Read those that have begun and are not read yet, or not any more though they run on."""
        for reader in [reader for reader in self._readers if reader.over]:
            self._readers.remove(reader)
            if reader.failed:  # the connection to the cluster: it is made again
                for pod in pods:
                    if pod.name in reader.pods and pod.code is None:
                        self._ranks.pop(pod.name, None)
        new = tuple(pod for pod in pods if pod.began and pod.name not in self._ranks)
        if new:
            self._ranks |= {pod.name: pod.rank for pod in new}
            self._readers.append(self._reader(new))

    @property
    def reading(self) -> bool:
        """Whether more may come of those that are read."""
        return any(not reader.over for reader in self._readers)

    def more(self) -> bytes:
        """What has come since."""
        return b"".join(line for reader in self._readers for line in reader.lines())

    def close(self) -> None:
        """Read no more."""
        for reader in self._readers:
            reader.stop()

    def _reader(self, pods: tuple[Pod, ...]) -> "_Reader":
        names = {pod.name: pod.rank for pod in pods}
        words = ["logs", "--container=rank", "--tail=-1", *(["--follow"] if self._follow else [])]
        if self._sent.nodes == 1:
            words.append(pods[0].name)
        else:
            ranks = ",".join(str(pod.rank) for pod in pods)
            chosen = f"{kubernetes.LABEL}={self._sent.number},{_INDEX} in ({ranks})"
            words += [f"--selector={chosen}", f"--max-log-requests={len(pods)}", "--prefix"]
        argv = kubernetes.command(self._sent, *words)
        return _Reader(argv, names, self._shown, label=self._sent.nodes > 1)


class _Reader:
    """One kubectl. What it reads again, after another that failed, is shown once."""

    def __init__(
        self, argv: list[str], pods: dict[str, int], shown: dict[str, int], *, label: bool
    ) -> None:
        self.pods = pods
        self._shown, self._label = shown, label
        self._skip = {name: shown.get(name, 0) for name in pods}
        self._rest = b""
        self._code: int | None = None
        self._process = process.popen(
            argv, stdout=programs.PIPE, stderr=programs.NOTHING, death=signal.SIGTERM
        )
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def over(self) -> bool:
        """Whether all that it had has been read."""
        return self._code is not None

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than with the logs; only asked when it is over."""
        return bool(self._code)

    def lines(self) -> list[bytes]:
        """The lines that have come; the last may have no end, when there is no more."""
        data = self._read()
        *whole, self._rest = (self._rest + data).split(b"\n")
        found = [line + b"\n" for line in whole]
        if self._code is not None and self._rest:
            found, self._rest = [*found, self._rest + b"\n"], b""
        return [line for line in map(self._labelled, found) if line]

    def _read(self) -> bytes:
        pieces: list[bytes] = []
        assert self._process.stdout
        while self._code is None:
            try:
                data = os.read(self._process.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                break
            pieces.append(data)
            if not data:
                process.wait(self._process, 2.0)
                self._code = process.stop(self._process, _LADDER)
        return b"".join(pieces)

    def _labelled(self, line: bytes) -> bytes:
        """A line as people see it; b"" when they have seen it."""
        found = _PREFIX.match(line) if self._label else None
        name = found[1].decode() if found else next(iter(self.pods))
        if self._skip.get(name, 0):
            self._skip[name] -= 1
            return b""
        self._shown[name] = self._shown.get(name, 0) + 1
        if not found:
            return line
        return f"{self.pods.get(name, '?')}: ".encode() + line[found.end() :]

    def stop(self) -> None:
        """End it."""
        process.stop(self._process, _LADDER)
