"""Checking what is claimed of images, as a job."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pdbuild import baking, project, shipment
from pdbuild import references as naming
from pdbuild.api.audience import Audience
from pdbuild.choices import Choices, Options
from pdbuild.plan.types import VARIANT
from pdbuild.recipe.tables.verify import Verify as Claims
from pdbuild.store import Store
from pdbuild.verify import judge
from pdbuild.verify.finding import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Check images of the store by their names, and variants of the recipe that `choices` name.

    Images of variants are baked first, with `options`, if they are out of date. Without either
    all variants are checked. `again` checks also what was checked before.
    """

    images: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    choices: Choices = field(default_factory=Choices)
    options: Options = field(default_factory=Options)
    again: bool = False

    def perform(self, audience: Audience) -> tuple[Judged, ...]:
        """Check; what was found, also of claims that do not hold."""
        judged: list[Judged] = []
        if self.variants or not self.images:
            judged += self._of_variants(audience)
        if self.images:
            judged += self._of_images()
        return tuple(judged)

    def _of_variants(self, audience: Audience) -> Sequence[Judged]:
        recipe = project.open_recipe(self.choices.recipe)
        variants = (*self.choices.variants, *self.variants)
        choices = replace(self.choices, targets=("verify",), variants=variants)
        plan = project.plan_for(recipe, choices)
        building = replace(self.options, again=False, strict=False)
        engine = baking.engine_for(building)
        return baking.bake_plan(
            recipe, plan, engine, building, judge_again=self.again, show=audience.show
        ).judged

    def _of_images(self) -> Sequence[Judged]:
        """Images by their names. The claims are the recipe's here, if they are of its project."""
        store = Store.own()
        recipe = shipment.recipe_here(self.choices.recipe, needed=False)
        cases = []
        images = store.images()
        named = [one for name in self.images for one in naming.matching(images, name)]
        for image in named:
            if image.platform not in (self.choices.platforms or [image.platform]):
                continue
            project = image.reference.rpartition("/")[2].rpartition(":")[0]
            variant = image.labels.get(VARIANT, "")
            if recipe and recipe.project.name == project and variant in recipe.variants:
                cases.append(judge.case(recipe, image, variant))
            else:
                cases.append(
                    judge.Case(image=image, project=project, variant=variant, claims=Claims())
                )
        return judge.judge(store, cases, again=self.again)
