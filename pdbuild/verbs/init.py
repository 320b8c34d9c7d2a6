"""`pdbuild init`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Write pdbuild.toml for the project here (CMake, Meson, autotools, make or Python), and "
        ".clangd for editors. CMake, configure and meson are asked what options it has, in a "
        "folder that goes again; nothing else is written into the source. With --devcontainer, "
        "what VS Code needs to open the project in the dev image."
    )
    parser.add_argument(
        "--text", action="store_true", help="only read the project's files, run nothing of it"
    )
    parser.add_argument(
        "--devcontainer",
        action="store_true",
        help="write .devcontainer/devcontainer.json; the recipe may be there already",
    )


def run(arguments: Namespace) -> int:
    """Write the files."""
    from pdbuild import proposal
    from pdbuild.editor import devcontainer, refresh
    from pdbuild.project import open_recipe

    here = Path.cwd()
    if not (arguments.devcontainer and proposal.has_recipe(here)):
        path, found = proposal.write(here, run=not arguments.text)
        print(f"{path.name} is written, from {found.facts.how}")
        print('look at the lines that say "guess", then: pdbuild bake all')
    if arguments.devcontainer:
        recipe = open_recipe(None)
        print(f"{devcontainer.write(recipe).relative_to(recipe.root)} is written")
        here = Path(recipe.root)
    if refresh.write_clangd(here):
        print(".clangd is written; pdbuild build makes what it names")
    return 0
