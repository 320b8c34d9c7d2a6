"""The audience of a job that the command line does: people before a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pdbuild.api.audience import Audience

if TYPE_CHECKING:
    from pdbuild.api.events import Event


def audience(*, quiet: bool) -> Audience:
    """Notices go to stderr; so does how far transfers are, unless `quiet`."""
    return Audience(tell=tell, stream=None if quiet else sys.stderr)


def tell(event: Event) -> None:
    """Print a notice; a bake's view has shown the rest."""
    from pdbuild.api.events import Notice

    if isinstance(event, Notice):
        print(event.text, file=sys.stderr)
