"""What goes between a job's process and the one that started it: values, one after the other."""

import os
import pickle
import struct
import threading
from dataclasses import dataclass
from typing import Any

from pdbuild.errors import PdbuildError

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended: what it yields, or why it failed."""

    value: object = None
    error: PdbuildError | None = None


class Writer:
    """Writes values to a pipe, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def put(self, value: object) -> None:
        """Write one whole. Raises BrokenPipeError when nobody reads any more."""
        data = packed(value)
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]


class Reader:
    """Puts values together again from the pieces that a pipe gives."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Any]:
        """The values that are whole now."""
        self._rest += data
        found = []
        while len(self._rest) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._rest)[0]
            if len(self._rest) < end:
                break
            found.append(pickle.loads(self._rest[_LENGTH.size : end]))
            self._rest = self._rest[end:]
        return found


def packed(value: object) -> bytes:
    """A value as bytes, which say how many they are."""
    data = pickle.dumps(value)
    return _LENGTH.pack(len(data)) + data


def read(descriptor: int) -> Any:
    """The one value that a pipe has. Raises EOFError when it ends before."""
    reader = Reader()
    while data := os.read(descriptor, 65536):
        if found := reader.feed(data):
            return found[0]
    raise EOFError
