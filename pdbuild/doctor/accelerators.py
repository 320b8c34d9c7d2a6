"""Whether what a machine computes with besides its CPU can be given to containers."""

import os
from pathlib import Path

from pdbuild.doctor.finding import Finding, ok, warn


def described() -> tuple[Finding, ...]:
    """Whether the NVIDIA GPU of this machine, if it has one, can be given to containers."""
    if not Path("/dev/nvidiactl").exists():
        return ()
    described = [
        path
        for folder in ("/etc/cdi", "/var/run/cdi")
        for path in Path(folder).glob("*")
        if os.access(path, os.R_OK)
    ]
    if described:
        return (ok("gpu", f"described for containers by {described[0]}"),)
    return (
        warn(
            "gpu", "there is a GPU, and no file in /etc/cdi describes it for containers",
            cost="pdbuild run --device nvidia.com/gpu=all does not work",
            mend="ask the administrator for: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
        ),
    )  # fmt: skip
