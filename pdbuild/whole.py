"""Files that appear whole or not at all, whoever reads them or kills us meanwhile."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Put a file of this content in the place of what `path` is; `mode` as open(2) has it.

    Raises OSError, and changes nothing then.
    """
    with replacing(path) as new:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path`, dotted, for a file that takes its place in the end."""
    new = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
