"""Paths of a step as the user's own, and the server of pages."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild.places import on_host

MODULE = '''"""A module."""


class Model:
    """A model."""

    def fit(self):
        """Fit it.

        Wrong:
          * here
        """
'''


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "lib"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "index.rst").touch()
    (folder / "python" / "thing").mkdir(parents=True)
    (folder / "python" / "thing" / "model.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path / "project")
    return folder


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/src/docs/index.rst:3: WARNING: no", "lib/docs/index.rst:3: WARNING: no"),
        ("In file /src/docs/index.rst:", "In file lib/docs/index.rst:"),
        ("see '/src/docs/index.rst'.", "see 'lib/docs/index.rst'."),
        ("see /src/docs/index.rst.", "see lib/docs/index.rst."),
        ("(/src/docs)", "(lib/docs)"),
        ("/src/docs/other.rst:3: no", "/src/docs/other.rst:3: no"),
        ("/usr/src/docs/index.rst:3: no", "/usr/src/docs/index.rst:3: no"),
        ("../src/docs/index.rst:3: no", "../src/docs/index.rst:3: no"),
        ("nothing of ours", "nothing of ours"),
        (
            "/out/usr/lib/python3/dist-packages/thing/model.py:docstring of "
            "thing.model.Model.fit:4: ERROR: Unexpected indentation.",
            "lib/python/thing/model.py:11: ERROR: Unexpected indentation.",
        ),
        (
            "/out/usr/lib/thing/model.py:docstring of thing.model.Model.gone:1: WARNING: no",
            "lib/python/thing/model.py:5: WARNING: no",
        ),
        (
            "/out/usr/lib/thing/none.py:docstring of thing.none:1: WARNING: no",
            "/out/usr/lib/thing/none.py:docstring of thing.none:1: WARNING: no",
        ),
    ],
)
def test_what_a_step_says_names_files_of_the_project(source: Path, said: str, shown: str) -> None:
    assert on_host(said, source) == shown


def test_from_elsewhere_the_path_is_absolute(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    said = on_host("/src/docs/index.rst:3: no", source)
    assert said == f"{str(source).removeprefix('/')}/docs/index.rst:3: no"
    monkeypatch.chdir(source / "docs")
    assert on_host("/src/python/thing/model.py:1", source) == f"{source}/python/thing/model.py:1"


SERVE = """
import sys
from pathlib import Path
from pdbuild.pages import serve
serve(Path(sys.argv[1]), int(sys.argv[2]), lambda address: print(address, flush=True))
print("stopped", flush=True)
"""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_pages_are_served_on_loopback_alone_until_an_interrupt(tmp_path: Path, taken: int) -> None:
    (tmp_path / "index.html").write_text("first")
    argv = [sys.executable, "-c", SERVE, str(tmp_path), str(taken)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
        assert port != taken
        # Not on another address of this machine.
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request("GET", "/")
        answer = client.getresponse()
        assert (answer.read(), answer.headers["Cache-Control"]) == (b"first", "no-cache")
        # What is baked meanwhile is there at once, and a browser's open connection
        # keeps nothing from ending.
        (tmp_path / "index.html").write_text("second")
        client.request("GET", "/index.html")
        assert client.getresponse().read() == b"second"
        server.send_signal(signal.SIGINT)
        assert server.communicate(timeout=10)[0] == "stopped\n"
        assert server.returncode == 0
        client.close()
