"""References of images: `[REGISTRY/]PATH[:TAG][@DIGEST]`."""

import re


def qualified(reference: str) -> str:
    """A reference with its registry: `debian:trixie` is the one on Docker's, as for BuildKit."""
    first, slash, _ = reference.partition("/")
    if slash and (set(first) & set(".:") or first == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"


def registry(reference: str) -> str:
    """The host, and maybe port, of the registry that has an image."""
    return qualified(reference).partition("/")[0]


def mirrored(reference: str, mirror: str) -> str:
    """The same image in another place, `REGISTRY[/PATH]`, which has what its registry has."""
    return f"{mirror.strip('/')}/{qualified(reference).partition('/')[2]}"


def is_local(registry: str) -> bool:
    """Whether a registry is this machine's own, which every engine takes without TLS, too."""
    host = registry.rpartition(":")[0] or registry
    return host == "localhost" or host.startswith("127.") or host == "[::1]"


def repository_problem(name: str) -> str:
    """What keeps `name` from being a repository of a registry, HOST[:PORT]/PATH; "" if nothing."""
    host, _, path = name.partition("/")
    if "://" in name:
        return "a repository has no scheme"
    if not set(host) & set(".:") and host != "localhost":
        return "it begins with no registry, HOST or HOST:PORT"
    if not _HOST.fullmatch(host):
        return f"{host!r} is not a host with an optional port"
    if not _PATH.fullmatch(path):
        return "behind the registry stands a path of lower-case letters, digits, . _ - and /"
    return ""


_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
