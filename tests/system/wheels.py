"""An index of small Python packages, which notes who fetched what."""

import contextlib
import hashlib
import re
import ssl
import subprocess
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The address of the index, who vouches for it, and how often pip fetched each wheel."""

    address: str
    ca: Path
    fetched: Counter[str] = field(default_factory=Counter)


def wheel(folder: Path, name: str, value: str) -> None:
    """A package with a module of its name, which has a VALUE."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"VALUE = {value!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@contextlib.contextmanager
def index(folder: Path, wheels: Path) -> Iterator[Index]:
    """Serve the wheels of a folder by TLS, as the index of all does: files never change."""
    ca, certificate, key = _certified(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if found := re.fullmatch(r"/simple/([a-z]+)/", self.path):
                files = sorted(wheels.glob(f"{found[1]}-*.whl"))
                lines = [_link(file) for file in files]
                return self._answer("text/html", "".join(lines).encode(), "no-cache")
            file = wheels / Path(self.path).name
            if not (self.path.startswith("/files/") and file.is_file()):
                return self._answer("text/plain", b"", "no-cache", 404)
            if self.headers.get("User-Agent", "").startswith("pip/"):
                made.fetched[file.name.partition("-")[0]] += 1
            self._answer(
                "application/octet-stream", file.read_bytes(), "max-age=1000000, immutable"
            )

        def _answer(self, kind: str, data: bytes, caching: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", caching)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Index(address=f"https://localhost:{server.server_port}/simple", ca=ca)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _link(file: Path) -> str:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f'<a href="/files/{file.name}#sha256={digest}">{file.name}</a>\n'


def _certified(folder: Path) -> tuple[Path, Path, Path]:
    """The certificates of an authority and, by it, of localhost, and the key of the latter.

    Some clients take none that vouches for itself.
    """
    ca, certificate, keys = folder / "ca.crt", folder / "tls.crt", folder / "keys"
    keys.mkdir(mode=0o700)
    new = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    made = (
        (
            *(*new, "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", keys / "ca.key", "-out", ca),
        ),
        (
            *(*new, "-subj", "/CN=localhost", "-CA", ca, "-CAkey", keys / "ca.key"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", keys / "tls.key", "-out", certificate),
        ),
    )
    for words in made:
        subprocess.run(words, check=True, capture_output=True)
    return ca, certificate, keys / "tls.key"
