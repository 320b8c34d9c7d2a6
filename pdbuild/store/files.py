"""Files that appear whole or not at all."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pdbuild import whole
from pdbuild.errors import EngineError

# Why a hard link can fail where a copy works: another file system, too many links, a file of
# another user (fs.protected_hardlinks), a file system without links.
_NO_LINK = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EACCES, errno.ENOTSUP})


def take(source: Path, target: Path, size: int) -> None:
    """Make `target` the blob `source` of `size` bytes, by a hard link or else by a copy.

    Raises EngineError when `source` is missing or has another size. Its digest is not computed
    again (the engine did): the size tells a torn file, at no cost.
    """
    with contextlib.suppress(FileNotFoundError):
        if target.stat().st_size == size:
            return
    try:
        if source.stat().st_size != size:
            raise EngineError(f"{source} is damaged: not {size} bytes")
        with whole.replacing(target) as name:
            try:
                os.link(source, name)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                shutil.copyfile(source, name)
    except OSError as error:
        raise EngineError(f"cannot take {source} into the image store: {error.strerror}") from error


def put(target: Path, data: bytes) -> None:
    """Write a blob."""
    with whole.replacing(target) as name:
        name.write_bytes(data)


def replace(path: Path, data: Mapping[str, Any]) -> None:
    """Write `data` as JSON, in place of what `path` holds."""
    whole.write(path, json.dumps(data, indent=1, sort_keys=True) + "\n")
