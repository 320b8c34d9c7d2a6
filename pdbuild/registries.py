"""References of images: `[REGISTRY/]PATH[:TAG][@DIGEST]`."""


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
