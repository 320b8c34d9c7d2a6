"""What a project's own files say of it, as values; what a recipe is proposed from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An option of the project: its own name, how it is set, and what is known of it.

    `by` is the build system's key in `[options]` ("cmake", "configure", "meson", "make");
    `key` is what that key takes. `values` are in the project's words, what switches it on first;
    `default` is one of them, or "" when the text does not tell.
    """

    name: str
    by: str
    key: str
    values: tuple[str, ...] = ("ON", "OFF")
    default: str = ""
    description: str = ""

    @property
    def switch(self) -> bool:
        """Whether it is on or off, and nothing else."""
        return len(self.values) == 2 and self.values in SWITCHES


#: The pairs of values that mean on and off.
SWITCHES = (("ON", "OFF"), ("yes", "no"), ("true", "false"), ("1", "0"), ("enabled", "disabled"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that the project looks for: `kind` says by what name it is known.

    "cmake" is a name of `find_package`, "component" one of its components (`Boost/filesystem`),
    "pkg-config" a module, "library" one to link, "header" one to include, "program" one to run,
    "macro" one of autoconf's, "python" a distribution.
    `condition` is why it may not be needed; `required` is False where the project does without.
    """

    kind: str
    name: str
    required: bool = True
    condition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A project as its files describe it.

    `system` is "cmake", "meson", "autotools", "make" or "python"; `languages` are CMake's names
    of them; `needs` are for building, `runs_with` for running; `programs` are those that it
    installs; `how` says what was read. `kernels` tells that CUDA sources are there, `tests` that
    it has tests which no option of its own switches.
    `fetches` are downloads of the configuration step, `toolkit` libraries of CUDA's beyond the
    compiler's own, `notes` what a person should know.
    """

    system: str
    how: str
    name: str = ""
    version: str = ""
    description: str = ""
    homepage: str = ""
    languages: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    needs: tuple[Need, ...] = ()
    runs_with: tuple[Need, ...] = ()
    programs: tuple[str, ...] = ()
    installs: bool = True
    tests: bool = False
    kernels: bool = False
    fetches: tuple[str, ...] = ()
    toolkit: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
