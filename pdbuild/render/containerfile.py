"""Renders a plan's stages as a Containerfile."""

from collections.abc import Iterable

from pdbuild.plan.instructions import Stage
from pdbuild.plan.text import comment, render_stage


def render(stages: Iterable[Stage], *, heading: str) -> str:
    """The text of a Containerfile: `heading` as comment lines, then the stages in order."""
    return "\n\n".join([comment(heading), *map(render_stage, stages)]) + "\n"
