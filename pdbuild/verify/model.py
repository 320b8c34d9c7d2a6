"""Whether QEMU knows the CPU that a recipe names, asked before anything is made or checked."""

import contextlib
import difflib
import re
import shutil

from pdbuild import programs, tools
from pdbuild.errors import EngineError, UsageError
from pdbuild.recipe.tables.verify import Verify
from pdbuild.verify.machine import emulators_of

_SECONDS = 10


def check(claims: Verify) -> None:
    """Raise UsageError for a model that QEMU does not know; without QEMU nothing is known."""
    if claims.cpu is None or not claims.cpu.run:
        return
    # What may follow a comma are features of it.
    model, names = claims.cpu.model.partition(",")[0], _names()
    if names and model not in names:
        close = difflib.get_close_matches(model, sorted(names), n=1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        raise UsageError(
            f"[verify.cpu] model: QEMU knows no CPU {model!r}",
            hint=f"{meant}`{emulators_of('linux/amd64')[0]} -cpu help` lists them",
        )


def _names() -> frozenset[str]:
    for program in emulators_of("linux/amd64"):
        if found := shutil.which(program, path=tools.search_path()):
            with contextlib.suppress(EngineError):
                return parsed(programs.run(found, "-cpu", "help", timeout=_SECONDS, quick=True).out)
    return frozenset()


def parsed(listing: str) -> frozenset[str]:
    """The names in what `-cpu help` prints; what is below them are features."""
    rest = listing.partition("Available CPUs:\n")[2]
    models = rest.partition("\nRecognized")[0]
    return frozenset(re.findall(r"^(?:x86)? +(\S+)", models, re.MULTILINE))
