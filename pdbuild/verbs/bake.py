"""`pdbuild bake`."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.choices import Choices
from pdbuild.errors import UsageError

if TYPE_CHECKING:
    from pdbuild.api.baking import To


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Build targets in one graph. Targets: dev, binaries-VARIANT, deb-VARIANT, "
        "image-VARIANT, app-VARIANT, docs, browse, rootfs, verify-VARIANT. Groups: binaries, "
        "debs, images, apps, verify, all."
    )
    add = parser.add_argument
    add("target", nargs="*", metavar="TARGET", help="target or group (all)")
    options.add_choices(parser)
    options.add_building(parser)
    options.add_output(parser)
    options.add_offline(parser)
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
    add("--jobs", type=options.count, default=0, metavar="N", help="let N processors compile")
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
    add(
        "--cache-from",
        action="append",
        default=[],
        metavar="PLACE",
        help="take layers from a folder, or a repository of a registry",
    )
    add("--cache-to", default="", metavar="PLACE", help="then keep them there for others")
    add("--install", action="store_true", help="first build the engines, if they are not there")
    add("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace) -> int:
    """Bake, and print what was made."""
    options.go_offline(arguments)
    targets = list(arguments.target)
    what = arguments.print
    if what and what not in ("bake", "containerfile"):  # `bake --print TARGET`
        targets, what = [*targets, what], "bake"
    choices = options.choices(arguments, tuple(targets))
    if what:
        print(_definition(choices, what), end="")
        return 0
    from dataclasses import replace

    from pdbuild import report, terminal
    from pdbuild.api.baking import Bake
    from pdbuild.api.events import Event, Made

    def tell(event: Event) -> None:
        if isinstance(event, Made):
            report.show(
                event.report,
                json=arguments.json,
                quiet=arguments.quiet,
                progress=arguments.progress,
            )
        else:
            terminal.tell(event)

    job = Bake(
        choices=choices,
        options=options.building(arguments),
        retry_blocks=arguments.retry_blocks,
        install=arguments.install,
        push=_to(arguments),
    )
    # With --json and --progress=json, stdout is for the bake alone.
    loud = not (arguments.quiet or arguments.json or arguments.progress == "json")
    baked = job.perform(replace(terminal.audience(quiet=not loud), tell=tell))
    if baked.pushed and loud:
        from pdbuild.transfer import push

        print(push.as_table(baked.pushed))
    return 0


def _to(arguments: Namespace) -> To | None:
    """Where the images go, with --push."""
    if not arguments.push:
        if arguments.to or arguments.ca or arguments.insecure:
            raise UsageError("--to, --ca and --insecure are about --push")
        return None
    from pdbuild.api.baking import To

    return To(repository=arguments.to, access=options.registry(arguments))


def _definition(choices: Choices, what: str) -> str:
    """The definition as text: `what` is "bake" or "containerfile"."""
    from pdbuild import project
    from pdbuild.api import rendering

    recipe = project.open_recipe(choices.recipe)
    if what == "containerfile":
        return rendering.containerfile(recipe, choices)
    text, notes = rendering.bakefile(recipe, choices)
    for note in notes:
        project.say(note)
    return text
