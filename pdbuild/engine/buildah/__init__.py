"""The Buildah engine: one `buildah build` for each stage of the plan, in the graph's order."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pdbuild import account, tools
from pdbuild.context import ignore
from pdbuild.engine.buildah import graph, kept, storage, text
from pdbuild.engine.buildah.images import Images
from pdbuild.engine.buildah.inputs import Inputs
from pdbuild.engine.buildah.version import Dialect
from pdbuild.engine.buildah.walk import Walk
from pdbuild.engine.contract import Build, Built
from pdbuild.engine.layers import Layers
from pdbuild.errors import EngineError, Interrupted
from pdbuild.plan.instructions import Run
from pdbuild.progress import View


class Buildah:
    """Builds with Buildah, `jobs` stages at once (0: as many as there are processors)."""

    name = "buildah"
    layers_in: tuple[str, ...] = ("folder",)

    def __init__(self, jobs: int = 0) -> None:
        self._jobs = jobs
        self._found: tools.Tool | None = None

    def identity(self) -> str:
        """See `Engine.identity`. With one user id all files are that user's."""
        ids = "one id" if account.find().one_id else "many ids"
        return f"buildah {self._tool().version} {ids}"

    def check(self) -> None:
        """Raise EngineError when a program is missing, or the account may not build."""
        self._tool()
        tools.require("skopeo", reason="export what Buildah has built")
        mine = account.find()
        if mine.rung is account.Rung.C:
            raise EngineError(f"Buildah cannot build here: {mine.why}", hint=mine.hint)

    def held(self) -> contextlib.AbstractContextManager[object]:
        """See `Engine.held`; there is nothing to start."""
        return contextlib.nullcontext()

    def build(self, build: Build, view: View) -> Built:
        """See `Engine.build`."""
        with self._walk(build, view) as (walk, _):
            return walk.run()

    def keep(self, build: Build, view: View, where: Layers) -> None:
        """See `Engine.keep`. What was not built is left out."""
        if where.folder is None:
            raise EngineError("Buildah keeps layers in a folder alone")
        with self._walk(build, view) as (walk, images):
            kept.write(walk.known(), images, where.folder)

    @contextlib.contextmanager
    def _walk(self, build: Build, view: View) -> Iterator[tuple[Walk, Images]]:
        buildah = self._tool()
        dialect = Dialect(version=tools.numbers(buildah.version))
        made = graph.make(build.plan, build.definition.contexts)
        try:
            with storage.enter(buildah) as (where, run):
                images = Images(where, run, where.environment(run))
                sources = {name: s for node in made.nodes for name, s in node.images.items()}
                bases = {source: images.base(name, source) for name, source in sources.items()}
                walk = Walk(
                    build,
                    view,
                    graph=made,
                    dialect=dialect,
                    images=images,
                    inputs=Inputs(_root(build), ignore.parse(build.definition.ignored), bases),
                    isolation=_isolation(made, images, bases, dialect),
                    jobs=self._jobs or len(os.sched_getaffinity(0)),
                )
                yield walk, images
        except KeyboardInterrupt:
            raise Interrupted("interrupted; what was built stays in the cache") from None

    def _tool(self) -> tools.Tool:
        # Asking it for its version takes as long as a bake that changes nothing.
        self._found = self._found or _buildah()
        return self._found


def _buildah() -> tools.Tool:
    found = tools.measured(tools.require("buildah", reason="build"))
    if not tools.recent(found):
        raise EngineError(
            f"{found.path} is {found.version or 'of an unknown version'}, and pdbuild needs 1.28",
            hint=tools.hint("buildah"),
        )
    return found


def _isolation(
    made: graph.Graph, images: Images, bases: Mapping[str, str], dialect: Dialect
) -> text.Isolation:
    runs = any(isinstance(i, Run) for node in made.nodes for i in node.stage.instructions)
    # Without a base there is no shell, so no step to run either.
    if not (runs and bases):
        return text.Isolation()
    # It is tried on a base whose programs need no emulator, if there is one.
    nodes = sorted(made.nodes, key=lambda node: node.platform)
    tried = next(bases[source] for node in nodes for source in node.images.values())
    return images.isolation(tried, dialect)


def _root(build: Build) -> Path:
    return Path(build.plan.root)
