"""As whom registries know the user: what `podman login` and `docker login` have left.

Podman's files come first. Each engine reads files of its own; what is here puts the others' beside
them. Nothing is kept, and no credential helper is run.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

#: Docker's own registry, as its configuration calls it.
_HUB = "https://index.docker.io/v1/"

Found = dict[str, Any]


def podmans() -> Iterator[Path]:
    """Podman's files, those that come first before."""
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
        return
    if session := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(session, "containers", "auth.json")
    else:
        yield Path(f"/run/containers/{os.getuid()}/auth.json")
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    yield Path(config, "containers", "auth.json")


def hosts(file: Path) -> set[str]:
    """The registries of which a file of podman's says something."""
    config = _read(file)
    named = (*(config.get("auths") or {}), *(config.get("credHelpers") or {}))
    return {name.partition("/")[0] for name in named}


def of_docker(host: str) -> Found:
    """What docker's configuration has for a registry, as podman's files have it."""
    config = _dockers()
    auths = config.get("auths") or {}
    helper = (config.get("credHelpers") or {}).get(host) or config.get("credsStore")
    if helper:
        return {"credHelpers": {host: str(helper)}}
    names = (host, _HUB) if host == "docker.io" else (host,)
    found = next((auths[name] for name in names if auths.get(name)), None)
    return {"auths": {host: found}} if found else {}


def for_podman(registries: Iterable[str]) -> Found:
    """What there is for these registries, as one of podman's files has it."""
    made: Found = {"auths": {}, "credHelpers": {}}
    for host in registries:
        file = next((file for file in podmans() if host in hosts(file)), None)
        found = _read(file) if file else of_docker(host)
        for kind, entries in made.items():
            given = (found.get(kind) or {}).items()
            entries.update({n: value for n, value in given if n.partition("/")[0] == host})
    return {kind: entries for kind, entries in made.items() if entries}


def for_docker() -> Found:
    """Docker's configuration, and in it what podman's files have; {} when these have nothing.

    Of a repository alone, as podman knows it, docker knows nothing: that is left out; and so is
    which engine docker would talk to.
    """
    podman: Found = {"auths": {}, "credHelpers": {}}
    for file in reversed(tuple(podmans())):
        read = _read(file)
        for kind, entries in podman.items():
            given = (read.get(kind) or {}).items()
            entries.update({_dockers_name(n): v for n, v in given if "/" not in n})
    if not any(podman.values()):
        return {}
    # Docker reads no `auths` of a registry that has a helper, or where all have one; "" is none.
    podman["credHelpers"] = dict.fromkeys(podman["auths"], "") | podman["credHelpers"]
    config = {name: value for name, value in _dockers().items() if name != "currentContext"}
    return config | {kind: {**(config.get(kind) or {}), **new} for kind, new in podman.items()}


def _dockers_name(host: str) -> str:
    return _HUB if host == "docker.io" else host


def _dockers() -> Found:
    folder = os.environ.get("DOCKER_CONFIG")
    return _read(Path(folder or Path.home() / ".docker", "config.json"))


def _read(file: Path) -> Found:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
