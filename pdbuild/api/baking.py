"""Baking as a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pdbuild import baking, project, sharing
from pdbuild.api.audience import Audience
from pdbuild.api.events import Made
from pdbuild.choices import Access, Choices, Options
from pdbuild.plan.types import Plan
from pdbuild.recipe.types import Recipe
from pdbuild.report import Report

if TYPE_CHECKING:
    from pdbuild.api.shipping import Send
    from pdbuild.transfer.push import Pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    """Where the production images go when they are baked: "" is the recipe's `[registry] to`."""

    repository: str = ""
    access: Access = field(default_factory=Access)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baked:
    """What a bake has made, and what a registry has of it."""

    report: Report
    pushed: tuple[Pushed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """Bake what `choices` ask for.

    `retry_blocks` tries optional blocks again that failed, `install` builds the engines first if
    they are not there, `judge_again` also checks images whose claims were checked before.
    """

    choices: Choices
    options: Options = field(default_factory=Options)
    retry_blocks: bool = False
    install: bool = False
    judge_again: bool = False
    push: To | None = None

    def perform(self, audience: Audience) -> Baked:
        """Bake. Raises BuildError for failed steps, ClaimsError for claims that do not hold."""
        recipe = project.open_recipe(self.choices.recipe)
        if self.retry_blocks:
            project.try_again(recipe)
        plan = project.plan_for(recipe, self.choices)
        sending = self._sending(recipe, plan) if self.push else None  # a bake may take long
        if self.install:
            from pdbuild.engine import install

            with install.beside():
                baking.contexts_of(recipe, plan, bootstrap=True)  # the base needs no engine
        engine = baking.engine_for(self.options)
        sharing.refuse(self.options, engine)
        report = baking.bake_plan(
            recipe, plan, engine, self.options, judge_again=self.judge_again, show=audience.show
        )
        audience.tell(Made(report=report))
        if self.options.layers_to:
            from pdbuild.travel import trip

            trip.keep(recipe, plan, engine, self.options)
        if report.judged:
            from pdbuild.verify.report import refuse

            refuse(report.judged, strict=self.options.strict)
        return Baked(report=report, pushed=sending.perform(audience) if sending else ())

    def _sending(self, recipe: Recipe, plan: Plan) -> Send:
        """Raises UsageError for what cannot be pushed."""
        assert self.push
        from pdbuild import shipment
        from pdbuild.api.shipping import Send
        from pdbuild.transfer import push

        to = shipment.destination(self.push.repository, recipe)
        push.checked(to)
        access = shipment.access(self.push.access, recipe)
        return Send(references=shipment.production(recipe, plan), to=to, access=access)
