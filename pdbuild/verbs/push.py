"""`pdbuild push`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices

if TYPE_CHECKING:
    from pdbuild.transfer.push import Pushed


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Send images of the store to a registry, each with all of its platforms: those that are "
        "named, or the recipe's production images of the version that the source has now. Their "
        "tags change when all else is there, and together."
    )
    add = parser.add_argument
    add("images", nargs="*", metavar="IMAGE", help="this one, or all of its name")
    add("--to", default="", metavar="HOST/PATH", help="the repository ([registry] to)")
    options.add_recipe(parser)
    add("--variant", action="append", default=[], metavar="NAME", help="only this variant")
    options.add_registry(parser)
    add("-q", "--quiet", action="store_true", help="print only the references")
    add("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """Push, and print what is there now."""
    from pdbuild import terminal
    from pdbuild.api.shipping import Push

    pushed = Push(
        images=tuple(arguments.images),
        choices=Choices(recipe=arguments.recipe, variants=options.listed(arguments.variant)),
        to=arguments.to,
        access=options.registry(arguments),
    ).perform(terminal.audience(quiet=arguments.quiet))
    print(_told(pushed, as_json=arguments.json, quiet=arguments.quiet))
    return 0


def _told(pushed: tuple[Pushed, ...], *, as_json: bool, quiet: bool) -> str:
    import json
    from dataclasses import asdict

    if as_json:
        return json.dumps([asdict(one) for one in pushed], indent=1)
    if quiet:
        return "\n".join(one.there for one in pushed)
    from pdbuild.transfer.push import as_table

    return as_table(pushed)
