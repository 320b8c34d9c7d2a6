"""`pdbuild cache`: caches into a file and back, for a CI's own cache step."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pdbuild import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Write what bakes of a recipe keep into one file, or take such a file in: compiled "
        "objects, downloads, layers, bases and engines. With it an empty account bakes what "
        "another has baked, and compiles only what is new."
    )
    add = parser.add_argument
    add("action", choices=("export", "import"), help="write the file, or take it in")
    add("file", metavar="FILE", help="the archive, such as build/cache.tar.zst")
    add("target", nargs="*", metavar="TARGET", help="export: what of the recipe (all)")
    add(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="export these: objects, downloads, layers, bases, engines (all)",
    )
    options.add_choices(parser)
    options.add_building(parser)


def run(arguments: Namespace) -> int:
    """Export or import, and say what it was."""
    from pdbuild import project
    from pdbuild.errors import UsageError
    from pdbuild.table import size
    from pdbuild.travel import trip

    wanted = trip.parts_of(options.listed(arguments.only))
    if arguments.only and arguments.action == "import":
        raise UsageError("--only is about export", hint="an import takes all that the file has")
    if arguments.target and arguments.action == "import":
        raise UsageError("targets are about export", hint="an import takes all that the file has")
    recipe = project.open_recipe(arguments.recipe)
    fetch = arguments.action == "export"
    plan = project.plan_for(
        recipe, options.choices(arguments, tuple(arguments.target)), fetch=fetch
    )
    quiet = arguments.quiet or arguments.progress == "quiet"
    made = trip.Trip(
        recipe=recipe,
        plan=plan,
        options=options.building(arguments),
        wanted=wanted,
        say=(lambda line: None) if quiet else (lambda line: print(line, file=sys.stderr)),
    )
    path = Path(arguments.file)
    content = (trip.export if arguments.action == "export" else trip.bring)(made, path)
    if not quiet:
        print(
            f"{path}: {size(path.stat().st_size)} of {content.project}: {', '.join(content.parts)}"
        )
    return 0
