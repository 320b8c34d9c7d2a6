"""The plan's values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pdbuild.plan.instructions import Stage
from pdbuild.platforms import PLATFORMS, Platform
from pdbuild.recipe.types import Block
from pdbuild.version import Version

# The label that says which block made the pages of the source.
GENERATOR = "org.pdbuild.generator"
# The label that says what an image is called, by OCI's specification of images, annotations.md.
TITLE = "org.opencontainers.image.title"
# The label that says of which variant a production image is.
VARIANT = "org.pdbuild.variant"
# The label of the state before a failed step; it names the target.
DEBUG = "org.pdbuild.debug"
# The label that says what an image is made of.
DEFINITION = "org.pdbuild.definition"
# The label that names the optional blocks that an image lacks; with .NAME, the reason.
LEFT_OUT = "org.pdbuild.left-out"


class Form(StrEnum):
    """What a target yields, and so what becomes of it."""

    FILES = "files"  # unpacked below `build/`
    ARCHIVE = "archive"  # one layer, kept as a tar archive below `build/`
    IMAGE = "image"  # goes to the image store
    OUTCOME = "outcome"  # says what became of an optional block; read, and not delivered
    CLAIMS = "claims"  # is not built: what was built is judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for, and the facts about the host that the plan depends on.

    `targets` are names of targets and groups (empty: the group "all"); `variants` limits
    groups to these (empty: all); `settings` are `--set OPTION=VALUE`; `platforms` replaces
    the recipe's when not empty; `machine` is that of the machine that builds. `version`,
    `revision` and `created` (seconds since 1970)
    describe the source, `source_url` is where it was cloned from.
    """

    targets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    machine: Platform = PLATFORMS["linux/amd64"]
    version: Version = field(default=Version("0.0.0"))
    revision: str = ""
    created: int = 0
    source_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing that can be asked for.

    `stage` is the Containerfile's stage; `kind` names one of `pdbuild.targets`; `tags` are full
    image references (images only); `destination` is relative to the project root (files only).
    `platform` is what it is for, `emulated` that its stages run as the platform's own.
    `says_definition` gives it a label by which one that an older recipe made is known. `judges`
    are the targets that must be there for this one (claims only).
    """

    name: str
    stage: str
    kind: str
    description: str
    form: Form = Form.FILES
    variant: str = ""
    platform: str = ""
    emulated: bool = False
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    destination: str = ""
    says_definition: bool = False
    judges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The resolved graph: stages in an order in which each follows what it needs.

    `targets` are those asked for; `groups` are the names among what was asked for that stand
    for several, as `request` has it. `base` is the image reference under every stage. `sources`
    are the blocks that are built from a source here: each is a named context, `source-BLOCK`.
    `outcomes` are built besides: each says what became of an optional block. `left_out` are
    optional blocks that are missing here, with the reason. `notes` say what else is not made.
    `claims` are those asked for that no engine builds: each stands for what the recipe claims
    of the image of its variant.
    """

    project: str
    version: Version
    root: str
    base: str
    platforms: tuple[str, ...]
    stages: tuple[Stage, ...]
    targets: tuple[Target, ...]
    groups: dict[str, tuple[str, ...]]
    request: Request = field(default_factory=Request, compare=False)
    sources: tuple[Block, ...] = ()
    outcomes: tuple[Target, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    claims: tuple[Target, ...] = ()

    def only(self, targets: Collection[Target]) -> "Plan":
        """The plan of these of its targets."""
        names = {target.name for target in targets}
        groups = {
            group: kept
            for group, members in self.groups.items()
            if (kept := tuple(member for member in members if member in names))
        }
        return replace(self, targets=tuple(targets), groups=groups)

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


def base_of(base: str, platform: str) -> str:
    """The name of the context that is the base of a platform's emulated targets."""
    return f"{base} for {platform}"


def contexts_of(target: Target, base: str, contexts: Mapping[str, str]) -> dict[str, str]:
    """The named contexts as a target's stages see them: an emulated one has another base."""
    seen = {name: where for name, where in contexts.items() if not name.startswith(f"{base} for ")}
    own = contexts.get(base_of(base, target.platform))
    return seen | ({base: own} if target.emulated and own else {})
