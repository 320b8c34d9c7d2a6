"""Names of functions that were stripped: packages of debug symbols have them."""

import functools
from collections.abc import Sequence
from pathlib import Path

from pdbuild.verify import functions
from pdbuild.verify.functions import Symbols


def beside(debs: Sequence[Path], data: bytes) -> Symbols:
    """The names for the ELF file `data` in the packages NAME-dbgsym among `debs`, if any."""
    wanted = functions.build_id(data)
    for deb in debs if wanted else ():
        if "-dbgsym_" in deb.name or "-dbgsym-" in deb.name:
            names = _of(deb).get(wanted)
            if names:
                return names
    return ()


@functools.lru_cache(maxsize=32)
def _of(deb: Path) -> dict[str, Symbols]:
    """The names in a package of debug symbols, by the id of the file that they are for."""
    from debian.debfile import DebFile

    found = {}
    with DebFile(str(deb)) as package, package.data.tgz() as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file and member.name.endswith(".debug"):
                data = file.read()
                found[functions.build_id(data)] = functions.symbols(data)
    return found
