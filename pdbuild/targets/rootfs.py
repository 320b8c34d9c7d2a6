"""The root file systems that build/Dockerfile puts together, and that Dockerfile."""

from collections.abc import Iterator, Mapping, Sequence

from pdbuild.plan import goals as made_goals
from pdbuild.plan.goal import Goal
from pdbuild.plan.instructions import Copy, Stage
from pdbuild.plan.steps import source_args
from pdbuild.plan.types import Form, Plan, Request, Target
from pdbuild.recipe.types import Recipe
from pdbuild.targets import dockerfile
from pdbuild.targets.image import runtime
from pdbuild.targets.kind import Kind


class Rootfs(Kind):
    """What the images of all variants share, and what each adds."""

    name = "rootfs"
    everywhere = True

    def targets(
        self, recipe: Recipe, request: Request, goal: Goal, variants: Sequence[str]
    ) -> Iterator[Target]:
        """An archive for all variants, and one of each."""
        if recipe.image is None:
            return
        yield Target(
            name=goal.target("rootfs"),
            stage=goal.stage("runtime"),
            kind=self.name,
            form=Form.ARCHIVE,
            description="the root file system that build/Dockerfile starts from",
            destination=goal.below("build/rootfs.tar"),
        )
        for variant in variants:
            yield Target(
                name=goal.target(f"rootfs-{variant}"),
                stage=goal.stage(f"rootfs-{variant}"),
                kind=self.name,
                form=Form.ARCHIVE,
                description=f"what {variant} needs besides",
                variant=variant,
                args=source_args(recipe, request, goal),
                destination=goal.below(f"build/rootfs-{variant}.tar"),
            )

    def stages(self, recipe: Recipe, variants: Sequence[str], goal: Goal) -> Iterator[Stage]:
        """What the images consist of, too."""
        if recipe.image is None:
            return
        yield from runtime(recipe, recipe.image, goal)
        for variant in variants:
            additions = goal.stage(f"additions-{variant}")
            yield Stage(
                name=goal.stage(f"rootfs-{variant}"),
                base="scratch",
                comment=f"That of {variant} as an archive.",
                instructions=(Copy(stage=additions, source="/rootfs/", target="/"),),
            )

    def beside(self, recipe: Recipe, plan: Plan) -> Mapping[str, str]:
        """The Dockerfile, and which files it reads."""
        assert recipe.image
        goals = tuple(made_goals.make(recipe, plan.request))
        return {
            dockerfile.PATH: dockerfile.render(recipe, recipe.image, plan.version.text, goals),
            f"{dockerfile.PATH}.dockerignore": dockerfile.render_ignored(recipe, goals),
        }
