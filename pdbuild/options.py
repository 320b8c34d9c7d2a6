"""Arguments that several verbs have, and what they mean as values."""

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from pdbuild.choices import MODES, Access, Choices, Options
from pdbuild.container import RUNTIMES, Mount
from pdbuild.errors import UsageError

_IMAGE = re.compile(
    r"(?:[a-z0-9][a-z0-9._-]*(?::[0-9]+)?/)*[a-z0-9][a-z0-9._-]*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
)


def add_recipe(parser: ArgumentParser) -> None:
    """`--recipe`."""
    parser.add_argument("--recipe", metavar="NAME", help="a recipe's name or path")


def add_choices(parser: ArgumentParser) -> None:
    """What is built: `--recipe`, `--variant`, `--set`, `--platform`."""
    add_recipe(parser)
    add = parser.add_argument
    help_ = "only this variant (run, shell: `auto` is the one that fits this machine)"
    add("--variant", action="append", default=[], metavar="NAME", help=help_)
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="set an option")
    add("--platform", action="append", default=[], metavar="OS/ARCH", help="for this platform")


def add_building(parser: ArgumentParser) -> None:
    """How it is built: `--engine`, `--builder`, `--progress`, `--quiet`."""
    add = parser.add_argument
    add("--engine", default="auto", help="what builds: buildkit, buildah or auto (auto)")
    add("--builder", default="", metavar="NAME", help="a buildx builder of yours")
    add("--progress", default="auto", choices=MODES, help="how to show it (auto)")
    add("-q", "--quiet", action="store_true", help="print only results")


def add_offline(parser: ArgumentParser) -> None:
    """`--offline`."""
    parser.add_argument(
        "--offline",
        default="",
        metavar="DIR|FILE.tar",
        help="take all from what `pdbuild fetch` collected; no network is asked",
    )


def go_offline(arguments: Namespace) -> None:
    """Have all of this process, and what it starts, do as `add_offline` says."""
    if arguments.offline:
        from pdbuild import carried

        os.environ[carried.VARIABLE] = str(Path(arguments.offline).absolute())
        carried.Carried(Path(arguments.offline)).contents()  # what is no such thing is said first


def add_output(parser: ArgumentParser) -> None:
    """`--output`."""
    parser.add_argument(
        "--output",
        default="",
        metavar="DIR",
        help="make build/ there, not in the project, which may be read-only then",
    )


def add_device(parser: ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device",
        action="append",
        default=[],
        metavar="DEVICE",
        help="let it use a device: a node in /dev, or VENDOR/CLASS=NAME of CDI",
    )


def add_runtime(parser: ArgumentParser) -> None:
    """`--runtime`."""
    help_ = f"what it runs by: {', '.join(RUNTIMES)} (podman where it works)"
    parser.add_argument("--runtime", default="", choices=RUNTIMES, metavar="NAME", help=help_)


def add_registry(parser: ArgumentParser) -> None:
    """How a registry may be talked to: `--ca`, `--insecure`."""
    add = parser.add_argument
    add("--ca", default="", metavar="FILE", help="certificates that vouch for the registry")
    add(
        "--insecure",
        action="store_true",
        help="allow plain http, and certificates that nobody vouches for",
    )


def registry(arguments: Namespace) -> Access:
    """The values of `add_registry`."""
    ca = Path(arguments.ca).absolute() if arguments.ca else None
    return Access(ca=ca, insecure=arguments.insecure)


def parse_program(parser: ArgumentParser, words: list[str]) -> Namespace:
    """Tell pdbuild's options from the program's words.

    Options may also follow the program, or the image before it, until the first word that is
    none of ours; that word and all behind it are the program's. `--` ends our options at once.
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
        elif program and not (len(program) == 1 and _is_image(program[0])):
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


def image_and_program(arguments: Namespace) -> tuple[str, tuple[str, ...]]:
    """The image that the first word of a program names ("" if none), and the program's words.

    Raises UsageError for options that choose an image besides.
    """
    words = tuple(arguments.program)
    if not words or not _is_image(words[0]):
        return "", words
    for name in ("recipe", "variant", "set"):
        if getattr(arguments, name):
            raise UsageError(f"{words[0]} is an image: --{name} would choose another")
    return words[0], words[1:]


def _is_image(word: str) -> bool:
    """Whether a word names an image, and no file here; a registry's name may have a port."""
    return bool(_IMAGE.fullmatch(word)) and not Path(word).exists()


def choices(arguments: Namespace, targets: tuple[str, ...] = ()) -> Choices:
    """The values of `add_choices`."""
    return Choices(
        recipe=arguments.recipe,
        targets=targets,
        variants=listed(arguments.variant),
        settings=dict(map(setting, arguments.set)),
        platforms=listed(arguments.platform),
    )


def fitting(arguments: Namespace) -> tuple[Choices, tuple[str, ...]]:
    """The values of `add_choices` and `add_device`, with a variant for `--variant auto`."""
    found, given = choices(arguments), devices(arguments)
    if found.variants != ("auto",):
        return found, given  # people who name theirs do not wait
    from pdbuild.fitting import settle

    return settle.settled(found, given)


def one_platform(choices: Choices) -> str:
    """The platform that is meant, "" for this machine's. UsageError when there are several."""
    if len(choices.platforms) > 1:
        platforms = ",".join(choices.platforms)
        raise UsageError(f"--platform {platforms}: a program runs on one platform")
    return choices.platforms[0] if choices.platforms else ""


def count(text: str) -> int:
    """A number of at least one, as argparse's type."""
    if not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"{text} is not a number of at least one")
    return int(text)


def building(arguments: Namespace) -> Options:
    """The values of `add_building`."""
    return Options(
        engine=arguments.engine,
        builder=arguments.builder,
        progress="quiet" if arguments.quiet else arguments.progress,
        keep_going=getattr(arguments, "keep_going", False),
        again=getattr(arguments, "again", False),
        output=getattr(arguments, "output", ""),
        strict=getattr(arguments, "strict", False),
        jobs=getattr(arguments, "jobs", 0),
        layers_from=tuple(getattr(arguments, "cache_from", ())),
        layers_to=getattr(arguments, "cache_to", ""),
    )


def unwatched() -> bool:
    """Whether nobody is there to see a failure and do something about it."""
    ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return ci or not (sys.stderr and sys.stderr.isatty())


def devices(arguments: Namespace) -> tuple[str, ...]:
    """The values of `add_device`."""
    return tuple(map(device, arguments.device))


def pair(text: str) -> tuple[str, str]:
    """`NAME=VALUE`; a bare NAME takes the caller's own value, as with docker and podman."""
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(f"{text!r} is not NAME=VALUE")
    return name, value if equals else os.environ.get(name, "")


def setting(text: str) -> tuple[str, str]:
    """`OPTION=VALUE` of `--set`: a variable, and its value."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--set {text}: not OPTION=VALUE")
    from pdbuild.recipe.tools import variable

    return variable(name), value


def mount(text: str) -> Mount:
    """`SOURCE:/TARGET` or `SOURCE:/TARGET:ro`."""
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target.startswith("/") or mode not in ("", "ro", "rw"):
        raise UsageError(f"-v {text}: not SOURCE:/TARGET or SOURCE:/TARGET:ro")
    if not Path(source).exists():
        raise UsageError(f"-v {text}: there is no {source}")
    return Mount(source=Path(source).absolute(), target=target, read_only=mode == "ro")


def device(text: str) -> str:
    """A name of the Container Device Interface (VENDOR/CLASS=NAME), or a node with podman's
    `:TARGET` and `:PERMISSIONS`."""
    if not text.startswith("/"):
        if not re.fullmatch(r"[\w.-]+/[\w.-]+=[\w.:-]+", text):
            raise UsageError(
                f"--device {text}: neither a node in /dev nor a name of CDI, VENDOR/CLASS=NAME"
            )
    elif not Path(text.partition(":")[0]).exists():
        raise UsageError(f"--device {text}: there is no {text.partition(':')[0]} on this machine")
    return text


def listed(values: list[str]) -> tuple[str, ...]:
    """The values of an option that is given several times, or with commas."""
    return tuple(name for value in values for name in value.split(",") if name)
