"""What jobs are asked, whatever kind of place they were sent to."""

from pdbuild.jobs import kubernetes, slurm
from pdbuild.jobs.kept import Sent
from pdbuild.jobs.state import State


def state(sent: Sent) -> State:
    """How it is doing. Raises EngineError when the place does not say."""
    if sent.kind == "kubernetes":
        return kubernetes.state(sent)
    return slurm.state(sent.number)


def cancel(sent: Sent) -> None:
    """Cancel it. Raises EngineError when the place refuses."""
    if sent.kind == "kubernetes":
        kubernetes.cancel(sent)
    else:
        slurm.cancel(sent.number)
