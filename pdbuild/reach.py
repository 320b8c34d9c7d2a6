"""Whether there is a way to a host: known within seconds, before much is begun."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

from pdbuild.errors import EngineError

_SECONDS = 4.0
_PORTS = {"http": 80, "https": 443, "git": 9418, "ssh": 22}


def check(what: str, address: str) -> None:
    """Raise EngineError, within seconds, where there is no way to an address's host.

    `what` would come from there. Through a proxy it is the proxy that is looked for; an address
    that names no host is not looked at.
    """
    import urllib.request

    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    if parts.hostname and not _answers(parts.hostname, parts.port or _PORTS.get(parts.scheme, 80)):
        raise EngineError(
            f"{what} is wanted from {parts.hostname}, and there is no way to it from here",
            hint="where there is a network: pdbuild fetch --to DIR; here: --offline DIR",
        )


def _answers(host: str, port: int) -> bool:
    found: list[bool] = []

    def ask() -> None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), _SECONDS):
            found.append(True)

    # Resolving a name has no limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_SECONDS)
    return bool(found)
