"""`pdbuild build`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import build as command
from pdbuild.errors import UsageError
from pdbuild.verbs import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Compile the source as it stands with the tools of the dev image, into build/, and test "
        "it. Only what has changed is compiled."
    )
    options.add_recipe(parser)
    add = parser.add_argument
    add("--variant", default="", metavar="NAME", help="this variant (the default one)")
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="set an option")
    add("-j", "--jobs", type=int, default=0, metavar="N", help="compile N files at once")
    add("--target", default="", metavar="NAME", help="compile this target alone, and test nothing")
    add("--clean", action="store_true", help="compile everything again")
    add("--package", action="store_true", help="make the package and build/Dockerfile as well")
    options.add_device(parser)
    options.add_building(parser)


def run(arguments: Namespace) -> int:
    """Build; the exit code of what failed."""
    if arguments.jobs < 0:
        raise UsageError(f"-j {arguments.jobs}: not a number of files")
    work = command.Work(
        variant=arguments.variant,
        settings=dict(options.pair(text) for text in arguments.set),
        jobs=arguments.jobs,
        target=arguments.target,
        clean=arguments.clean,
        package=arguments.package,
        devices=options.devices(arguments),
    )
    return command.build(arguments.recipe, work, options.building(arguments))
