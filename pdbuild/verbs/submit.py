"""`pdbuild submit`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.container import Image
    from pdbuild.jobs import Job
    from pdbuild.oci import Config
    from pdbuild.recipe.tables.submit import Submit
    from pdbuild.recipe.types import Recipe

_USAGE = "pdbuild submit [OPTIONS] --to NAME [IMAGE:TAG] PROGRAM [ARGUMENT...]"
_NUMBERS = ("nodes", "tasks", "gpus", "cpus")
_TEXTS = ("memory", "time", "partition", "account", "runtime")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments; the program and its own come after them, see `options`."""
    parser.usage = _USAGE
    parser.description = (
        "Run a program in a production image as a job on a cluster: on N nodes at once, its "
        "output here, its exit code ours. NAME is a place that the recipe has in [submit.NAME], "
        "or slurm, or kubernetes."
    )
    add = parser.add_argument
    add("--to", default="", metavar="NAME", help="the place that the job goes to")
    add("--nodes", type=int, metavar="N", help="nodes; on Kubernetes, pods")
    add("--tasks", type=int, metavar="N", help="ranks on each node")
    add("--gpus", type=int, metavar="N", help="GPUs of each node")
    add("--cpus", type=int, metavar="N", help="CPUs of each rank")
    add("--memory", metavar="SIZE", help="memory of each node, such as 8GB")
    add("--time", metavar="TIME", help="the longest that it may take, HH:MM:SS")
    add("--partition", metavar="NAME", help="Slurm's partition")
    add("--account", metavar="NAME", help="whose account pays, on Slurm")
    add("--runtime", metavar="NAME", help="what runs the image on Slurm's nodes")
    add("-e", "--env", action="append", default=[], metavar="K=V", help="set a variable")
    add("-v", "--volume", action="append", default=[], metavar="A:B[:ro]", help="mount A as B")
    add("-d", "--detach", action="store_true", help="print the job's name and return")
    add("--print", action="store_true", help="print what would be sent, and send nothing")
    add("--no-bake", action="store_true", help="send the image as it is, even if out of date")
    options.add_registry(parser)
    options.add_choices(parser)
    options.add_building(parser)


parse = options.parse_program


def run(arguments: Namespace) -> int:
    """Send the job and watch it; its exit code."""
    reference, words = options.image_and_program(arguments)
    if not words:
        raise UsageError("submit: no program", hint=_USAGE)
    recipe = _recipe(arguments.recipe, needed=not reference)
    kind, place = _place(arguments, recipe)
    to = _repository(arguments.to, place, recipe) if kind == "kubernetes" else ""
    job, config = _job(arguments, recipe, reference, words, place)
    if kind == "kubernetes":
        return _to_kubernetes(arguments, recipe, job, to)
    if arguments.print:
        from pdbuild.jobs import script

        sys.stdout.write(script.render(job))
        if config is None:
            print(f"{job.image} is not baked yet: it may have an entrypoint", file=sys.stderr)
        return 0
    return _sent(job, options.one_platform(options.choices(arguments)), arguments.detach)


def _sent(job: Job, platform: str, detach: bool) -> int:
    from pdbuild.jobs import places, send, watch
    from pdbuild.platforms import native
    from pdbuild.store import Store

    sent = send.to_slurm(Store.own(), job, platform or native().name)
    if detach:
        print(sent.id)
        return 0
    print(f"{sent.id}: sent; its files are in {sent.folder}", file=sys.stderr)
    return watch.watch(sent, lambda: places.state(sent), lambda: places.cancel(sent))


def _repository(name: str, place: Submit, recipe: Recipe | None) -> str:
    """Where the nodes of this place pull images from."""
    to = place.to or (recipe.registry.to if recipe else "")
    if to:
        return to
    hint = f"write `to` into [submit.{name}] or [registry] of the recipe"
    raise UsageError(f"--to {name}: nodes pull images from a registry", hint=hint)


def _to_kubernetes(arguments: Namespace, recipe: Recipe | None, job: Job, to: str) -> int:
    """Print the manifests; or push the image, and write them."""
    from pdbuild import shipment, whole
    from pdbuild.jobs import manifests

    # Sent twice, it is two jobs: what ends its folder's name tells them apart.
    job = replace(job, name=manifests.name_of(job.name, job.folder.name[-20:]))
    program = manifests.checked(job)
    if arguments.print:
        tag = job.image.rpartition(":")[2]
        sys.stdout.write(manifests.render(replace(job, image=f"{to}:{tag}"), program))
        print("# sent by its digest, when it is pushed", file=sys.stderr)
        return 0
    from pdbuild.store import Store
    from pdbuild.transfer.push import push

    access = shipment.access(options.registry(arguments), recipe)
    (pushed,) = push(Store.own(), (job.image,), to, access, stream=sys.stderr)
    job.folder.mkdir(parents=True)
    path = job.folder / "job.yaml"
    whole.write(path, manifests.render(replace(job, image=f"{to}@{pushed.digest}"), program))
    print(f"{pushed.there} is pushed. Send the job: kubectl create --filename {path}")
    return 0


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


def _place(arguments: Namespace, recipe: Recipe | None) -> tuple[str, Submit]:
    """The kind of the place that is meant, and what the recipe and the command line say of it."""
    from pdbuild.recipe import names
    from pdbuild.recipe.tables.submit import KINDS, Submit, problems, settled

    declared = recipe.submit if recipe else {}
    known = (*declared, *(kind for kind in KINDS if kind not in declared))
    to = arguments.to or next(iter(declared), "")
    if not arguments.to and len(declared) != 1:
        raise UsageError("submit: --to NAME says where", hint=f"one of {', '.join(known)}")
    arguments.to = to
    kind = settled(to, declared.get(to))
    if not kind:
        hint = names.did_you_mean(to, known) or f"one of {', '.join(known)}"
        raise UsageError(f"--to {to}: no such place", hint=hint)
    given = {n: v for n in (*_NUMBERS, *_TEXTS) if (v := getattr(arguments, n)) is not None}
    place = replace(declared.get(to) or Submit(), **given)
    for finding in problems(("submit", to), to, place):
        raise UsageError(f"--{finding.path[-1]}: {finding.what}", hint=finding.hint)
    return kind, place


def _job(
    arguments: Namespace,
    recipe: Recipe | None,
    reference: str,
    words: tuple[str, ...],
    place: Submit,
) -> tuple[Job, Config | None]:
    """The job, and what its image says of itself; None when it is not baked yet."""
    from pdbuild.api.running import placed
    from pdbuild.jobs import Job, send
    from pdbuild.store import Store

    image = _image(arguments, recipe, reference)
    platform = options.one_platform(options.choices(arguments))
    store = Store.own()
    stored = store.find(image.reference) if (store.path / "index.json").exists() else None
    config = store.config(image.reference, platform) if stored else None
    mounts = tuple(options.mount(text) for text in arguments.volume)
    here = Path.cwd()
    if ":" in str(here):
        raise UsageError(f"{here}: a job's folder can have no colon in its name")
    argv = placed(words, here, image.workdir, mounts)
    name = Path(next((w for w in words if w.endswith(".py")), words[0])).name
    env = {**place.environment, **dict(options.pair(text) for text in arguments.env)}
    job = Job(
        name=name,
        to=arguments.to,
        place=place,
        image=image.reference,
        argv=argv,
        entrypoint=config.entrypoint if config else (),
        workdir=image.workdir,
        cwd=here,
        folder=send.folder_for(Path(recipe.root) if recipe else here, name),
        image_env=config.env if config else (),
        env=tuple(env.items()),
        mounts=mounts,
    )
    return job, config


def _image(arguments: Namespace, recipe: Recipe | None, reference: str) -> Image:
    """The image that is meant; it is baked first when it is out of date, unless it is printed."""
    choices = options.choices(arguments)
    if reference:
        from pdbuild import references
        from pdbuild.store import Store

        return references.find(Store.own(), reference, options.one_platform(choices))
    assert recipe is not None
    if arguments.print:
        return _named(recipe, choices.variants)
    from pdbuild import current

    building = options.building(arguments)
    platform = options.one_platform(choices)
    return current.image(choices, building, platform=platform, bake=not arguments.no_bake).image


def _named(recipe: Recipe, variants: tuple[str, ...]) -> Image:
    """The image of a variant by the name that it has, or will have: looked at is nothing else."""
    from pdbuild import source
    from pdbuild.container import Image
    from pdbuild.recipe import names
    from pdbuild.version import patterns

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
