"""`pdbuild bake`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import bake, report
from pdbuild.verbs import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Build targets in one graph. Targets: dev, binaries-VARIANT, deb-VARIANT, "
        "image-VARIANT, docs, browse, rootfs. Groups: binaries, debs, images, all."
    )
    add = parser.add_argument
    add("target", nargs="*", metavar="TARGET", help="target or group (all)")
    options.add_choices(parser)
    options.add_building(parser)
    add(
        "--print",
        nargs="?",
        const="bake",
        metavar="WHAT",
        help="print the bake file (or --print=containerfile), and build nothing",
    )
    add("--keep-going", action="store_true", help="finish what does not need a failed target")
    add("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace) -> int:
    """Bake, and print what was made."""
    targets = list(arguments.target)
    what = arguments.print
    if what and what not in ("bake", "containerfile"):  # `bake --print TARGET`
        targets, what = [*targets, what], "bake"
    choices = options.choices(arguments, tuple(targets))
    if what:
        print(bake.show(choices, what), end="")
        return 0
    result = bake.bake(choices, options.building(arguments))
    if arguments.json:
        print(report.as_json(result))
    elif arguments.quiet:
        print("\n".join(row.where for row in result.rows))
    elif arguments.progress != "json":
        print(report.as_table(result))
    return 0
