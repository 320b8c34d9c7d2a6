"""The findings as a report for who administers the machine: what is wrong, and what mends it."""

import os
import platform
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdbuild.doctor.finding import Finding, State

# How the doctor's remedies name what only an administrator can do.
_COMMAND = re.compile(
    r"(?:sudo )?\b((?:usermod|chmod|nvidia-ctk) [^;,]+|apt install [\w .+-]+?|sysctl -w \S+)"
    r"(?=$|[;,:]|, as root)"
)


def report(findings: Sequence[Finding], *, version: str, user: str) -> str:
    """Markdown that a user can send as it is; nothing in it is secret."""
    wrong = [found for found in findings if found.state is not State.OK]
    theirs = [found for found in wrong if commands(found)]
    other = [found for found in wrong if not commands(found)]
    return "\n".join(
        [
            f"# pdbuild on {platform.node()}",
            "",
            f"pdbuild {version}, asked by {user}. It builds container images as an ordinary user.",
            f"{_system()}, Linux {platform.release()}, {platform.machine()}.",
            *_section("What an administrator can mend", theirs),
            *_section("What else is not as it could be", other),
            *(() if wrong else ("", "Nothing is wrong.")),
            "",
            "## What was looked at",
            "",
            *(f"- {found.state}: {found.name}: {found.text}" for found in findings),
        ]
    )


def commands(found: Finding) -> tuple[str, ...]:
    """What an administrator types, as root, to mend this; () when it is the user's to do."""
    return tuple(
        line for command in _COMMAND.findall(found.mend) for line in _lasting(command.strip())
    )


def _lasting(command: str) -> tuple[str, ...]:
    """A command whose effect a restart does not undo, and that asks nothing."""
    if command.startswith("sysctl -w "):
        name, _, value = command.removeprefix("sysctl -w ").partition("=")
        return (f"echo '{name} = {value}' >> /etc/sysctl.d/90-pdbuild.conf", "sysctl --system")
    if command.startswith("apt install "):
        return (command.replace("apt install", "apt-get install -y --no-install-recommends", 1),)
    return (command,)


def _section(title: str, findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield from ("", f"## {title}")
    for found in findings:
        yield from ("", f"**{found.name}** ({found.state}): {found.text}.")
        if found.cost:
            yield f"It costs: {found.cost}."
        if lines := commands(found):
            yield from ("", *(f"    {line}" for line in lines))
        elif found.mend:
            yield f"To mend it: {found.mend}."


def _system() -> str:
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return os.uname().sysname
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', text, re.MULTILINE)
    return found[1] if found else os.uname().sysname
