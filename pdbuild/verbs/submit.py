"""`pdbuild submit`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from pdbuild import options
from pdbuild.errors import UsageError

_USAGE = "pdbuild submit [OPTIONS] --to NAME [IMAGE:TAG] PROGRAM [ARGUMENT...]"
_GIVEN = (
    *("nodes", "tasks", "gpus", "cpus"),
    *("memory", "time", "partition", "account", "runtime", "format", "context", "namespace"),
)


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
    add(
        "--format",
        metavar="NAME",
        help="the image's file on Slurm: tar, or squashfs, which is mounted",
    )
    add("--context", metavar="NAME", help="which of kubectl's clusters")
    add("--namespace", metavar="NAME", help="Kubernetes' namespace")
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
    from pdbuild.api.submitting import Submit, printed

    work = Submit(
        words=words,
        choices=options.choices(arguments),
        to=arguments.to,
        given=tuple((n, v) for n in _GIVEN if (v := getattr(arguments, n)) is not None),
        options=options.building(arguments),
        image=reference,
        env=tuple(options.pair(text) for text in arguments.env),
        mounts=tuple(options.mount(text) for text in arguments.volume),
        bake=not arguments.no_bake,
        detach=arguments.detach,
        access=options.registry(arguments),
    )
    if arguments.print:
        for text, is_remark in printed(work):
            (sys.stderr if is_remark else sys.stdout).write(text)
        return 0
    from pdbuild import terminal

    ended = work.perform(terminal.audience(quiet=arguments.quiet))
    if arguments.detach:
        print(ended.id)
    return ended.exit_code
