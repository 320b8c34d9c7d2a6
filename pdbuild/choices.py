"""What a command line says, as values: what to make of a recipe, and how."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["auto", "live", "plain", "json", "quiet"]
#: How progress can be shown.
MODES: tuple[Mode, ...] = ("auto", "live", "plain", "json", "quiet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line says about the recipe and what to make of it."""

    recipe: str | None = None
    targets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to bake: `engine` and `builder`, how to show progress, and what to do on failure.

    `output` is the folder in which `build/` is made, "" the project's own.
    `jobs` processors compile, 0: as many as are ours here.
    `again` bakes also what is up to date; with `strict`, an optional block that cannot be had
    is an error. `layers_from` are folders and repositories that may have layers,
    `layers_to` is one where they are kept.
    """

    engine: str = "auto"
    builder: str = ""
    progress: Mode = "auto"
    keep_going: bool = False
    again: bool = False
    output: str = ""
    strict: bool = False
    jobs: int = 0
    layers_from: tuple[str, ...] = ()
    layers_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a registry may be talked to.

    `ca` is a file of certificates that vouch for it, besides the host's. Only with `insecure` is
    plain http used, or TLS with a certificate that nobody vouches for.
    """

    ca: Path | None = None
    insecure: bool = False
