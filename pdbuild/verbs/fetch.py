"""`pdbuild fetch`: what a recipe needs, for a place without a network."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pdbuild import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Collect what a recipe needs: the base, Debian packages, wheels, sources, and the engines "
        "that are installed here. `pdbuild bake --offline DIR` takes them from there, and needs "
        "no network. A folder or archive that is there grows by what is new."
    )
    add = parser.add_argument
    add("target", nargs="*", metavar="TARGET", help="for this target or group (all)")
    add("--to", required=True, metavar="DIR|FILE.tar", help="the folder, or the archive")
    options.add_choices(parser)
    options.add_building(parser)


def run(arguments: Namespace) -> int:
    """Collect, and say what it was."""
    from pdbuild import project
    from pdbuild.table import size
    from pdbuild.travel.fetch import fetch

    recipe = project.open_recipe(arguments.recipe)
    plan = project.plan_for(recipe, options.choices(arguments, tuple(arguments.target)))
    quiet = arguments.quiet or arguments.progress == "quiet"
    fetched = fetch(
        recipe,
        plan,
        options.building(arguments),
        Path(arguments.to),
        (lambda line: None) if quiet else (lambda line: print(line, file=sys.stderr)),
    )
    if not quiet:
        content = fetched.content
        print(
            f"{arguments.to}: {len(content.files)} files of {content.project}, "
            f"{size(content.size)}; {size(max(0, fetched.new))} new"
        )
    return 0
