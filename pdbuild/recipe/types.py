"""A whole recipe as a frozen value; each of its tables is a module of `pdbuild.recipe.tables`."""

from dataclasses import dataclass
from pathlib import PurePath

from pdbuild.recipe.table import Table, no_key
from pdbuild.recipe.tables.app import App
from pdbuild.recipe.tables.base import Base
from pdbuild.recipe.tables.block import Block, Parameter, Source
from pdbuild.recipe.tables.browse import Browse
from pdbuild.recipe.tables.build import Build
from pdbuild.recipe.tables.cache import Cache
from pdbuild.recipe.tables.docs import Docs
from pdbuild.recipe.tables.image import Image
from pdbuild.recipe.tables.mirrors import Mirrors
from pdbuild.recipe.tables.options import Option
from pdbuild.recipe.tables.package import Package
from pdbuild.recipe.tables.project import Project
from pdbuild.recipe.tables.registry import Registry
from pdbuild.recipe.tables.submit import Submit
from pdbuild.recipe.tables.toolchain import Toolchain
from pdbuild.recipe.tables.variants import Variant
from pdbuild.recipe.tables.verify import Verify

__all__ = ["App", "Block", "Mirrors", "Package", "Parameter", "Recipe", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(Table):
    """A whole recipe, after `extends` is merged and its blocks are read.

    `file` is the recipe's path as the user named it; `root` is the project root (an absolute
    POSIX path: the folder of the recipe, or its parent when that folder is called `recipes`),
    which is the build context and below which `build/` is written; `source` is the source
    tree relative to `root` ("." when they are the same). `left_out` are those of the optional
    `blocks` that could not be had, with the reason. Every other field is a table of the file.
    """

    file: str = no_key()
    root: str = no_key()
    source: str = no_key()
    project: Project
    base: Base
    toolchain: Toolchain
    blocks: tuple[Block, ...] = no_key()
    options: dict[str, Option]
    variants: dict[str, Variant]
    build: Build
    package: Package | None
    image: Image | None
    docs: Docs | None
    browse: Browse | None
    verify: Verify | None
    app: App | None
    mirrors: Mirrors
    registry: Registry
    submit: dict[str, Submit]
    cache: Cache
    left_out: dict[str, str] = no_key(default_factory=dict)

    @property
    def only_app(self) -> bool:
        """Whether it compiles nothing: an application of an image that is there."""
        return self.app is not None and bool(self.app.image)

    @property
    def lock(self) -> str:
        """The file of the application's locked Python packages, relative to the root."""
        path = PurePath(self.file)
        folder = f"{path.parent.name}/" if path.parent.name == "recipes" else ""
        return f"{folder}{path.stem}.lock"

    @property
    def at_hand(self) -> tuple[Block, ...]:
        """The blocks that are not left out."""
        return tuple(block for block in self.blocks if block.name not in self.left_out)

    @property
    def block_names(self) -> frozenset[str]:
        """The blocks that are named or required, whether they are sound or not."""
        return frozenset((*self.toolchain.blocks, *(block.name for block in self.blocks)))

    @property
    def default_variant(self) -> str:
        """The variant whose tag and package carry no suffix."""
        return next(name for name, variant in self.variants.items() if variant.default)
