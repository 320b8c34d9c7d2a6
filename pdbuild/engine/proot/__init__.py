"""The engine for accounts without namespaces: steps run by proot in trees that are unpacked here.

Slower than the others: proot follows each system call of a step, stages are copied, and go one
after the other. Layers and images are written by pdbuild itself.
"""

import contextlib
from functools import partial

from pdbuild import dirs, locks, tools
from pdbuild.engine.contract import Build, Built
from pdbuild.engine.layers import Layers
from pdbuild.engine.proot.walk import Walk
from pdbuild.errors import EngineError, Interrupted
from pdbuild.platforms import is_foreign
from pdbuild.progress import View
from pdbuild.project import say


class Proot:
    """Builds by proot."""

    name = "proot"
    layers_in: tuple[str, ...] = ()

    def identity(self) -> str:
        """See `Engine.identity`."""
        return "proot one id"

    def check(self) -> None:
        """Raise EngineError when proot is missing."""
        tools.require("proot", reason="build without namespaces")

    def held(self) -> contextlib.AbstractContextManager[object]:
        """See `Engine.held`; there is nothing to start."""
        return contextlib.nullcontext()

    def build(self, build: Build, view: View) -> Built:
        """See `Engine.build`."""
        foreign = {t.platform for t in build.plan.targets if is_foreign(t.platform)}
        if foreign:
            raise EngineError(
                f"by proot nothing is built for {', '.join(sorted(foreign))}",
                hint="that takes user namespaces: ask the administrator for them",
            )
        folder = dirs.local_dir("proot")
        try:
            with locks.alone(folder / "lock", partial(say, "waiting for another bake by proot")):
                return Walk(build, view, folder).run()
        except KeyboardInterrupt:
            raise Interrupted("interrupted; what was built stays in the cache") from None

    def keep(self, build: Build, view: View, where: Layers) -> None:
        """See `Engine.keep`."""
        raise EngineError("proot keeps no layers for others")
