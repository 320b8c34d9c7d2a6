"""Programs that an image does not have, or that cannot be executed: what launchers say of them.

runc and crun each have words of their own for it, and podman and Docker put theirs around them.
"""

import re

from pdbuild.container import Container
from pdbuild.errors import EngineError

# What shells end with, and launchers too.
NOT_THERE, NOT_EXECUTABLE = 127, 126

# runc: exec: "x": executable file not found in $PATH; exec: "/x": stat /x: no such file or
# directory; exec: "/x": permission denied. crun: executable file `x` not found in $PATH: No such
# file or directory; open `/x`: Permission denied.
_PROGRAM = re.compile(
    r'exec: "(?P<runc>[^"\n]+)": |executable file [`\'"](?P<crun>[^`\'"\n]+)[`\'"] not found'
    r"|(?:open|exec|stat) [`'\"](?P<opened>/[^`'\"\n]*)[`'\"]: "
)


class ProgramError(EngineError):
    """The program that was asked for cannot be started: `exit_code` is what a shell ends with."""

    def __init__(self, program: str, image: str, code: int, *, hint: str = "") -> None:
        what = (
            f"there is no program {program} in image {image}"
            if code == NOT_THERE
            else f"{program} in image {image} cannot be executed"
        )
        super().__init__(what, hint=hint)
        self.exit_code = code


def explained(said: str, code: int, container: Container) -> ProgramError | None:
    """What a launcher said, that ended with `code` before its program began; None if it is
    about something else."""
    if code not in (NOT_THERE, NOT_EXECUTABLE):
        return None
    if not (found := _PROGRAM.search(said)):
        return None
    program = found["runc"] or found["crun"] or found["opened"]
    hint = ""
    if code == NOT_EXECUTABLE and "ermission denied" in said:
        hint = f"chmod +x makes a file a program; or name what reads it: bash {program}"
    return ProgramError(program, container.image, code, hint=hint)


def by_words(held: bytes, own: bytes, program: str, image: str) -> ProgramError | None:
    """The same of a launcher that ends with 1 and says `own` in front of what it could not start;
    None when what was held back of its stderr is about something else."""
    if own not in held:
        return None
    code = NOT_EXECUTABLE if b"ermission denied" in held or b"executable" in held else NOT_THERE
    return ProgramError(program, image, code)
