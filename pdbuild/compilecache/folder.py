"""Serves a folder to ccache over HTTP, on this machine alone and to those who know the password.

Steps of a build see no folder of the host's that they could write to. The files in the folder are
named as ccache itself names them there (`file:`): with and without pdbuild it is one cache.
"""

import base64
import contextlib
import hmac
import http.server
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from pdbuild import whole
from pdbuild.compilecache.address import Address

_KEY = re.compile(r"/([0-9a-z]{2}/[0-9a-z]{8,100})")
_LARGEST = 1 << 30  # of an object, as bytes; an object of debug information has 100 MB
_USER = "pdbuild"


@contextlib.contextmanager
def serving(folder: Path, *, read_only: bool) -> Iterator[Address]:
    """Serve `folder` while the block runs; its address for ccache.

    With `read_only` nothing can be written, whoever asks. Raises OSError when this machine
    gives no port.
    """
    password = secrets.token_urlsafe(24)
    with _Server(folder, password, read_only=read_only) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            host, port = "127.0.0.1", server.server_address[1]
            text = f"http://{_USER}:{password}@{host}:{port}"
            yield Address(
                text=text,
                attributes=("read-only",) if read_only else (),
                host=host,
                port=int(port),
            )
        finally:
            server.shutdown()
            thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a step that is killed leaves its connection open
    request_queue_size = 128

    def __init__(self, folder: Path, password: str, *, read_only: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.read_only = folder, read_only
        words = base64.b64encode(f"{_USER}:{password}".encode()).decode()
        self.authorization = f"Basic {words}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    """What ccache asks for: GET, HEAD, PUT and DELETE of a key."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        self._send(body=True)

    def do_HEAD(self) -> None:
        self._send(body=False)

    def do_PUT(self) -> None:
        path = self._path()
        try:
            size = int(self.headers["Content-Length"])
        except (TypeError, ValueError):
            size = -1
        if path is None or not 0 <= size <= _LARGEST:
            # What follows was not read: no other request can come after it.
            self.close_connection = True
            return None if path is None else self._answer(411 if size < 0 else 413)
        if self.server.read_only:
            self.rfile.read(size)
            return self._answer(403)
        try:
            path.parent.mkdir(exist_ok=True)
            with whole.replacing(path) as new:
                self._take(new, size)
        except OSError:  # full, or not ours
            self.close_connection = True
            return self._answer(507)
        return self._answer(201)

    def do_DELETE(self) -> None:
        path = self._path()
        if path is None:
            return None
        if self.server.read_only:
            return self._answer(403)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return self._answer(204)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: each compile asks several times."""

    def _path(self) -> Path | None:
        """The file that is asked for; None when that has been refused."""
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), self.server.authorization.encode()):
            self._refused(401)
            return None
        key = _KEY.fullmatch(self.path)
        if key is None:
            self._refused(404)
            return None
        return self.server.folder / key[1]

    def _refused(self, code: int) -> None:
        self.close_connection = True
        self._answer(code)

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, *, body: bool) -> None:
        path = self._path()
        if path is None:
            return
        try:
            file = path.open("rb")
        except OSError:
            return self._answer(404)
        with file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            if body:
                shutil.copyfileobj(file, self.wfile)

    def _take(self, new: Path, size: int) -> None:
        with new.open("xb") as file:
            while size:
                data = self.rfile.read(min(size, 1 << 20))
                if not data:
                    raise ConnectionError
                file.write(data)
                size -= len(data)
