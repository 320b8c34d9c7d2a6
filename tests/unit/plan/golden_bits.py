"""What the tests of plan and renderers share: the folders of tests/golden as recipes and plans.

Such a folder holds a recipe, or names one in `recipe.path`, and the texts that it renders to.
"""

import dataclasses
import functools
from pathlib import Path

from pdbuild import definition, sources
from pdbuild.plan.types import Plan, Request
from pdbuild.recipe.load import find, load
from pdbuild.recipe.types import Recipe
from pdbuild.render import bakefile
from pdbuild.resolve import resolve
from pdbuild.version import Version

CHECKOUT = Path(__file__).parents[3]
GOLDEN = CHECKOUT / "tests" / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
REQUEST = Request(
    version=Version("1.2.3"),
    revision="0123456789abcdef0123456789abcdef01234567",
    created=1700000000,
    source_url="https://git.example.org/project.git",
)


def recipe_path(case: str) -> Path:
    """Where the recipe of a case lies."""
    named = GOLDEN / case / "recipe.path"
    if named.exists():
        return CHECKOUT / named.read_text().strip()
    return find(GOLDEN / case, None)


@functools.cache
def recipe(case: str) -> Recipe:
    """The recipe of a case, for plain tools, as if the project lay in /project."""
    loaded = load(
        recipe_path(case),
        blocks_dir=CHECKOUT / "recipes" / "toolchain",
        hooks_dir=CHECKOUT / "hooks",
    )
    return dataclasses.replace(sources.plain(loaded), root="/project")


def plan(case: str, *targets: str, variants: tuple[str, ...] = ()) -> Plan:
    """The plan of some targets of a case; all of them by default."""
    request = dataclasses.replace(REQUEST, targets=targets, variants=variants)
    return resolve(recipe(case), request)


def containerfile(case: str, made: Plan) -> str:
    """The Containerfile of a plan, with the heading that `--print` gives it."""
    name = recipe_path(case).name
    return definition.render_containerfile(made, name, "pdbuild bake --print=containerfile all")


def bake(made: Plan) -> str:
    """The bake file of a plan, with contexts and secrets that no checkout has."""
    return bakefile.render(
        made,
        containerfile="/cache/definitions/1/Containerfile",
        contexts={"hooks": "/pdbuild/hooks", made.base: f"oci-layout:///base@sha256:{'a' * 64}"},
        secrets={"ca": "/etc/ssl/certs/ca-certificates.crt", "network": "/cache/network"},
    )
