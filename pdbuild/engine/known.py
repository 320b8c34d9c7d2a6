"""Chooses the engine that builds, and makes sure that it can."""

import sys
from collections.abc import Callable

from pdbuild import account
from pdbuild.engine import choice
from pdbuild.engine.contract import Engine
from pdbuild.errors import EngineError, UsageError


def _buildkit(builder: str) -> Engine:
    from pdbuild.engine.buildkit import BuildKit

    return BuildKit(builder)


def _buildah(builder: str) -> Engine:
    from pdbuild.engine.buildah import Buildah

    if builder:
        raise UsageError("--builder is a builder of BuildKit's", hint="drop --engine buildah")
    return Buildah()


def _proot(builder: str) -> Engine:
    from pdbuild.engine.proot import Proot

    if builder:
        raise UsageError("--builder is a builder of BuildKit's", hint="drop --engine proot")
    return Proot()


#: The engines by name, the preferred one first. Each is imported only when it is asked.
ENGINES: dict[str, Callable[[str], Engine]] = {
    "buildkit": _buildkit,
    "buildah": _buildah,
    choice.WITHOUT_NAMESPACES: _proot,
}


def engine(asked: str, builder: str, *, quiet: bool) -> Engine:
    """The engine called `asked`, or with "auto" the one that can build here.

    `builder` is a buildx builder of the user's, which needs nothing of the account. Says which
    engine it is and why in a line on stderr when it was not asked for, unless `quiet`. Raises
    UsageError for an unknown one and EngineError for one that cannot work.
    """
    if asked != choice.AUTO and asked not in ENGINES:
        names = ", ".join((choice.AUTO, *ENGINES))
        raise UsageError(f"no engine {asked!r}", hint=f"one of {names}")
    if builder:
        return _checked("buildkit" if asked == choice.AUTO else asked, builder)
    mine = account.find()
    if asked != choice.AUTO:
        refused = choice.refusal(asked, mine)
        if refused:
            raise refused
        return _checked(asked, "")
    chosen = choice.choose(mine, ENGINES, lacking)
    if not quiet:
        print(f"engine: {chosen.engine} ({chosen.why})", file=sys.stderr)
    return ENGINES[chosen.engine]("")


def lacking(name: str) -> EngineError | None:
    """What the engine called `name` misses here; None when nothing."""
    try:
        ENGINES[name]("").check()
    except EngineError as error:
        return error
    return None


def _checked(name: str, builder: str) -> Engine:
    found = ENGINES[name](builder)
    found.check()
    return found
