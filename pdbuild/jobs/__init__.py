"""Jobs as values: a program in an image, and the place on a cluster where it runs."""

from dataclasses import dataclass
from pathlib import Path

from pdbuild.container import Mount
from pdbuild.recipe.tables.submit import Submit


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is sent; `name` is for people.

    `argv` follows the image's `entrypoint`; `image_env` (`NAME=VALUE`) is the image's own
    environment and `env` what is set besides. `place` is `[submit.TO]`, with what
    the command line says. `folder` has, or will have, all that belongs to the job; `cwd` is
    where it was sent from, which the program sees as `workdir`.
    """

    name: str
    to: str
    place: Submit
    image: str
    argv: tuple[str, ...]
    workdir: str
    cwd: Path
    folder: Path
    entrypoint: tuple[str, ...] = ()
    image_env: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()

    @property
    def ranks(self) -> int:
        """How many programs run."""
        return self.place.nodes * self.place.tasks
