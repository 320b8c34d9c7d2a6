"""Addresses of remote compile caches, as ccache writes them.

redis://[[USER:]PASSWORD@]HOST[:PORT][/DATABASE][|ATTRIBUTE…]
http://[USER:PASSWORD@]HOST[:PORT][/PATH][|ATTRIBUTE…]
file:/FOLDER[|ATTRIBUTE…]
"""

import re
from dataclasses import dataclass, replace

READ_ONLY = "read-only"
_PORTS = {"http": 80, "redis": 6379}
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])"
_NETWORK = re.compile(rf"(http|redis)://(?:([^@/\s|]*)@)?({_HOST})(?::([0-9]{{1,5}}))?(/[^\s|]*)?")
_FOLDER = re.compile(r"file:(?://)?(/[^|\x00-\x1f\x7f]*)")
_ATTRIBUTE = re.compile(r"[a-z][a-z-]*(=[^\s|]*)?")
_USER = re.compile(r"//[^/@\s]*@")
_SECRET = re.compile(r"\|(bearer-token|header)=[^|]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where objects are kept for others: at `host` and `port`, or in `folder`.

    `text` is the address as ccache takes it, without attributes.
    """

    text: str
    attributes: tuple[str, ...] = ()
    host: str = ""
    port: int = 0
    folder: str = ""

    @property
    def read_only(self) -> bool:
        """Whether objects are only taken from there."""
        return bool({READ_ONLY, f"{READ_ONLY}=true"} & set(self.attributes))

    @property
    def shown(self) -> str:
        """The address without passwords, for people."""
        return shown(self.text)

    def only_read(self) -> "Address":
        """The same, from which objects are only taken."""
        return self if self.read_only else replace(self, attributes=(*self.attributes, READ_ONLY))

    def configuration(self) -> str:
        """The line of ccache's configuration file; `$` would be a variable's begin there."""
        text = "|".join((self.text, *self.attributes))
        return f"remote_storage = {text.replace('$', '$$')}\n"


def parse(text: str) -> Address:
    """The address that `text` is. Raises ValueError with what is wrong and what helps."""
    body, *attributes = text.split("|")
    for attribute in attributes:
        if not _ATTRIBUTE.fullmatch(attribute):
            raise ValueError(f"{attribute!r} is no attribute of ccache's", "write |read-only")
    if found := _FOLDER.fullmatch(body):
        if unknown := [name for name in attributes if name not in (READ_ONLY, "read-only=true")]:
            raise ValueError(f"a folder has no attribute {unknown[0]}", "|read-only is one")
        return Address(text=body, attributes=tuple(attributes), folder=found[1])
    if found := _NETWORK.fullmatch(body):
        port = int(found[4] or _PORTS[found[1]])
        if 0 < port < 65536:
            return Address(
                # ccache takes what others write for "no user" as a user without a name.
                text=body.replace("redis://:", "redis://"),
                attributes=tuple(attributes),
                host=found[3].strip("[]"),
                port=port,
            )
    if body.startswith(("https:", "rediss:")):
        raise ValueError("ccache speaks no TLS", "let a tunnel such as stunnel do it")
    raise ValueError(
        "not the address of a compile cache",
        "redis://HOST[:PORT], http://HOST[:PORT]/PATH or file:/FOLDER",
    )


def problem(text: str) -> tuple[str, str] | None:
    """What keeps `text` from being an address, and what helps; None when nothing."""
    try:
        parse(text)
    except ValueError as error:
        what, hint = error.args
        return str(what), str(hint)
    return None


def shown(text: str) -> str:
    """An address, or what was meant as one, without passwords."""
    return _SECRET.sub(r"|\1=…", _USER.sub("//", text))
