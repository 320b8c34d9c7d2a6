"""`[image]`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding
from pdbuild.recipe.table import MERGE_APPEND, MERGE_BY_KEY, Table, key

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Table):
    """`[image]`: the production image of each variant."""

    packages: tuple[str, ...] = key(
        "Debian packages besides libc6 and what the package depends on.",
        merge=MERGE_APPEND,
        default=(),
    )
    pip: bool = key(
        "pip, as one file of 2 MB, for those who install more on top of the image.", default=False
    )
    entrypoint: str = key(
        'A hook: "entrypoint" runs a Python program or any command. Empty: none.', default=""
    )
    command: tuple[str, ...] = key("What runs when nothing is named.", default=())
    workdir: str = key("The working directory.", default="/work")
    environment: dict[str, str] = key(
        "Environment of the image.", merge=MERGE_BY_KEY, default_factory=dict
    )
    expose: tuple[int, ...] = key("TCP ports.", merge=MERGE_APPEND, default=())
    size_budget: str = key('Most bytes it may take uncompressed, such as "75MB".', default="")

    @staticmethod
    def mistakes(recipe: "Recipe") -> Iterator[Finding]:
        image = recipe.image
        if image is None:
            return
        yield from rules.match(
            ("image", "packages"), image.packages, names.DEBIAN_PACKAGE, "a Debian package"
        )
        yield from rules.absolute(("image", "workdir"), image.workdir)
        yield from rules.plain_path(("image", "workdir"), image.workdir)
        if image.entrypoint not in ("", "entrypoint"):
            quoted = names.quote(image.entrypoint)
            what = f'{quoted}: pdbuild\'s hook "entrypoint" alone can be one'
            hint = "the project's own belongs into `command`"
            yield Finding(("image", "entrypoint"), what, hint)
        yield from rules.environment(("image", "environment"), image.environment)
        for port in image.expose:
            if not 1 <= port <= 65535:
                yield Finding(("image", "expose"), f"{port} is not a TCP port", item=port)
        if image.size_budget and not names.size(image.size_budget):
            what = f"{names.quote(image.size_budget)} is not a size"
            yield Finding(("image", "size_budget"), what, 'such as "75MB" or "1.5GB"')
