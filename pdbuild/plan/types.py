"""The plan's values."""

from dataclasses import dataclass, field
from enum import StrEnum

from pdbuild.plan.instructions import Stage
from pdbuild.recipe.types import Block

# The label that says which block made the pages of the source.
GENERATOR = "org.pdbuild.generator"
# The label that says of which variant a production image is.
VARIANT = "org.pdbuild.variant"


class Kind(StrEnum):
    """What a target yields, and so where its output goes."""

    DEV = "dev"
    BINARIES = "binaries"
    DEB = "deb"
    IMAGE = "image"
    DOCS = "docs"
    BROWSE = "browse"
    ROOTFS = "rootfs"

    @property
    def is_image(self) -> bool:
        """Whether the output is an image; the others are files below `build/`."""
        return self in (Kind.DEV, Kind.IMAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for, and the facts about the host that the plan depends on.

    `targets` are names of targets and groups (empty: the group "all"); `variants` limits
    groups to these (empty: all); `settings` are `--set OPTION=VALUE`; `platforms` replaces
    the recipe's when not empty. `version`, `revision` and `created` (seconds since 1970)
    describe the source, `source_url` is where it was cloned from.
    """

    targets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    version: str = "0.0.0"
    revision: str = ""
    created: int = 0
    source_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing that can be asked for.

    `stage` is the Containerfile's stage; `tags` are full image references (images only);
    `destination` is relative to the project root (files only).
    """

    name: str
    stage: str
    kind: Kind
    description: str
    variant: str = ""
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    destination: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The resolved graph: stages in an order in which each follows what it needs.

    `targets` are those asked for; `groups` are the names among what was asked for that stand
    for several. `base` is the image reference under every stage. `sources` are the blocks that
    are built from a source: each is a named context, `source-BLOCK`. `left_out` are optional
    blocks without one, with the reason.
    """

    project: str
    version: str
    root: str
    base: str
    platforms: tuple[str, ...]
    stages: tuple[Stage, ...]
    targets: tuple[Target, ...]
    groups: dict[str, tuple[str, ...]]
    sources: tuple[Block, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    def stages_of(self, target: Target) -> frozenset[str]:
        """Names of all stages that `target` is built from."""
        by_name = {stage.name: stage for stage in self.stages}
        found: set[str] = set()
        waiting = [target.stage]
        while waiting:
            name = waiting.pop()
            if name in by_name and name not in found:
                found.add(name)
                waiting.extend(by_name[name].needs)
        return frozenset(found)
