"""The command line: finds the verb, runs it, and turns errors into text and exit codes.

Exit codes: 0 done, 1 a known error, 2 wrong usage, 3 a bug in pdbuild, 130 interrupted, 141 when
nobody reads its output any more; `run` passes the program's own code on.
"""

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from pdbuild import VERBOSE
from pdbuild.errors import Interrupted, PdbuildError, RecipeError, UsageError
from pdbuild.verbs import VERBS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (the process's own by default); the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if "_ARGCOMPLETE" in os.environ:  # a shell asks, see `verbs.completion`
        from pdbuild import completion

        completion.answer(_add_verbose)
    try:
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        finally:
            # Here, where what goes wrong can be said; the interpreter would do it at its end.
            if sys.stdout:
                sys.stdout.flush()
    except (KeyboardInterrupt, Interrupted) as error:
        _print_error(str(error) or "interrupted", "")
        return Interrupted.exit_code
    except RecipeError as error:
        for mistake in error.mistakes:
            _print_error(str(mistake), mistake.hint)
        return error.exit_code
    except PdbuildError as error:
        from pdbuild import boundary

        return _failed(boundary.explained(error))
    except BrokenPipeError:
        # Whoever read our output has gone, as `| head` does; say nothing.
        _forget_output()
        return 128 + signal.SIGPIPE
    except Exception as error:
        from pdbuild import boundary

        known = boundary.of_machine(error)
        if known:
            _forget_output()
        return _failed(known or boundary.bug(_asked()))


def _failed(error: PdbuildError) -> int:
    _print_error(error.message, error.hint)
    return error.exit_code


def _asked() -> str:
    import shlex

    return f"pdbuild {shlex.join(sys.argv[1:])}"


def _forget_output() -> None:
    """What is still buffered cannot be written; the interpreter must not try at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: list[str]) -> int:
    verbose = words[:1] in (["-v"], ["--verbose"])
    words = words[verbose:]
    name = words[0] if words else "--help"
    if name not in VERBS:
        if not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, VERBS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "pdbuild --help"
            raise UsageError(f"no command {name!r}", hint=hint)
        _top_parser().parse_args([name])
        return 0
    # Only this verb's module is imported: `--help` and wrong usage are instant.
    verb = importlib.import_module(f"pdbuild.verbs.{name}")
    parser = _Parser(prog=f"pdbuild {name}", description=VERBS[name].capitalize() + ".")
    verb.configure(parser)
    _add_verbose(parser)
    parse = getattr(verb, "parse", None)
    arguments = parse(parser, words[1:]) if parse else parser.parse_intermixed_args(words[1:])
    if verbose or arguments.verbose or os.environ.get(VERBOSE):
        os.environ[VERBOSE] = "1"
        from pdbuild import programs

        programs.tell()
    if name != "doctor":  # which reports it
        from pdbuild import ground

        ground.say(ground.settle())
    code: int = verb.run(arguments)
    return code


def _add_verbose(parser: argparse.ArgumentParser) -> None:
    """`--verbose` for a verb, and `-v` unless that is something else there."""
    about: dict[str, Any] = {"action": "store_true", "help": "say which programs are started"}
    try:
        parser.add_argument("-v", "--verbose", **about)
    except argparse.ArgumentError:
        parser.add_argument("--verbose", **about)


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    parser = _Parser(
        prog="pdbuild",
        usage="pdbuild COMMAND [OPTIONS]",
        description="Build a project's development image, binaries, packages, documentation and "
        "production images from a TOML recipe: one graph, no root, no daemon.",
        epilog="commands:\n"
        + "\n".join(f"  {name:<{width}}  {line}" for name, line in VERBS.items())
        + "\n\n`pdbuild COMMAND --help` says more.",
        formatter_class=_Formatter,
    )
    _add_verbose(parser)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    return parser


class _Formatter(argparse.HelpFormatter):
    """Folds the description and keeps the lines of the list of commands."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage as the rest of pdbuild reports errors."""

    def __init__(self, **settings: Any) -> None:
        # An abbreviation would change its meaning when an option is added.
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"pdbuild {version('pdbuild')}")
        parser.exit()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_error(message: str, hint: str) -> None:
    # A build's report is complete in itself.
    text = message if message.startswith("error: ") else f"error: {message}"
    with contextlib.suppress(BrokenPipeError):
        print(text, file=sys.stderr)
        if hint:
            print(f"  hint: {hint}", file=sys.stderr)
