"""Images to and from registries and files, as jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import shipment
from pdbuild.api.audience import Audience
from pdbuild.api.events import Transfer
from pdbuild.choices import Access, Choices
from pdbuild.errors import UsageError
from pdbuild.store import Store

if TYPE_CHECKING:
    from pdbuild.transfer.push import Pushed


def _moved(audience: Audience, what: str, moved: int, most: int) -> None:
    audience.tell(Transfer(what=what, moved=moved, most=most))


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Push images of the store, by their references."""

    references: tuple[str, ...]
    to: str
    access: Access

    def perform(self, audience: Audience) -> tuple[Pushed, ...]:
        """Push; what is there then."""
        from pdbuild.transfer import push

        return push.push(
            Store.own(),
            self.references,
            self.to,
            self.access,
            stream=audience.stream,
            say=audience.say,
            watch=partial(_moved, audience),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Push the images that are named, or the recipe's production images of the present version.

    `choices` name the recipe and its variants; `to` and `access` come before what it says.
    """

    images: tuple[str, ...] = ()
    choices: Choices = field(default_factory=Choices)
    to: str = ""
    access: Access = field(default_factory=Access)

    def perform(self, audience: Audience) -> tuple[Pushed, ...]:
        """Push. Raises UsageError before any work, EngineError when the registry fails."""
        if self.images and self.choices.variants:
            raise UsageError("--variant chooses of the recipe's images; here images are named")
        store = Store.own()
        needed = not (self.images and self.to)
        recipe = shipment.recipe_here(self.choices.recipe, needed=needed)
        if self.images:
            references = shipment.named(store, self.images)
        else:
            assert recipe is not None
            references = shipment.of_version(store, recipe, self.choices)
        to = shipment.destination(self.to, recipe)
        access = shipment.access(self.access, recipe)
        return Send(references=references, to=to, access=access).perform(audience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """An image by its full name, and whether the store did not have it."""

    reference: str
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Take an image from a registry into the store; `platform` "" is all that it has."""

    image: str
    platform: str = ""
    access: Access = field(default_factory=Access)

    def perform(self, audience: Audience) -> Pulled:
        """Pull. Raises UsageError for what names no registry's image, EngineError else."""
        from pdbuild.transfer import pull

        full, new = pull.pull(
            Store.own(),
            self.image,
            self.access,
            platform=self.platform,
            stream=audience.stream,
            watch=partial(_moved, audience),
        )
        return Pulled(reference=full, new=new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Write images of the store to `out`, in the form `format`, as `pdbuild save` has it."""

    images: tuple[str, ...]
    out: Path
    format: str = "oci"
    platform: str = ""

    def perform(self, audience: Audience) -> tuple[str, ...]:
        """Save; the references."""
        from pdbuild.transfer import archives

        store = Store.own()
        references = shipment.named(store, self.images)
        archives.save(store, references, self.format, self.out, platform=self.platform)
        return references


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Take images into the store from a file or folder that `Save`, podman or docker wrote."""

    path: Path

    def perform(self, audience: Audience) -> tuple[str, ...]:
        """Load; the references."""
        from pdbuild.transfer import archives

        return tuple(archives.load(Store.own(), self.path))
