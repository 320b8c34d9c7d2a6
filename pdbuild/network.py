"""The host's way to the network, for steps that download: CA bundle, proxies, mirrors."""

import os
from pathlib import Path

from pdbuild import carried
from pdbuild.recipe.types import Mirrors

#: Where pip finds the wheels that were carried: in its cache mount.
WHEELS = "/root/.cache/pip/offline"

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "ftp_proxy")


def ca_bundle() -> Path | None:
    """The host's CA bundle: `SSL_CERT_FILE`, else where distributions keep it."""
    candidates = (os.environ.get("SSL_CERT_FILE", ""), *_BUNDLES)
    return next((Path(c) for c in candidates if c and Path(c).is_file()), None)


def settings(mirrors: Mirrors) -> dict[str, str]:
    """Environment variables for the steps: the recipe's mirrors and the caller's proxies.

    Where all was carried they only say so; the archive's lists are named by the mirror.
    """
    if carried.here():
        apt = {"APT_MIRROR": mirrors.apt} if mirrors.apt else {}
        return {"PDBUILD_OFFLINE": "1", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS, **apt}
    found = {
        "APT_MIRROR": mirrors.apt,
        "PIP_INDEX_URL": mirrors.pip,
        "GIT_MIRROR": mirrors.git,
    }
    for name in _PROXIES:
        value = os.environ.get(name) or os.environ.get(name.upper()) or ""
        found |= {name: value, name.upper(): value}
    return {name: value for name, value in found.items() if value}
