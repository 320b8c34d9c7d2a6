"""What an image could tell of the machine that built it, and of who did."""

import contextlib
import getpass
import os
import re
from pathlib import Path

from pdbuild import network
from pdbuild.recipe.types import Mirrors
from pdbuild.verify.subject import Builder

_LOOPBACK = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:|$)")


def here(root: Path | None, mirrors: Mirrors | None = None) -> Builder:
    """What of this machine may be in no image, for a project at `root`."""
    home = Path(os.environ.get("HOME") or "/")  # an account may have none
    told = {f"the folder {path}": str(path) for path in (root, home) if _telling(path)}
    for name, value in network.settings(mirrors or Mirrors()).items():
        address = value.split("://")[-1].rstrip("/")
        proxy = name.lower().endswith("_proxy") and name.lower() != "no_proxy"
        # An address without a password is no secret; one of this machine alone tells nothing.
        if "@" in address or (proxy and not _LOOPBACK.match(address)):
            told[f"the address in {name}"] = address
    if os.environ.get("SSL_CERT_FILE") and (bundle := network.ca_bundle()):
        told |= _certificates(bundle)
        if not bundle.is_relative_to("/etc") and not bundle.is_relative_to("/usr"):
            told["the path in SSL_CERT_FILE"] = str(bundle)
    uid = os.getuid()
    user = ""
    with contextlib.suppress(OSError, KeyError):
        user = getpass.getuser() if uid else ""
    if user:
        login = f"{user}@{os.uname().nodename}"
        told |= {login: login, f"the home of {user}": f"/home/{user}/"}
    return Builder(secrets=told, user=user, uid=uid)


def _telling(path: Path | None) -> bool:
    """Whether a folder's name says anything of this machine: `/root` and `/src` do not."""
    return path is not None and len(path.parts) > 2


def _certificates(bundle: Path) -> dict[str, str]:
    """The certificate that a bundle of the caller's own begins with."""
    lines = bundle.read_text(errors="replace").splitlines()
    for number, line in enumerate(lines):
        if "BEGIN CERTIFICATE" in line and len(lines) > number + 3:
            return {"a certificate of SSL_CERT_FILE": "\n".join(lines[number + 1 : number + 4])}
    return {}
