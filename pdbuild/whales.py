"""Commands of podman and buildx by python-on-whales, where that has a call for them.

What it has none for goes by `programs`: `podman unshare`, `pull` of a layout, `run --rootfs`, `rm`
with a time to wait, `info`, whose answer it reads as Docker's. So does what must be quick, as
importing it takes 0.2 seconds: the start of programs in images, and looking an image up for
that.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pdbuild.errors import EngineError, UsageError

if TYPE_CHECKING:
    from python_on_whales import DockerClient

Client: TypeAlias = "DockerClient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A container; `pid` is 0 when it does not run."""

    id: str
    name: str
    status: str
    pid: int


@contextlib.contextmanager
def client(
    *words: str | os.PathLike[str], env: Mapping[str, str] | None = None
) -> Iterator[Client]:
    """A client whose commands begin with `words`: a program and its global options.

    `env` is all of the environment, for as long as the block runs: python-on-whales gives most
    commands this process's own. Raises EngineError with the last words of a command that
    failed.
    """
    from python_on_whales import ClientNotFoundError, DockerClient
    from python_on_whales.exceptions import DockerException

    name = Path(words[0]).name
    try:
        with _environment(env) if env is not None else contextlib.nullcontext():
            yield DockerClient(client_call=[os.fspath(word) for word in words])
    except ClientNotFoundError as error:
        raise EngineError(f"{name} is not installed") from error
    except DockerException as error:
        lines = (error.stderr or error.stdout or str(error)).strip().splitlines()
        raise EngineError(f"{name}: {lines[-1].removeprefix('Error: ')}") from error


def containers(client: Client, label: str) -> tuple[Listed, ...]:
    """All containers that have a label, also those that have ended."""
    from python_on_whales.exceptions import NoSuchContainer

    found = []
    for one in client.container.list(all=True, filters=[("label", label)]):
        with contextlib.suppress(NoSuchContainer):  # it has gone since
            status, pid = one.state.status or "", one.state.pid or 0
            found.append(Listed(id=one.id, name=one.name, status=status, pid=pid))
    return tuple(found)


def chosen(listed: Iterable[Listed], wanted: str) -> Listed | None:
    """The container with this id or name, or with an id that begins so; None when there is none.

    Raises UsageError when several ids begin so.
    """
    ours = tuple(listed)
    exact = [c for c in ours if wanted in (c.id, c.name)]
    found = exact or [c for c in ours if wanted and c.id.startswith(wanted)]
    if len(found) > 1:
        raise UsageError(f"{len(found)} containers have an id that starts with {wanted}")
    return found[0] if found else None


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
