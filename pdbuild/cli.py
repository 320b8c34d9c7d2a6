"""The command line: argv to choices, errors to text and exit codes.

Exit codes: 0 done, 1 a known error, 2 wrong usage, 3 a bug in pdbuild, 130 interrupted; `run`
passes the program's own code on. What a verb needs is imported when it runs, so that `--help`
and errors of usage are instant.
"""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from pdbuild.errors import Interrupted, PdbuildError, RecipeError, UsageError

if TYPE_CHECKING:
    from pdbuild.commands.bake import Options
    from pdbuild.commands.project import Choices

_PROGRESS = ("auto", "live", "plain", "json", "quiet")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (the process's own by default); the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        return _run(words) if words[:1] == ["run"] else _verb(words)
    except (KeyboardInterrupt, Interrupted) as error:
        _print_error(str(error) or "interrupted", "")
        return Interrupted.exit_code
    except RecipeError as error:
        for mistake in error.mistakes:
            _print_error(str(mistake), mistake.hint)
        return error.exit_code
    except PdbuildError as error:
        _print_error(error.message, error.hint)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone, as `| head` does; say nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception:
        return _bug()


def _verb(words: list[str]) -> int:
    arguments = _parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.verb
    return run(arguments)


def _bake(arguments: argparse.Namespace) -> int:
    from pdbuild.commands import bake, report

    choices = _choices(arguments, tuple(arguments.target))
    if arguments.print:
        sys.stdout.write(bake.show(choices, arguments.print))
        return 0
    result = bake.bake(choices, _options(arguments))
    if arguments.json:
        print(bake.as_json(result))
    elif arguments.quiet:
        print("\n".join(row.where for row in result.rows))
    elif arguments.progress != "json":
        print(report.as_table(result))
    return 0


def _run(words: list[str]) -> int:
    from pdbuild.commands import run

    head, program = _split(words[1:])
    arguments = _run_parser().parse_args(head)
    if not program:
        raise UsageError("run: no program", hint="pdbuild run [OPTIONS] PROGRAM [ARGUMENT...]")
    return run.run(
        _choices(arguments, ()),
        run.Program(
            words=tuple(program),
            env=tuple(_pair(text) for text in arguments.env),
            mounts=tuple(_mount(text) for text in arguments.volume),
            tty=arguments.tty,
            detach=arguments.detach,
        ),
        _options(arguments),
    )


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """`run`'s own options, and the program with its arguments.

    Options may also follow the program, until the first word that is none of ours; that word
    and all behind it are the program's. `--` ends our options at once.
    """
    takes_value = {
        option
        for action in _run_parser()._actions
        for option in action.option_strings
        if action.nargs != 0
    }
    flags = {o for action in _run_parser()._actions for o in action.option_strings} - takes_value
    head: list[str] = []
    program: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting[0]
        name = word.partition("=")[0]
        if word == "--":
            return head, [*program, *waiting[1:]]
        if name in takes_value:
            count = 1 if "=" in word else 2
        elif name in flags or word == "-it" or word == "-ti":
            count = 1
        elif word.startswith("-") and not program:
            count = 1  # unknown: argparse says so
        elif program:
            return head, [*program, *waiting]
        else:
            program.append(waiting.pop(0))
            continue
        head += waiting[:count]
        del waiting[:count]
    return head, program


def _logs(arguments: argparse.Namespace) -> int:
    from pdbuild.commands import run

    return run.logs(arguments.id, follow=arguments.follow)


def _stop(arguments: argparse.Namespace) -> int:
    from pdbuild.commands import run

    return run.stop(arguments.id, timeout=arguments.timeout)


def _images(arguments: argparse.Namespace) -> int:
    from pdbuild.commands import images

    print(images.listing(as_json=arguments.json))
    return 0


def _engines(arguments: argparse.Namespace) -> int:
    from pdbuild.commands import engines

    if arguments.action == "install":
        engines.install_all(again=arguments.again)
    else:
        print(engines.listing())
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from pdbuild.commands import init

    path = init.init(Path.cwd())
    print(f"{path.name} is written; now: pdbuild bake all")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pdbuild",
        description="Build a project's development image, binaries, packages, docs and "
        "production images from a TOML recipe, in one graph, without root or a daemon.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    bake = verbs.add_parser("bake", help="build targets or groups", description=_BAKE)
    bake.set_defaults(verb=_bake)
    bake.add_argument("target", nargs="*", metavar="TARGET", help="target or group (default: all)")
    _add_choices(bake)
    _add_build_options(bake)
    bake.add_argument(
        "--print",
        nargs="?",
        const="bake",
        choices=("bake", "containerfile"),
        help="print the bake file, or the Containerfile, and build nothing",
    )
    bake.add_argument("--keep-going", action="store_true", help="finish what a failure leaves")
    bake.add_argument("--json", action="store_true", help="print the result as JSON")

    run = _run_parser(verbs)
    run.set_defaults(verb=_run)

    logs = verbs.add_parser("logs", help="print what a detached program wrote")
    logs.set_defaults(verb=_logs)
    logs.add_argument("id", metavar="ID")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until it ends")

    stop = verbs.add_parser("stop", help="stop a detached program")
    stop.set_defaults(verb=_stop)
    stop.add_argument("id", metavar="ID")
    stop.add_argument("-t", "--timeout", type=int, default=10, metavar="SECONDS")

    images = verbs.add_parser("images", help="list the image store")
    images.set_defaults(verb=_images)
    images.add_argument("--json", action="store_true", help="print JSON")

    engines = verbs.add_parser("engines", help="list the engines, or install them")
    engines.set_defaults(verb=_engines)
    engines.add_argument("action", nargs="?", choices=("install",))
    engines.add_argument("--again", action="store_true", help="build them even if they are there")

    init = verbs.add_parser("init", help="write a first recipe for the project here")
    init.set_defaults(verb=_init)
    return parser


_BAKE = """Targets: dev, binaries-VARIANT, deb-VARIANT, image-VARIANT, docs, rootfs.
Groups: binaries, debs, images, all."""


def _run_parser(
    verbs: "argparse._SubParsersAction[_Parser] | None" = None,
) -> argparse.ArgumentParser:
    usage = "pdbuild run [OPTIONS] PROGRAM [ARGUMENT...]"
    parser: argparse.ArgumentParser
    if verbs:
        parser = verbs.add_parser("run", help="run a program in a production image", usage=usage)
    else:
        parser = _Parser(
            prog="pdbuild run",
            usage=usage,
            description="PROGRAM is a file below the working directory, which the program sees "
            "as its own, or a command of the image.",
        )
    parser.add_argument("-i", "--interactive", action="store_true", help="keep stdin (always so)")
    parser.add_argument("-t", "--tty", action="store_true", help="give it a terminal")
    parser.add_argument("-d", "--detach", action="store_true", help="print an id and return")
    parser.add_argument(
        "-e", "--env", action="append", default=[], metavar="K=V", help="set a variable"
    )
    parser.add_argument(
        "-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B"
    )
    _add_choices(parser)
    _add_build_options(parser)
    return parser


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", metavar="NAME", help="a recipe's name or path")
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help="only this variant"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", help="set an option"
    )
    parser.add_argument(
        "--platform", action="append", default=[], metavar="OS/ARCH", help="for this platform"
    )


def _add_build_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", default="buildkit", help="what builds (buildkit)")
    parser.add_argument("--builder", default="", metavar="NAME", help="a buildx builder of yours")
    parser.add_argument("--progress", default="auto", choices=_PROGRESS, help="how to show it")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only results")


def _choices(arguments: argparse.Namespace, targets: tuple[str, ...]) -> "Choices":
    from pdbuild.commands.project import Choices

    return Choices(
        recipe=arguments.recipe,
        targets=targets,
        variants=_listed(arguments.variant),
        settings=dict(_pair(text) for text in arguments.set),
        platforms=_listed(arguments.platform),
    )


def _options(arguments: argparse.Namespace) -> "Options":
    from pdbuild.commands.bake import Options

    return Options(
        engine=arguments.engine,
        builder=arguments.builder,
        progress="quiet" if arguments.quiet else arguments.progress,
        keep_going=getattr(arguments, "keep_going", False),
    )


def _listed(values: list[str]) -> tuple[str, ...]:
    return tuple(name for value in values for name in value.split(",") if name)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(f"{text!r} is not NAME=VALUE")
    # As with docker and podman, a bare name passes the caller's own value on.
    return name, value if equals else os.environ.get(name, "")


def _mount(text: str) -> "Mount":
    from pathlib import Path

    from pdbuild.container import Mount

    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target.startswith("/") or mode not in ("", "ro", "rw"):
        raise UsageError(f"-v {text}: not SOURCE:/TARGET or SOURCE:/TARGET:ro")
    if not Path(source).exists():
        raise UsageError(f"-v {text}: there is no {source}")
    return Mount(source=Path(source).absolute(), target=target, read_only=mode == "ro")


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage as the rest of pdbuild reports errors."""

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
    print(text, file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


def _bug() -> int:
    """Keep what is needed to mend it, and say where."""
    import platform
    import tempfile
    import traceback

    from pdbuild.dirs import cache_dir

    with tempfile.NamedTemporaryFile(
        "w", dir=cache_dir(), prefix="bug-", suffix=".log", delete=False
    ) as log:
        log.write(f"pdbuild {' '.join(sys.argv[1:])}\n{sys.version}\n{platform.platform()}\n\n")
        log.write(traceback.format_exc())
    last = traceback.format_exc().strip().splitlines()[-1]
    _print_error(f"this is a bug in pdbuild: {last}", f"please report it with {log.name}")
    return 3


if TYPE_CHECKING:
    from pdbuild.container import Mount
