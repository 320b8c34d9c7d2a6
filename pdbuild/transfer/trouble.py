"""What went wrong with a registry, from what skopeo says: one sentence, and what to do."""

import re
from dataclasses import dataclass

_MESSAGE = re.compile(r'level=fatal msg="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`what` with the registry's name in it; `again`: a second try may help."""

    what: str
    hint: str = ""
    again: bool = False


# In this order: a text may have several of them, and the first is the reason.
_KINDS: tuple[tuple[str, Trouble], ...] = (
    (
        r"open \S+: permission denied",
        Trouble(what="a file of yours about {host} cannot be read", hint="look at its owner"),
    ),
    (
        r"server gave HTTP response to HTTPS client",
        Trouble(what="{host} speaks plain http", hint="--insecure allows that"),
    ),
    (
        r"x509: |tls: ",
        Trouble(
            what="the certificate of {host} cannot be trusted",
            hint="--ca FILE names the certificate of an authority of your own",
        ),
    ),
    (
        r"toomanyrequests|Too Many Requests|status code:? 429|\b429\b",
        Trouble(what="{host} takes no more requests for now (429)", hint="try again later"),
    ),
    (
        r"unauthorized|authentication required|invalid username/password|status:? 401",
        Trouble(what="{host} does not know you", hint="podman login {host}"),
    ),
    (
        r"denied|forbidden|Forbidden|status:? 403|\b403\b",
        Trouble(what="{host} does not allow you that", hint="ask who keeps it, or log in again"),
    ),
    (
        r"manifest unknown|name unknown|repository name not known",
        Trouble(what="{host} has no such image"),
    ),
    (
        r"[Dd]igest did not match|does not match provided manifest digest|unexpected digest"
        r"|[Dd]igest mismatch|DIGEST_INVALID|digest invalid|does not match|Manifest does not match"
        r"|corrupt",
        Trouble(
            what="{host} gave other bytes than their digest says; none of them were kept",
            hint="tell who keeps it, or look at what is in between",
        ),
    ),
    (
        r"no space left|[Ii]nsufficient [Ss]torage|\b507\b|quota|disk full",
        Trouble(what="{host} has no space left", hint="tell who keeps it"),
    ),
    (
        r"connection refused|no such host|no route to host|network is unreachable"
        r"|dial tcp.*(?:timeout|timed out)|Temporary failure",
        Trouble(what="{host} cannot be reached", again=True),
    ),
    (
        r"EOF|connection reset|broken pipe|closed network connection|server closed",
        Trouble(what="{host} closed the connection half way", again=True),
    ),
    (
        r"status(?: code)?:? (?:500|502|503|504)|\b50[0234] |(?:Internal Server|Bad Gateway)"
        r"|[Ss]ervice [Uu]navailable|received unexpected HTTP status: 5",
        Trouble(what="{host} failed by itself", hint="tell who keeps it", again=True),
    ),
)


def explained(host: str, text: str) -> tuple[Trouble, str]:
    """The trouble that `text`, which skopeo wrote, is about, and its own words for it."""
    messages = _MESSAGE.findall(text)
    said = messages[-1].replace('\\"', '"') if messages else text.strip().rpartition("\n")[2]
    # Names are no reasons, whatever words and numbers are in them.
    plain = re.sub(rf"\S*{re.escape(host)}\S*|sha256:\w+|reading manifest \S+", "…", said)
    for pattern, kind in _KINDS:
        if re.search(pattern, plain):
            what, hint = kind.what.format(host=host), kind.hint.format(host=host)
            return Trouble(what=what, hint=hint, again=kind.again), said
    return Trouble(what=f"the transfer with {host} failed"), said


def stalled(host: str, seconds: float) -> Trouble:
    """Next to nothing has moved for so long."""
    return Trouble(what=f"{host} does not go on: nothing moved for {seconds:g} seconds", again=True)
