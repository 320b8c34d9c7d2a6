"""`pdbuild doctor`: what works here, what does not, and what mends it."""

import json
from dataclasses import asdict
from pathlib import Path

from pdbuild import doctor
from pdbuild.commands import choose, network
from pdbuild.commands.project import open_recipe
from pdbuild.doctor import Finding, State
from pdbuild.doctor.finding import ok, warn
from pdbuild.errors import PdbuildError
from pdbuild.recipe import load
from pdbuild.recipe.types import Recipe


def examine(chosen: str | None) -> tuple[Finding, ...]:
    """The findings for the recipe that is meant; without one, those that every bake shares."""
    recipe, about = _recipe(chosen)
    found = doctor.examine(
        recipe,
        bundle=network.ca_bundle(),
        engines=tuple(choose.ENGINES),
        lacking=choose.lacking,
    )
    return (*found, about)


def works(findings: tuple[Finding, ...]) -> bool:
    """Whether a bake can work."""
    return all(finding.state is not State.FAIL for finding in findings)


def as_json(findings: tuple[Finding, ...]) -> str:
    """The findings as JSON."""
    return json.dumps({"ok": works(findings), "findings": [asdict(f) for f in findings]}, indent=1)


def _recipe(chosen: str | None) -> tuple[Recipe | None, Finding]:
    if not chosen:
        try:
            load.find(Path.cwd(), None)
        except PdbuildError:
            return None, ok("recipe", "none here; what it would need was not looked at")
    try:
        recipe = open_recipe(chosen)
    except PdbuildError as error:
        mistakes = str(error).splitlines()
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        cost = "nothing can be built from it, and what it needs was not looked at"
        return None, warn("recipe", mistakes[0] + more, cost=cost, mend=error.hint)
    return recipe, ok("recipe", recipe.file)
