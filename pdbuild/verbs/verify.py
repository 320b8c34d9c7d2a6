"""`pdbuild verify`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices

if TYPE_CHECKING:
    from pdbuild.recipe.types import Recipe
    from pdbuild.verify.finding import Judged


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Check what the recipe claims of its production images, in the table [verify]. Images "
        "of variants are baked first, if they are out of date; an image of `pdbuild images` is "
        "taken as it is. Exit code 0 when all claims hold."
    )
    add = parser.add_argument
    add("what", nargs="*", metavar="VARIANT|IMAGE", help="only this variant, or this image (all)")
    options.add_choices(parser)
    options.add_building(parser)
    options.add_output(parser)
    add("--again", action="store_true", help="check also what was checked before")
    add("--strict", action="store_true", help="fail also when this host cannot check a claim")
    add("--json", action="store_true", help="print JSON, with every place where a claim fails")


def run(arguments: Namespace) -> int:
    """Check, and print what was found. Raises ClaimsError when a claim does not hold."""
    from pdbuild.verify import report

    images = [word for word in arguments.what if ":" in word]
    variants = tuple(word for word in arguments.what if ":" not in word)
    choices = options.choices(arguments)
    judged: list[Judged] = []
    if variants or not images:
        judged += _of_variants(arguments, choices, variants)
    if images:
        judged += _of_images(images, choices, again=arguments.again)
    if arguments.json:
        print(report.as_json(judged))
    elif not arguments.quiet:
        print(report.as_table(judged))
    report.refuse(judged, strict=arguments.strict)
    return 0


def _of_variants(
    arguments: Namespace, choices: Choices, variants: tuple[str, ...]
) -> Sequence[Judged]:
    from dataclasses import replace

    from pdbuild import baking, project

    recipe = project.open_recipe(choices.recipe)
    choices = replace(choices, targets=("verify",), variants=(*choices.variants, *variants))
    plan = project.plan_for(recipe, choices)
    building = replace(options.building(arguments), again=False, strict=False)
    engine = baking.engine_for(building)
    return baking.bake_plan(recipe, plan, engine, building, judge_again=arguments.again).judged


def _of_images(references: Sequence[str], choices: Choices, *, again: bool) -> Sequence[Judged]:
    """Images by their names. The claims are the recipe's here, if they are of its project."""
    from pdbuild import references as naming
    from pdbuild.plan.types import VARIANT
    from pdbuild.recipe.tables.verify import Verify
    from pdbuild.store import Store
    from pdbuild.verify import judge

    store = Store.own()
    recipe = _recipe_here(choices)
    cases = []
    images = store.images()
    named = [one for name in references for one in naming.matching(images, name)]
    for image in [one for one in named if one.platform in (choices.platforms or [one.platform])]:
        project = image.reference.rpartition("/")[2].rpartition(":")[0]
        variant = image.labels.get(VARIANT, "")
        if recipe and recipe.project.name == project and variant in recipe.variants:
            cases.append(judge.case(recipe, image, variant))
        else:
            cases.append(judge.Case(image=image, project=project, variant=variant, claims=Verify()))
    return judge.judge(store, cases, again=again)


def _recipe_here(choices: Choices) -> Recipe | None:
    from pdbuild import project
    from pdbuild.errors import UsageError

    try:
        return project.open_recipe(choices.recipe)
    except UsageError:
        if choices.recipe:
            raise
        return None
