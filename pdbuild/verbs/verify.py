"""`pdbuild verify`."""

from argparse import ArgumentParser, Namespace

from pdbuild import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Check what the recipe claims of its production images, in the table [verify]. Images "
        "of variants are baked first, if they are out of date; an image of `pdbuild images` is "
        "taken as it is. Exit code 0 when all claims hold."
    )
    add = parser.add_argument
    add("what", nargs="*", metavar="VARIANT|IMAGE", help="only this variant, or this image (all)")
    options.add_choices(parser)
    options.add_building(parser)
    options.add_output(parser)
    add("--again", action="store_true", help="check also what was checked before")
    add("--strict", action="store_true", help="fail also when this host cannot check a claim")
    add("--json", action="store_true", help="print JSON, with every place where a claim fails")


def run(arguments: Namespace) -> int:
    """Check, and print what was found. Raises ClaimsError when a claim does not hold."""
    from pdbuild import terminal
    from pdbuild.api.verifying import Verify
    from pdbuild.verify import report

    judged = Verify(
        images=tuple(word for word in arguments.what if ":" in word),
        variants=tuple(word for word in arguments.what if ":" not in word),
        choices=options.choices(arguments),
        options=options.building(arguments),
        again=arguments.again,
    ).perform(terminal.audience(quiet=arguments.quiet))
    if arguments.json:
        print(report.as_json(judged))
    elif not arguments.quiet:
        print(report.as_table(judged))
    report.refuse(judged, strict=arguments.strict)
    return 0
