"""`pdbuild run`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import run as command
from pdbuild.errors import UsageError
from pdbuild.verbs import options

_USAGE = "pdbuild run [OPTIONS] PROGRAM [ARGUMENT...]"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments; the program and its own come after them, see `parse`."""
    parser.usage = _USAGE
    parser.description = (
        "Run a program in a production image, as yourself. PROGRAM is a file below the working "
        "directory, or a command of the image. Options may stand before PROGRAM or directly "
        "after it; the rest is the program's."
    )
    add = parser.add_argument
    add("-i", "--interactive", action="store_true", help="keep stdin open (it always is)")
    add("-t", "--tty", action="store_true", help="give it a terminal")
    add("-d", "--detach", action="store_true", help="print an id and return")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    options.add_device(parser)
    options.add_choices(parser)
    options.add_building(parser)


def parse(parser: ArgumentParser, words: list[str]) -> Namespace:
    """Tell pdbuild's options from the program's words.

    Options may also follow the program, until the first word that is none of ours; that word
    and all behind it are the program's. `--` ends our options at once.
    """
    # argparse itself knows which options take a value, but offers no public list of them.
    actions = {o: action for action in parser._actions for o in action.option_strings}
    ours: list[str] = []
    program: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting[0]
        name = word.partition("=")[0]
        flags = [f"-{letter}" for letter in word[1:]] if word[:2] != "--" else []
        if word == "--":
            program += waiting[1:]
            break
        if name in actions:
            count = 2 if actions[name].nargs != 0 and "=" not in word else 1
        elif word[0:1] == "-" and flags and all(flag in actions for flag in flags):
            count = 1  # -it
        elif word.startswith("-") and not program:
            count = 1  # not ours: argparse says so
        elif program:
            program += waiting
            break
        else:
            program.append(waiting.pop(0))
            continue
        ours += waiting[:count]
        del waiting[:count]
    arguments = parser.parse_args(ours)
    arguments.program = program
    return arguments


def run(arguments: Namespace) -> int:
    """Run the program; its exit code."""
    if not arguments.program:
        raise UsageError("run: no program", hint=_USAGE)
    return command.run(
        options.choices(arguments),
        command.Program(
            words=tuple(arguments.program),
            env=tuple(options.pair(text) for text in arguments.env),
            mounts=tuple(options.mount(text) for text in arguments.volume),
            devices=options.devices(arguments),
            tty=arguments.tty,
            detach=arguments.detach,
        ),
        options.building(arguments),
    )
