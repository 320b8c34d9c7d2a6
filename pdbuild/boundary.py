"""What an exception is for who called pdbuild: a known error, with all that helps, or a bug."""

import contextlib
import sys
from errno import EACCES, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS
from typing import TypeVar

from pdbuild.errors import Bug, PdbuildError, RecipeError

Known = TypeVar("Known", bound=PdbuildError)

# What a disk or an account lacks is no bug of ours.
_OF_THE_MACHINE = frozenset({EACCES, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS})


def explained(error: Known) -> Known:
    """The error with what it means that a host or a disk failed somewhere below."""
    from pdbuild import lacks

    if isinstance(error, RecipeError):
        return error
    # A build's report says by itself which steps go to the network.
    if not error.message.startswith("error: ") and (first := lacks.outage(error.message)):
        error.message = f"{first}\n{error.message}"
    remedy = lacks.remedy(f"{error.message}\n{error.hint}")
    if remedy and "pdbuild prune" not in error.hint and "max_user_namespaces" not in error.hint:
        error.hint = f"{error.hint}\n  hint: {remedy}" if error.hint else remedy
    return error


def of_machine(error: Exception) -> PdbuildError | None:
    """What the machine lacks, as an error; None when it is something else."""
    if not isinstance(error, OSError) or error.errno not in _OF_THE_MACHINE:
        return None
    # Without a name it is our output, on a disk that pdbuild knows nothing of.
    if not error.filename:
        return PdbuildError(str(error.strerror))
    return explained(PdbuildError(f"{error.filename}: {error.strerror}"))


def bug(asked: str) -> Bug:
    """The exception that is being handled as a bug; what was `asked` for is kept with it."""
    import platform
    import tempfile
    import traceback

    from pdbuild.dirs import cache_dir

    trace = traceback.format_exc()
    hint = "please report it with what `pdbuild` was asked for"
    with contextlib.suppress(OSError):  # there may be no place for a file
        with tempfile.NamedTemporaryFile(
            "w", dir=cache_dir(), prefix="bug-", suffix=".log", delete=False,
            encoding="utf-8", errors="backslashreplace",
        ) as log:  # fmt: skip
            log.write(f"{asked}\n{sys.version}\n")
            log.write(f"{platform.platform()}\n\n{trace}")
        hint = f"please report it with {log.name}"
    return Bug(f"this is a bug in pdbuild: {trace.strip().splitlines()[-1]}", hint=hint)
