"""Completes what a shell's user types, by argcomplete: verbs, options, and the recipe's names.

The shell runs `pdbuild` itself for it, at each press of TAB: see `verbs.completion`.
"""

import argparse
import contextlib
import importlib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter, SuppressCompleter
from argcomplete.lexers import split_line

from pdbuild.errors import PdbuildError
from pdbuild.verbs import VERBS

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe

Names = Iterable[str]


def answer(add_verbose: Callable[[argparse.ArgumentParser], None]) -> None:
    """Tell the shell how the line in its environment can go on, and end this process."""
    line = os.environ.get("COMP_LINE", "")
    point = int(os.environ.get("COMP_POINT", len(line)))
    typed = split_line(line, point)[3]
    parser = argparse.ArgumentParser(prog="pdbuild", allow_abbrev=False)
    add_verbose(parser)
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb")
    chosen = next((word for word in typed[1:] if word in VERBS), "")
    for name, line in VERBS.items():
        made = verbs.add_parser(name, help=line, allow_abbrev=False)
        if name == chosen:
            _configure(made, name)
            add_verbose(made)
    argcomplete.autocomplete(parser, always_complete_options="long", default_completer=_nothing)


def _configure(parser: argparse.ArgumentParser, name: str) -> None:
    module = importlib.import_module(f"pdbuild.verbs.{name}")
    module.configure(parser)
    if hasattr(module, "parse"):  # which finds the program's words itself
        parser.add_argument("program", nargs="*")
    for action in parser._actions:  # argparse offers no public list of them
        known = _COMPLETERS.get(action.dest)
        # `build --target` is one of the project's own build system.
        if known and "--target" not in action.option_strings:
            action.completer = known  # type: ignore[attr-defined]


def _of_recipe(names: "Callable[[Recipe], Names]") -> Callable[..., Names]:
    """A completer that offers names of the recipe; none when it cannot be read."""

    def complete(parsed_args: argparse.Namespace, **_: Any) -> Names:
        from pdbuild.project import open_recipe

        with contextlib.suppress(PdbuildError, OSError):
            return names(open_recipe(getattr(parsed_args, "recipe", None)))
        return ()

    return complete


def _targets(recipe: "Recipe") -> Names:
    from pdbuild.resolve import offered

    return offered(recipe)


def _variants(recipe: "Recipe") -> Names:
    return tuple(recipe.variants)


def _settings(recipe: "Recipe") -> Names:
    from pdbuild.recipe.tools import shown

    for name, option in recipe.options.items():
        yield from (f"{shown(name)}={value}" for value in option.values)


def _images(**_: Any) -> Names:
    from pdbuild.store import Store

    with contextlib.suppress(PdbuildError, OSError):
        images = Store.own().images()
        return tuple(image.reference.removeprefix("localhost/") for image in images)
    return ()


def _jobs(**_: Any) -> Names:
    from pdbuild.jobs import kept

    return tuple(sent.id for sent in kept.every())


def _variants_or_auto(parsed_args: argparse.Namespace, **_: Any) -> Names:
    """`run` and `shell`, which have a program, know the variant that fits."""
    auto = ("auto",) if hasattr(parsed_args, "program") else ()
    return (*auto, *_of_recipe(_variants)(parsed_args))


def _variants_and_images(parsed_args: argparse.Namespace, **_: Any) -> Names:
    return (*_of_recipe(_variants)(parsed_args), *_images())


def _programs(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> Names:
    """Files, and in the place of the first word images, too."""
    images = () if parsed_args.program else _images()
    return (*FilesCompleter()(prefix), *(name for name in images if name.startswith(prefix)))


def _recipes(**_: Any) -> Names:
    from pathlib import Path

    from pdbuild.recipe import load

    return load.known(Path.cwd())


def _engines(**_: Any) -> Names:
    from pdbuild.engine.known import ENGINES

    return ("auto", *ENGINES)


_nothing = SuppressCompleter()
_COMPLETERS: dict[str, Callable[..., Names]] = {
    "at": _of_recipe(_targets),
    "dotfiles": DirectoriesCompleter(),
    "engine": _engines,
    "job": _jobs,
    "key": FilesCompleter(),
    "print": lambda **_: ("bake", "containerfile"),
    "program": _programs,
    "reference": _images,
    "recipe": _recipes,
    "set": _of_recipe(_settings),
    "target": _of_recipe(_targets),
    "variant": _variants_or_auto,
    "what": _variants_and_images,
}
