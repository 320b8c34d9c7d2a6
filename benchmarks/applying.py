"""An application after one edited notebook: against plain `podman build` of its Dockerfile."""

import contextlib
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator

from measure import PDBUILD, ROOT, Row, run, timed

from pdbuild import network
from pdbuild.container.host import find as found_host

_BOOK = ROOT / "examples/book"
_NOTEBOOK = _BOOK / "moons.ipynb"


def application(runs: int) -> Iterator[Row]:
    """The example's book on the CPU image."""
    ours, plain = [], []
    with _edited() as edit:
        edit()  # from now on the version is that of a changed tree
        words = ("app", "bake", "--variant=cpu", "-q")
        run(PDBUILD, *words)
        build = _plain()
        run(*build)
        for _ in range(max(runs, 5) + 1):
            edit()
            plain.append(timed(*build))
            ours.append(timed(PDBUILD, *words))
    yield Row(
        name="one notebook edited, app bake / podman build",
        ours=statistics.median(ours[1:]),
        reference=statistics.median(plain[1:]),
        goal=1.2,
    )


def _plain() -> tuple[str, ...]:
    """The command that builds the Dockerfile, on an image that podman has."""
    bake = [PDBUILD, "bake", "image-cpu", "-q"]
    listed = subprocess.run(bake, cwd=ROOT, capture_output=True, text=True, check=True)
    version = listed.stdout.strip().rpartition(":")[2]
    host, trusted = found_host(), network.ca_bundle()
    ca = (f"--volume={trusted}:{trusted}:ro", f"--env=PIP_CERT={trusted}") if trusted else ()
    named = (f"--build-arg=VERSION={version}", "--tag=localhost/bench-book", str(_BOOK))
    return (host.podman, *host.flags, "build", "--quiet", "--network=host", *ca, *named)


@contextlib.contextmanager
def _edited() -> Iterator[Callable[[], None]]:
    """Gives the function that edits the notebook, which is restored in the end."""
    text = _NOTEBOOK.read_text()

    def edit() -> None:
        _NOTEBOOK.write_text(text.replace("Two moons", f"Two moons {time.time_ns()}", 1))

    try:
        yield edit
    finally:
        _NOTEBOOK.write_text(text)
