"""What stages are made for: a platform, and whether the machine that builds is another."""

from dataclasses import dataclass

from pdbuild.platforms import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A platform that things are made for.

    When `crossing`, all that compiles and packs runs on the machine that builds and makes things
    for the platform; such stages and targets bear its name. `emulating` runs them as the
    platform's own instead, by an emulator.
    """

    platform: Platform
    crossing: bool = False
    emulating: bool = False

    @property
    def foreign(self) -> bool:
        """Whether the machine that builds is another."""
        return self.crossing or self.emulating

    @property
    def suffix(self) -> str:
        """What the names of targets have at their end."""
        return f"-{self.platform.folder}" if self.foreign else ""

    def target(self, name: str) -> str:
        """The name of a target for this goal."""
        return name + self.suffix

    def stage(self, name: str) -> str:
        """The name of a stage for this goal. An emulator is given the same text."""
        return f"{name}-{self.platform.folder}" if self.crossing else name

    def below(self, path: str) -> str:
        """A path in `build/` as it is for this goal: `build/cpu` or `build/linux-arm64/cpu`."""
        if not self.foreign:
            return path
        head, slash, rest = path.partition("/")
        return f"{head}/{self.platform.folder}{slash}{rest}"

    @property
    def key(self) -> str:
        """Debian's name of the architecture, for names of caches; a reference where it serves."""
        return self.platform.architecture if self.crossing else "$TARGETARCH"
