"""How an account gets a range of subordinate ids."""

import os
import pwd
import re
from pathlib import Path


def range_command() -> str:
    """The command that gives this user subordinate ids, with a range that nobody has."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()} has no name: it needs an entry in /etc/passwd first"
    first = max(100000, *(_next_free(Path(file)) for file in ("/etc/subuid", "/etc/subgid")))
    span = f"{first}-{first + 65535}"
    return (
        f"give {name} a range of subordinate ids: "
        f"sudo usermod --add-subuids {span} --add-subgids {span} {name}"
    )


def _next_free(file: Path) -> int:
    try:
        text = file.read_text()
    except OSError:
        return 0
    ranges = re.findall(r"^[^:\s]+:(\d+):(\d+)\s*$", text, re.MULTILINE)
    return max((int(start) + int(count) for start, count in ranges), default=0)
