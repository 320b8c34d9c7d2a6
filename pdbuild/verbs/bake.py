"""`pdbuild bake`."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.plan.types import Plan
    from pdbuild.recipe.types import Recipe


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Build targets in one graph. Targets: dev, binaries-VARIANT, deb-VARIANT, "
        "image-VARIANT, docs, browse, rootfs, verify-VARIANT. Groups: binaries, debs, images, "
        "verify, all."
    )
    add = parser.add_argument
    add("target", nargs="*", metavar="TARGET", help="target or group (all)")
    options.add_choices(parser)
    options.add_building(parser)
    options.add_output(parser)
    add(
        "--print",
        nargs="?",
        const="bake",
        metavar="WHAT",
        help="print the bake file (or --print=containerfile), and build nothing",
    )
    add(
        "--keep-going",
        action=BooleanOptionalAction,
        default=options.unwatched(),
        help="finish what does not need a failed target (without a terminal, and where CI is set)",
    )
    add("--again", action="store_true", help="ask the engine even where nothing has changed")
    add(
        "--strict",
        action="store_true",
        help="fail when an optional block is left out, or a claim not checked",
    )
    add("--retry-blocks", action="store_true", help="try optional blocks that failed again")
    add("--push", action="store_true", help="then send the production images to a registry")
    add("--to", default="", metavar="HOST/PATH", help="the repository for that ([registry] to)")
    options.add_registry(parser)
    add("--install", action="store_true", help="first build the engines, if they are not there")
    add("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace) -> int:
    """Bake, and print what was made."""
    targets = list(arguments.target)
    what = arguments.print
    if what and what not in ("bake", "containerfile"):  # `bake --print TARGET`
        targets, what = [*targets, what], "bake"
    choices = options.choices(arguments, tuple(targets))
    if what:
        print(_definition(choices, what), end="")
        return 0
    from pdbuild import baking, project, report

    recipe = project.open_recipe(choices.recipe)
    if arguments.retry_blocks:
        project.try_again(recipe)
    plan = project.plan_for(recipe, choices)
    building = options.building(arguments)
    send = _sender(arguments, recipe, plan)
    if arguments.install:
        from pdbuild.engine import install

        with install.beside():
            baking.contexts_of(recipe, plan, bootstrap=True)  # the base needs no engine
    result = baking.bake_plan(recipe, plan, baking.engine_for(building), building)
    if arguments.json:
        print(report.as_json(result))
    elif arguments.quiet:
        print("\n".join(row.where for row in result.rows))
    elif arguments.progress != "json":
        print(report.as_table(result))
    if result.judged:
        from pdbuild.verify.report import refuse

        refuse(result.judged, strict=arguments.strict)
    send()
    return 0


def _sender(arguments: Namespace, recipe: Recipe, plan: Plan) -> Callable[[], None]:
    """What pushes the images of a plan when they are baked, with --push.

    Raises UsageError now for what cannot be pushed, as a bake may take long.
    """
    if not arguments.push:
        if arguments.to or arguments.ca or arguments.insecure:
            raise UsageError("--to, --ca and --insecure are about --push")
        return lambda: None
    import sys

    from pdbuild import shipment
    from pdbuild.store import Store
    from pdbuild.transfer import push

    to = shipment.destination(arguments.to, recipe)
    push.checked(to)
    access = shipment.access(options.registry(arguments), recipe)
    references = shipment.production(plan)

    def send() -> None:
        # With --json and --progress=json, stdout is for the bake alone.
        loud = not (arguments.quiet or arguments.json or arguments.progress == "json")
        pushed = push.push(
            Store.own(),
            references,
            to,
            access,
            stream=sys.stderr if loud else None,
            say=lambda line: print(line, file=sys.stderr),
        )
        if loud:
            print(push.as_table(pushed))

    return send


def _definition(choices: Choices, what: str) -> str:
    """The definition as text: `what` is "bake" or "containerfile"."""
    from pdbuild import baking, definition, network, project

    recipe = project.open_recipe(choices.recipe)
    if what == "containerfile":
        plan = project.plain_plan(recipe, choices)
        return definition.render_containerfile(plan, Path(recipe.file).name, _command(choices))
    plan = project.plan_for(recipe, choices, fetch=False)
    contexts = baking.contexts_of(recipe, plan, bootstrap=False)
    if secret := definition.with_passwords(network.settings(recipe.mirrors)):
        project.say(
            f"note: {', '.join(secret)}: not in what is printed, as a password would stay on disk"
        )
    return baking.define(recipe, plan, contexts).bakefile_text


def _command(choices: Choices) -> str:
    words = [*(dict.fromkeys(choices.targets) or ("all",))]
    if choices.recipe:
        words.append(f"--recipe={choices.recipe}")
    words += [f"--variant={variant}" for variant in choices.variants]
    return f"pdbuild bake --print=containerfile {' '.join(words)}"
