"""Somebody who has an account, and in whose image store is a busybox."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .conftest import User, make_user, remove_user
from .container.images import layout
from .project import give

IMAGE = "tiny:0.1.0-cpu"

_ADOPT = """
import sys
from pathlib import Path
from pdbuild.store import Store
Store.own().adopt(Path(sys.argv[1]), sys.argv[2], "localhost/" + sys.argv[3])
"""


@contextlib.contextmanager
def member(name: str, python: Path, *, subordinate: bool = False) -> Iterator[User]:
    """The account, and its end; with subordinate ids only if asked for."""
    made = make_user(name, subordinate=subordinate)
    try:
        exported = made.home / "layout"
        exported.mkdir()
        digest = layout(exported, label="cluster")
        give(made, exported)
        done = made.run([python, "-c", _ADOPT, exported, digest, IMAGE])
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        remove_user(made)
