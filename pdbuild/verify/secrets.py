"""secrets: nothing of who built an image, or of where, is in any layer, history or setting."""

import functools
import mmap
import re
from collections.abc import Iterator

from pdbuild.content import Layer
from pdbuild.verify.finding import Finding, found
from pdbuild.verify.subject import Subject

KIND = "secrets"

# What a key begins with, and all of it from there. Searching for the first is quick, also in
# gigabytes.
_KEYS = {
    b"PRIVATE KEY-----": re.compile(rb"PRIVATE KEY-----\r?\n[A-Za-z0-9+/=\r\n]{64}"),
    b"AKIA": re.compile(rb"AKIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
    **{
        p: re.compile(p + rb"[A-Za-z0-9]{36}")
        for p in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")
    },
    b"glpat-": re.compile(rb"glpat-[A-Za-z0-9_-]{20}"),
    b"xoxb-": re.compile(rb"xoxb-[0-9A-Za-z-]{20,}"),
    b"hf_": re.compile(rb"hf_[A-Za-z0-9]{34}(?![0-9A-Za-z])"),
}
_NAMES = re.compile(
    r".*/(?:\.netrc|\.git-credentials|\.pypirc|\.npmrc|id_(?:rsa|dsa|ecdsa|ed25519)|\.docker/config"
    r"\.json|\.aws/credentials|\.ssh/.+|\.bash_history|\.python_history)"
)
_VARIABLE = re.compile(r"[A-Z0-9_]*(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY)[A-Z0-9_]*", re.I)
_ACCOUNT = r'(?:home/|(?:USER|LOGNAME|USERNAME)=|"author":\s*"){0}(?![\w-])'
_CONFIGURATION = "the image's configuration"
_PROXY = re.compile(r"(?:https?|ftp|all|no)_proxy", re.I)


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    layers = subject.content.layers
    total = sum(len(layer.entries) for layer in layers)
    everywhere = f"{len(layers)} layers, {total} files, history and settings"
    wrong = [f"{where}: {what}" for what, where in _told(subject)]
    yield found(KIND, "nothing tells of the machine that built it", wrong, everywhere)
    wrong = [f"{path}: looks like a key" for layer in layers for path in _with_keys(layer)]
    wrong += [e.path for layer in layers for e in layer.entries if _NAMES.fullmatch(e.path)]
    for text in subject.texts:
        wrong += [f"{_CONFIGURATION}: looks like a key, at byte {n}" for n in _keys(text)]
    yield found(KIND, "there are no keys and no credentials", wrong, everywhere)
    names = [pair.partition("=")[0] for pair in subject.config.env]
    wrong = [f"{n} is set" for n in names if _VARIABLE.fullmatch(n) or _PROXY.fullmatch(n)]
    yield found(KIND, "no variable names a secret or a proxy", wrong, ", ".join(names) or "none")
    yield _owners(subject)


def _told(subject: Subject) -> Iterator[tuple[str, str]]:
    """What is said of the builder, and where."""
    for what, text in subject.builder.secrets.items():
        needle = text.encode()
        for layer in subject.content.layers:
            if place := _holding(layer, needle):
                yield what, place
        # In JSON some characters are escaped.
        escaped = text.replace("&", "\\u0026").encode()
        if any(needle in known or escaped in known for known in subject.texts):
            yield what, _CONFIGURATION
    # A name alone may be any word: it is one where it says whose.
    if user := subject.builder.user:
        named = re.compile(_ACCOUNT.format(re.escape(user)).encode())
        if any(named.search(text) for text in subject.texts):
            yield f"the account {user}", _CONFIGURATION


def _owners(subject: Subject) -> Finding:
    user, uid = subject.builder.user, subject.builder.uid
    wrong = [
        f"{entry.path}: belongs to {entry.owner[0] or entry.uid}"
        for layer in subject.content.layers
        for entry in layer.entries
        if (user and user in entry.owner) or (uid and uid == entry.uid)
    ]
    return found(KIND, "no file belongs to who built it", wrong, "all layers")


def _name(layer: Layer, offset: int) -> str:
    entry = layer.at(offset)
    return entry.path if entry else f"layer {layer.digest}"


# The variants of an image share most of their layers.
@functools.lru_cache(maxsize=256)
def _holding(layer: Layer, needle: bytes) -> str:
    at = layer.tar.find(needle)
    return _name(layer, at) if at >= 0 else ""


@functools.lru_cache(maxsize=64)
def _with_keys(layer: Layer) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_name(layer, at) for at in _keys(layer.tar)))


def _keys(data: "bytes | mmap.mmap") -> Iterator[int]:
    """Where there are keys."""
    for prefix, whole in _KEYS.items():
        at = data.find(prefix)
        while at >= 0:
            if whole.match(data, at):
                yield at
            at = data.find(prefix, at + 1)
