"""The audience of a job that the command line does: people before a terminal."""

import sys

from pdbuild.api.audience import Audience
from pdbuild.api.events import Event, Notice


def audience(*, quiet: bool) -> Audience:
    """Notices go to stderr; so does how far transfers are, unless `quiet`."""
    return Audience(tell=tell, stream=None if quiet else sys.stderr)


def tell(event: Event) -> None:
    """Print a notice; a bake's view has shown the rest."""
    if isinstance(event, Notice):
        print(event.text, file=sys.stderr)
