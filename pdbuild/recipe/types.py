"""The tables of a recipe as frozen values.

Field names are the TOML keys. A field's `metadata["merge"]` says how a recipe
that `extends` another combines with it: "replace" (the default: the extending
recipe's value wins), "append" (lists are joined, without repeats), "join" (lists are
joined as they are) or "by key" (tables are merged entry by entry). Tables themselves
always merge field by field.

A `doc` text in the metadata describes the key for editors and messages.
"""

# ruff: noqa: RUF009 - `_key` is `dataclasses.field` with a description
from dataclasses import dataclass, field
from typing import Any, Literal

MERGE_APPEND = "append"
MERGE_BY_KEY = "by key"
MERGE_JOIN = "join"
MERGE_REPLACE = "replace"


def _key(doc: str, *, merge: str = MERGE_REPLACE, **kwargs: Any) -> Any:
    """A dataclass field with its description and its merge rule."""
    return field(metadata={"doc": doc, "merge": merge}, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`[project]`: what is built, from where, for which platforms."""

    name: str = _key(
        "Name of the package, the images and the library; Debian's package name rules."
    )
    version: str = _key('"git" for `git describe` of the source, or a literal.', default="git")
    source: str = _key("The source tree, relative to this recipe.", default=".")
    platforms: tuple[str, ...] = _key(
        'OCI platforms, such as "linux/amd64".', default=("linux/amd64",)
    )
    homepage: str = _key("The project's address on the web.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """`[base]`: the root file system that every stage starts from."""

    distribution: Literal["debian"] = _key("The distribution.", default="debian")
    suite: str = _key('The suite, such as "trixie".', default="trixie")
    image: str = _key(
        "The image reference that plain tools use; pdbuild puts its own bootstrapped base "
        "in its place. Default: DISTRIBUTION:SUITE-slim.",
        default="",
    )
    bootstrap: bool = _key(
        "Bootstrap the base from the signed archive; false takes `image` from its registry.",
        default=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """`[toolchain]`: the tools of the dev image.

    Every other key of the table is the name of a block and holds its parameters:
    `nvcc = { version = "13" }`; they arrive in `parameters`.
    """

    blocks: tuple[str, ...] = _key("Blocks, in order.", merge=MERGE_APPEND, default=())
    packages: tuple[str, ...] = _key("More Debian packages.", merge=MERGE_APPEND, default=())
    parameters: dict[str, dict[str, str | tuple[str, ...]]] = _key(
        "Parameters by block.", merge=MERGE_BY_KEY, default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One entry of `[options]`: an axis that the project compiles by."""

    default: str = _key("The value when nobody sets the option.")
    values: tuple[str, ...] = _key("The values it takes.", default=("ON", "OFF"))
    cmake: str = _key("The CMake variable that it sets, if any.", default="")
    description: str = _key("One line for people.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One entry of `[variants]`: a named choice of options that ships.

    In TOML the options stand beside `default`: `{ GPU = "ON", AVX = "OFF", default = true }`.
    """

    options: dict[str, str] = _key(
        "Option values; unnamed options keep their default.", default_factory=dict
    )
    default: bool = _key("The variant whose tag and package have no suffix.", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """`[build]`: how the sources become an installed tree."""

    hook: str = _key(
        'A hook of pdbuild\'s ("build": CMake and ninja, "build-make", "build-autotools"), or '
        "the path of the project's own script, relative to the source.",
        default="build",
    )
    arguments: tuple[str, ...] = _key(
        "Arguments for the hook, such as CMake definitions.", merge=MERGE_JOIN, default=()
    )
    environment: dict[str, str] = _key(
        "Environment of the step.", merge=MERGE_BY_KEY, default_factory=dict
    )
    prefix: str = _key("The installation prefix.", default="/usr")
    develop: dict[str, str] = _key(
        'Options that `pdbuild build` sets when nobody does, such as { TEST = "ON" }.',
        merge=MERGE_BY_KEY,
        default_factory=dict,
    )
    first: str = _key(
        "The variant that compiles first; the others wait and take its objects from ccache. "
        "Best the one with the most objects. Default: the first variant.",
        default="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`[package]`: the Debian binary package of each variant."""

    maintainer: str = _key('"Name <address>"; Debian policy 5.6.2.')
    description: str = _key("First line: the synopsis; the rest: the long description.")
    section: str = _key("The archive section.", default="misc")
    license: str = _key("SPDX identifier, for debian/copyright.", default="")
    depends: tuple[str, ...] = _key(
        "Depends beyond the shared libraries, which are found by dpkg-shlibdeps.",
        merge=MERGE_APPEND,
        default=(),
    )
    recommends: tuple[str, ...] = _key("Recommends.", merge=MERGE_APPEND, default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`[image]`: the production image of each variant."""

    packages: tuple[str, ...] = _key(
        "Debian packages of the runtime, with their dependencies.", merge=MERGE_APPEND, default=()
    )
    entrypoint: str = _key(
        'A hook: "entrypoint" runs a Python program or any command. Empty: none.', default=""
    )
    command: tuple[str, ...] = _key("What runs when nothing is named.", default=())
    workdir: str = _key("The working directory.", default="/work")
    environment: dict[str, str] = _key(
        "Environment of the image.", merge=MERGE_BY_KEY, default_factory=dict
    )
    expose: tuple[int, ...] = _key("TCP ports.", merge=MERGE_APPEND, default=())
    size_budget: str = _key('Most bytes it may take uncompressed, such as "75MB".', default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Docs:
    """`[docs]`: the project's documentation."""

    hook: str = _key("The hook that makes the pages.", default="docs")
    source: str = _key("The folder of the pages, relative to the source.", default="docs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse:
    """`[browse]`: the source as pages in which every name leads to its definition."""

    generator: tuple[str, ...] = _key(
        "Blocks that can make the pages; the first that could be had makes them.",
        default=("woboq", "doxygen"),
    )
    hook: str = _key("The hook that makes the pages.", default="browse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """`[mirrors]`: where downloads come from; unset means upstream.

    They reach the steps while they run and are in no layer.
    """

    apt: str = _key("Debian archive.", default="")
    pip: str = _key("Python package index.", default="")
    git: str = _key("Prefix for git sources.", default="")
    registry: str = _key("Registry for base images.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One entry of a block's `[parameters]`."""

    default: str | tuple[str, ...] = _key("The value, or values, when the recipe names none.")
    values: tuple[str, ...] = _key("The values allowed; empty: any.", default=())
    description: str = _key("One line for people.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A block's `[source]`: what is in no package archive and is built in the image.

    pdbuild fetches it on the host and checks it; the block's `install` hook finds it in
    /run/source. A recipe names a copy of its own with `BLOCK = { source = "PATH" }`, which
    is checked all the same.
    """

    git: str = _key("The address of a git repository; needs `commit`.", default="")
    commit: str = _key("The commit, all 40 digits.", default="")
    url: str = _key("The address of a tarball; needs `sha256`.", default="")
    sha256: str = _key("The tarball's checksum.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of toolchain: `recipes/toolchain/NAME.toml`.

    `${parameter}` in `pip`, `apt`, `environment` and `path` stands for a parameter's value; a list
    is joined with `;`.
    """

    name: str = _key("The file's name without `.toml`; not a key.")
    description: str = _key("One line for people.")
    requires: tuple[str, ...] = _key("Blocks that must be named too.", default=())
    apt: tuple[str, ...] = _key("Debian packages.", default=())
    pip: tuple[str, ...] = _key("Python requirements, installed into /opt/NAME.", default=())
    environment: dict[str, str] = _key("Environment it sets.", default_factory=dict)
    path: tuple[str, ...] = _key("Folders put at the front of PATH.", default=())
    install: str = _key("A hook that runs after the packages are there.", default="")
    check: str = _key("The hook that makes it work; its failure fails the build.")
    parameters: dict[str, Parameter] = _key("What a recipe may set.", default_factory=dict)
    source: Source | None = _key("Its source, if it is built from one.", default=None)
    optional: bool = _key(
        "Leave the block out, and say so, when its source cannot be had.", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole recipe, after `extends` is merged and its blocks are read.

    `file` is the recipe's path as the user named it; `root` is the project root (an absolute
    POSIX path: the folder of the recipe, or its parent when that folder is called `recipes`),
    which is the build context and below which `build/` is written; `source` is the source
    tree relative to `root` ("." when they are the same). `left_out` are optional blocks
    whose source could not be had, with the reason; `blocks` has them no more.
    """

    file: str
    root: str
    source: str
    project: Project
    base: Base
    toolchain: Toolchain
    blocks: tuple[Block, ...]
    options: dict[str, Option]
    variants: dict[str, Variant]
    build: Build
    package: Package | None
    image: Image | None
    docs: Docs | None
    browse: Browse | None
    mirrors: Mirrors
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def default_variant(self) -> str:
        """The variant whose tag and package carry no suffix."""
        return next(name for name, variant in self.variants.items() if variant.default)
