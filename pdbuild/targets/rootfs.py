"""The root file system that build/Dockerfile starts from, and that Dockerfile."""

from collections.abc import Iterator, Mapping, Sequence

from pdbuild.plan.instructions import Stage
from pdbuild.plan.types import Form, Plan, Request, Target
from pdbuild.recipe.types import Recipe
from pdbuild.targets import dockerfile
from pdbuild.targets.image import runtime
from pdbuild.targets.kind import Kind


class Rootfs(Kind):
    """One archive, of one platform."""

    name = "rootfs"

    def targets(self, recipe: Recipe, request: Request) -> Iterator[Target]:
        """The one target, if there is any."""
        if recipe.image and len(request.platforms) == 1:
            yield Target(
                name="rootfs",
                stage="runtime",
                kind=self.name,
                form=Form.ARCHIVE,
                description="the root file system that build/Dockerfile starts from",
                destination="build/rootfs.tar",
            )

    def stages(self, recipe: Recipe, variants: Sequence[str]) -> Iterator[Stage]:
        """What the images start from, too."""
        if recipe.image:
            yield from runtime(recipe, recipe.image)

    def beside(self, recipe: Recipe, plan: Plan) -> Mapping[str, str]:
        """The Dockerfile, and which files it reads."""
        assert recipe.image
        return {
            dockerfile.PATH: dockerfile.render(recipe, recipe.image, plan.version.text),
            f"{dockerfile.PATH}.dockerignore": dockerfile.render_ignored(recipe),
        }
