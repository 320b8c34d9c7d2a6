"""A program in an image as a job on a cluster: what is asked for, and how it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdbuild import options
from pdbuild.api.audience import Audience
from pdbuild.api.running import Ended, placed
from pdbuild.choices import Access, Choices, Options
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.container import Image, Mount
    from pdbuild.jobs import Job
    from pdbuild.jobs.kept import Sent
    from pdbuild.oci import Config
    from pdbuild.recipe.tables.submit import Submit as Place
    from pdbuild.recipe.types import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Send a program to the place `to`, and watch it to its end unless it is to `detach`.

    The image is `image`, one of the store, or that of the variant of `choices`, baked first as
    `Run` does. `given` are keys of the place that come before the recipe's. With `ask`, Ctrl-C
    asks what is to become of the job; without, it cancels it.
    """

    words: tuple[str, ...]
    choices: Choices
    to: str = ""
    given: tuple[tuple[str, Any], ...] = ()
    options: Options = field(default_factory=Options)
    image: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    bake: bool = True
    detach: bool = False
    access: Access = field(default_factory=Access)
    ask: bool = True

    def perform(self, audience: Audience) -> Ended:
        """Do it; `id` is the job's name, the exit code the program's.

        Raises UsageError and EngineError before anything is sent, PdbuildError when the job ends
        otherwise than by its program.
        """
        settled = _settled(self)
        repository = settled.repository()
        job, _ = _job(settled, _image(settled, audience))
        sent = _sent(settled, job, repository, audience)
        if self.detach:
            return Ended(exit_code=0, id=sent.id)
        from pdbuild.jobs import outputs, places, watch

        code = watch.watch(sent, outputs.of(sent), lambda: places.cancel(sent), ask=self.ask)
        return Ended(exit_code=code, id=sent.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Watch a job that was sent before. It goes on when this is interrupted."""

    sent: Sent

    def perform(self, audience: Audience) -> Ended:
        """Do it. Raises as `Submit` does once the job is sent."""
        from pdbuild.jobs import outputs, places, watch

        sent = self.sent
        code = watch.watch(sent, outputs.of(sent), lambda: places.cancel(sent))
        return Ended(exit_code=code, id=sent.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What is asked for, with what the recipe says of the place."""

    asked: Submit
    recipe: Recipe | None
    to: str
    kind: str
    place: Place

    @property
    def platform(self) -> str:
        return options.one_platform(self.asked.choices)

    def repository(self) -> str:
        """Where the nodes of this place pull images from; "" where they do not."""
        if self.kind != "kubernetes":
            return ""
        to = self.place.to or (self.recipe.registry.to if self.recipe else "")
        if to:
            return to
        hint = f"write `to` into [submit.{self.to}] or [registry] of the recipe"
        raise UsageError(f"--to {self.to}: nodes pull images from a registry", hint=hint)


def printed(asked: Submit) -> Iterator[tuple[str, bool]]:
    """What would be sent, without baking: texts, and whether each is only a remark."""
    settled = _settled(asked)
    to = settled.repository()
    job, config = _job(settled, _named(settled))
    if settled.kind == "kubernetes":
        from pdbuild.jobs import send

        yield send.rendered(job, f"{to}:{job.image.rpartition(':')[2]}"), False
        yield "# sent by its digest, when it is pushed\n", True
        return
    from pdbuild.jobs import script

    yield script.render(job), False
    if config is None:
        yield f"{job.image} is not baked yet: it may have an entrypoint\n", True


def _settled(asked: Submit) -> _Settled:
    recipe = _recipe(asked.choices.recipe, needed=not asked.image)
    to, kind, place = _place(asked, recipe)
    return _Settled(asked=asked, recipe=recipe, to=to, kind=kind, place=place)


def _recipe(chosen: str | None, *, needed: bool) -> Recipe | None:
    """The recipe here; None where there is none, and none is needed."""
    from pdbuild import shipped
    from pdbuild.recipe import load, remembered

    try:
        path = load.find(Path.cwd(), chosen)
    except UsageError:
        if needed:
            raise
        return None
    blocks, hooks = shipped.toolchain_dir(), shipped.hooks_dir()
    return remembered.load(path, blocks_dir=blocks, hooks_dir=hooks)


def _place(asked: Submit, recipe: Recipe | None) -> tuple[str, str, Place]:
    """The place that is meant, its kind, and what the recipe and the command line say of it."""
    from pdbuild.recipe import names
    from pdbuild.recipe.tables.submit import KINDS, Submit, problems, settled

    declared = recipe.submit if recipe else {}
    known = (*declared, *(kind for kind in KINDS if kind not in declared))
    to = asked.to or next(iter(declared), "")
    if not asked.to and len(declared) != 1:
        raise UsageError("submit: --to NAME says where", hint=f"one of {', '.join(known)}")
    kind = settled(to, declared.get(to))
    if not kind:
        hint = names.did_you_mean(to, known) or f"one of {', '.join(known)}"
        raise UsageError(f"--to {to}: no such place", hint=hint)
    place = replace(declared.get(to) or Submit(), **dict(asked.given))
    for finding in problems(("submit", to), to, place):
        raise UsageError(f"--{finding.path[-1]}: {finding.what}", hint=finding.hint)
    return to, kind, place


def _job(settled: _Settled, image: Image) -> tuple[Job, Config | None]:
    """The job, and what its image says of itself; None when it is not baked yet."""
    from pdbuild.jobs import Job, send
    from pdbuild.store import Store

    asked, here = settled.asked, Path.cwd()
    store = Store.own()
    stored = store.find(image.reference) if (store.path / "index.json").exists() else None
    config = store.config(image.reference, settled.platform) if stored else None
    if ":" in str(here):
        raise UsageError(f"{here}: a job's folder can have no colon in its name")
    words = asked.words
    name = Path(next((w for w in words if w.endswith(".py")), words[0])).name
    env = {**settled.place.environment, **dict(asked.env)}
    job = Job(
        name=name,
        to=settled.to,
        place=settled.place,
        image=image.reference,
        argv=placed(words, here, image.workdir, asked.mounts),
        entrypoint=config.entrypoint if config else (),
        workdir=image.workdir,
        cwd=here,
        folder=send.folder_for(Path(settled.recipe.root) if settled.recipe else here, name),
        image_env=config.env if config else (),
        env=tuple(env.items()),
        mounts=asked.mounts,
    )
    return job, config


def _sent(settled: _Settled, job: Job, repository: str, audience: Audience) -> Sent:
    from pdbuild.jobs import send
    from pdbuild.platforms import native
    from pdbuild.store import Store

    if settled.kind == "slurm":
        sent = send.to_slurm(Store.own(), job, settled.platform or native().name)
        audience.say(f"{sent.id}: sent; its files are in {sent.folder}")
        return sent
    from pdbuild import shipment
    from pdbuild.api.shipping import Send
    from pdbuild.jobs import manifests

    manifests.checked(job)  # before anything goes anywhere
    access = shipment.access(settled.asked.access, settled.recipe)
    shipped = Send(references=(job.image,), to=repository, access=access)
    (pushed,) = shipped.perform(audience)
    sent = send.to_kubernetes(job, f"{repository}@{pushed.digest}")
    audience.say(f"{sent.id}: sent; its manifests are in {sent.folder}")
    return sent


def _image(settled: _Settled, audience: Audience) -> Image:
    """The image that is meant; it is baked first when it is out of date."""
    asked = settled.asked
    if asked.image:
        return _of_store(settled)
    from pdbuild import current

    return current.image(
        asked.choices,
        asked.options,
        platform=settled.platform,
        bake=asked.bake,
        show=audience.show,
    ).image


def _of_store(settled: _Settled) -> Image:
    from pdbuild import references
    from pdbuild.store import Store

    return references.find(Store.own(), settled.asked.image, settled.platform)


def _named(settled: _Settled) -> Image:
    """The image of a variant by the name that it has, or will have: looked at is nothing else."""
    if settled.asked.image:
        return _of_store(settled)
    from pdbuild import source
    from pdbuild.container import Image
    from pdbuild.recipe import names
    from pdbuild.version import patterns

    recipe, variants = settled.recipe, settled.asked.choices.variants
    assert recipe is not None
    if recipe.image is None:
        raise UsageError(f"{recipe.file} has no [image]", hint="add one to run programs in it")
    variant = variants[0] if variants else recipe.default_variant
    if len(variants) > 1 or variant not in recipe.variants:
        hint = names.did_you_mean(variant, recipe.variants)
        raise UsageError(f"--variant {','.join(variants)}: not one variant", hint=hint)
    project = recipe.project
    tags = patterns(project.name, project.tag)
    version = source.describe(Path(recipe.root, recipe.source), project.version, tags).version
    suffix = "" if variant == recipe.default_variant else f"-{variant}"
    return Image(
        reference=f"localhost/{project.name}:{version.tag}{suffix}",
        project=project.name,
        workdir=recipe.image.workdir,
        is_dev=False,
    )
