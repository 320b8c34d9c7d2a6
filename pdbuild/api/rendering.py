"""The definition as texts."""

from dataclasses import dataclass
from pathlib import Path

from pdbuild import baking, definition, network, project
from pdbuild.choices import Choices
from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The two texts that a plan renders to.

    `containerfile` is what plain tools can build, the same on every machine. `bakefile` is what
    this machine gives its engine; `notes` say what is not in it.
    """

    containerfile: str
    bakefile: str
    notes: tuple[str, ...] = ()


def render(recipe: Recipe, choices: Choices) -> Texts:
    """Render what `choices` ask for. Raises UsageError for what the recipe does not have."""
    text, notes = bakefile(recipe, choices)
    return Texts(containerfile=containerfile(recipe, choices), bakefile=text, notes=notes)


def containerfile(recipe: Recipe, choices: Choices) -> str:
    """The Containerfile for plain tools; its heading says the command that prints it."""
    plan = project.plain_plan(recipe, choices)
    return definition.render_containerfile(plan, Path(recipe.file).name, _command(choices))


def bakefile(recipe: Recipe, choices: Choices) -> tuple[str, tuple[str, ...]]:
    """The bake file for this machine, and what is to be said of it."""
    notes: list[str] = []
    plan = project.plan_for(recipe, choices, fetch=False)
    contexts = baking.contexts_of(recipe, plan, bootstrap=False, say=notes.append)
    if secret := definition.with_passwords(network.settings(recipe.mirrors)):
        notes.append(
            f"note: {', '.join(secret)}: not in what is printed, as a password would stay on disk"
        )
    return baking.define(recipe, plan, contexts).bakefile_text, tuple(notes)


def _command(choices: Choices) -> str:
    words = [*(dict.fromkeys(choices.targets) or ("all",))]
    if choices.recipe:
        words.append(f"--recipe={choices.recipe}")
    words += [f"--variant={variant}" for variant in choices.variants]
    return f"pdbuild bake --print=containerfile {' '.join(words)}"
