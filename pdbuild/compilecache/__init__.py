"""The compile cache that several accounts and machines share: ccache's remote storage.

What steps are told of it is a secret of theirs, the configuration file of ccache: so it is in no
layer, log or bake file, and which cache is used changes nothing of what is built.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pdbuild.compilecache import address
from pdbuild.compilecache.address import Address
from pdbuild.errors import UsageError

#: The id of the secret.
SECRET = "compile-cache"
#: The variable that is taken instead of what the recipe says.
VARIABLE = "PDBUILD_CACHE"

_NONE = ("off", "none")


def chosen(remote: str, *, read_only: bool, environment: Mapping[str, str]) -> Address | None:
    """The cache that the recipe (`remote`) or the caller's environment names; None for none.

    A recipe that says `read_only` holds for the caller's cache, too. Raises UsageError.
    """
    text = environment.get(VARIABLE, "") or remote
    if not text or text in _NONE:
        return None
    if problem := address.problem(text):
        what, hint = problem
        raise UsageError(f"{VARIABLE}={address.shown(text)}: {what}", hint=hint)
    found = address.parse(text)
    return found.only_read() if read_only else found


@contextlib.contextmanager
def offered(found: Address | None, *, here: bool, say: Callable[[str], None]) -> Iterator[str]:
    """The text of the secret while the block runs, "" when there is none.

    A folder is served for that long, when the steps run `here`. What cannot be had is said, and
    the build goes on without.
    """
    if found is None or not found.folder:
        yield _text(found) if found else ""
        return
    where = f"the compile cache {found.shown}"
    if not here:
        say(f"note: {where} is not used: steps of a builder of yours do not see this machine")
        yield ""
        return
    from pdbuild.compilecache import folder

    path = Path(found.folder)
    try:
        path.mkdir(exist_ok=True)
        read_only = found.read_only or not os.access(path, os.W_OK)
        if not os.access(path, os.R_OK | os.X_OK):
            raise PermissionError(f"Permission denied: {str(path)!r}")
        if read_only and not found.read_only:
            say(f"note: {where} is only read: you may not write there")
    except OSError as error:
        say(f"note: {where} is not used: {error.strerror or error}")
        yield ""
        return
    with folder.serving(path, read_only=read_only) as served:
        yield _text(served, shown=found.shown)


def _text(found: Address, shown: str = "") -> str:
    """ccache's configuration; the hook reads the comment, to try whether anybody is there."""
    return f"# {found.host} {found.port} {shown or found.shown}\n{found.configuration()}"
