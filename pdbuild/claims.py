"""What a bake does with the claims that were asked for: the images are judged, in one page."""

from collections.abc import Sequence
from pathlib import Path

from pdbuild import report, whole
from pdbuild.artifacts import Artifact
from pdbuild.plan.types import Plan
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store, StoredImage
from pdbuild.verify.finding import PAGE


def check(recipe: Recipe, plan: Plan) -> None:
    """Raise UsageError, before the work, for a claim that nobody can check."""
    if plan.claims and recipe.verify:
        from pdbuild.verify import model

        model.check(recipe.verify)


def judged(
    recipe: Recipe,
    plan: Plan,
    files: Sequence[Artifact],
    images: Sequence[StoredImage],
    result: report.Report,
    root: Path,
    *,
    again: bool,
) -> report.Report:
    """The report with what is found of the plan's claims, as far as there are images.

    `files` and `images` are what was collected, below `root` and in the store. An image that was
    judged before is not read, unless `again`.
    """
    if not plan.claims:
        return result
    from pdbuild.verify import judge, page

    # A tag may have images of several platforms.
    there = {(image.reference, image.platform): image for image in images}
    tags = {target.name: target.tags for target in plan.targets}
    cases = [
        judge.case(
            recipe,
            image,
            claims.variant,
            version=plan.version.text,
            debs=[root / file.path for file in files if _is_deb(file, claims.judges)],
            target=claims.name,
        )
        for claims in plan.claims
        for name in claims.judges
        for tag in tags[name]
        if (image := there.get((tag, claims.platform)))
    ]
    if not cases:
        return result
    found = judge.judge(Store.own(), cases, again=again)
    path = root / PAGE
    text = page.render(plan.project, found)
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(exist_ok=True)
        whole.write(path, text)
    return report.with_claims(result, found, path)


def _is_deb(file: Artifact, targets: Sequence[str]) -> bool:
    return file.target in targets and file.path.endswith(".deb")
