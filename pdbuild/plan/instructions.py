"""The Containerfile's vocabulary as values: the part that BuildKit and Buildah share."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A read-only bind mount; `source` is inside `stage`, or inside the build context."""

    target: str
    source: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A directory that outlives the build.

    One id always has one target, and steps lock inside it where they must: two locked
    mounts taken in different orders would wait for each other for ever.
    """

    id: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmpfs:
    """A directory that lives as long as the step."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A file at `/run/secrets/ID`, when the caller gives one; it is in no layer or cache key."""

    id: str


Mount = Bind | Cache | Tmpfs | Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg:
    """`ARG`: a build argument with its default (None: set by the builder)."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """`ENV`: one variable of the steps that follow and of the image."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`RUN` in exec form: an argument vector, with what is mounted meanwhile."""

    argv: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """`COPY` from a stage, or from the build context when `stage` is empty.

    `owner` (`UID:GID`) is given to the files; empty means the engine's default.
    """

    source: str
    target: str
    stage: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir:
    """`WORKDIR`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose:
    """`EXPOSE` of TCP ports."""

    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint:
    """`ENTRYPOINT` in exec form."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd:
    """`CMD` in exec form."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """Why the next instruction is there, for the person who reads the text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`USER`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """`HEALTHCHECK` in exec form. Images in OCI's own form have none: some engines leave it out."""

    argv: tuple[str, ...]


Instruction = (
    Arg | Env | Run | Copy | Workdir | Expose | Entrypoint | Cmd | User | Healthcheck | Comment
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`FROM base AS name` and what follows it; `comment` stands above it.

    `platform` is that of the base, where it is not what is built for; it decides nothing, as
    the names of stages tell what is made for others.
    """

    name: str
    base: str
    comment: str
    instructions: tuple[Instruction, ...] = ()
    platform: str = field(default="", repr=False)

    @property
    def needs(self) -> tuple[str, ...]:
        """The names that this stage reads from: other stages, or image references."""
        names = [self.base]
        for instruction in self.instructions:
            match instruction:
                case Copy(stage=stage) if stage:
                    names.append(stage)
                case Run(mounts=mounts):
                    names.extend(m.stage for m in mounts if isinstance(m, Bind) and m.stage)
                case _:
                    pass
        return tuple(dict.fromkeys(names))

    @property
    def last_copies(self) -> tuple[Copy, ...]:
        """The copies of the build context that are its last layers, when it has such."""
        found: list[Copy] = []
        for instruction in reversed(self.instructions):
            if isinstance(instruction, Copy) and not (instruction.stage or instruction.owner):
                found.insert(0, instruction)
            elif isinstance(instruction, Copy | Run | Workdir):
                break
        return tuple(found)

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """The paths that this stage reads, by the name of where ("" is the build context)."""
        found: dict[str, dict[str, None]] = {}
        for instruction in self.instructions:
            match instruction:
                case Copy(source=source, stage=stage):
                    found.setdefault(stage, {})[source] = None
                case Run(mounts=mounts):
                    for bind in (m for m in mounts if isinstance(m, Bind)):
                        found.setdefault(bind.stage, {})[bind.source] = None
                case _:
                    pass
        return {name: tuple(paths) for name, paths in found.items()}
