"""What jobs are asked, whatever kind of place they were sent to."""

from pdbuild.errors import EngineError
from pdbuild.jobs import slurm
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.state import State


def state(sent: Sent) -> State:
    """How it is doing. Raises EngineError when the place does not say."""
    _known(sent)
    return slurm.state(sent.number)


def cancel(sent: Sent) -> None:
    """Cancel it. Raises EngineError when the place refuses."""
    _known(sent)
    slurm.cancel(sent.number)


def _known(sent: Sent) -> None:
    if sent.kind != "slurm":
        raise EngineError(f"{sent.id}: jobs of kind {sent.kind} cannot be asked")
