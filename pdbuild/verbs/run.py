"""`pdbuild run`."""

from argparse import ArgumentParser, Namespace

from pdbuild import options
from pdbuild.errors import UsageError

_USAGE = "pdbuild run [OPTIONS] [IMAGE:TAG] PROGRAM [ARGUMENT...]"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments; the program and its own come after them, see `options`."""
    parser.usage = _USAGE
    parser.description = (
        "Run a program in a production image, as yourself. PROGRAM is a file below the working "
        "directory, or a command of the image. Options may stand before PROGRAM or directly "
        "after it; the rest is the program's. The image is that of a variant of the recipe here, "
        "or any of `pdbuild images`, such as paddle:0.1."
    )
    add = parser.add_argument
    add("-i", "--interactive", action="store_true", help="keep stdin open (it always is)")
    add("-t", "--tty", action="store_true", help="give it a terminal")
    add("-d", "--detach", action="store_true", help="print an id and return")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    add("--no-bake", action="store_true", help="run the image as it is, even if it is out of date")
    options.add_runtime(parser)
    options.add_device(parser)
    options.add_choices(parser)
    options.add_building(parser)


parse = options.parse_program


def run(arguments: Namespace) -> int:
    """Run the program; its exit code."""
    reference, words = options.image_and_program(arguments)
    if not words:
        shell = f"`pdbuild shell{f' {reference}' if reference else ''}` opens a shell"
        raise UsageError("run: no program", hint=f"{_USAGE}, such as `pdbuild run a.py`; {shell}")
    from pdbuild import terminal
    from pdbuild.api.running import Program, Run

    job = Run(
        program=Program(
            words=words,
            env=tuple(options.pair(text) for text in arguments.env),
            mounts=tuple(options.mount(text) for text in arguments.volume),
            devices=options.devices(arguments),
            tty=arguments.tty,
            detach=arguments.detach,
        ),
        choices=options.choices(arguments),
        options=options.building(arguments),
        image=reference,
        bake=not arguments.no_bake,
        runtime=arguments.runtime,
    )
    ended = job.perform(terminal.audience(quiet=arguments.quiet))
    if ended.id:
        print(ended.id)
    return ended.exit_code
