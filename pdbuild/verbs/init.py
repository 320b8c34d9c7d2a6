"""`pdbuild init`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pdbuild.commands import init


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Write pdbuild.toml for the CMake, make or autotools project here, and .clangd for "
        "editors. With --devcontainer, what VS Code needs to open the project in the dev image."
    )
    parser.add_argument(
        "--devcontainer",
        action="store_true",
        help="write .devcontainer/devcontainer.json; the recipe may be there already",
    )


def run(arguments: Namespace) -> int:
    """Write the files."""
    from pdbuild.commands import devcontainer, editor
    from pdbuild.commands.project import open_recipe

    here = Path.cwd()
    if not (arguments.devcontainer and init.has_recipe(here)):
        path = init.init(here)
        print(f"{path.name} is written; now: pdbuild bake all")
    if arguments.devcontainer:
        recipe = open_recipe(None)
        print(f"{devcontainer.write(recipe).relative_to(recipe.root)} is written")
        here = Path(recipe.root)
    if editor.write_clangd(here):
        print(".clangd is written; pdbuild build makes what it names")
    return 0
