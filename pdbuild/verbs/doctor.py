"""`pdbuild doctor`."""

from argparse import ArgumentParser, Namespace

from pdbuild.commands import doctor
from pdbuild.verbs import options


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Find out by trying what works here, and print one line each: ok, or what is wrong, what "
        "it costs and what mends it. Nothing is changed. Exit code 0 when a bake can work."
    )
    options.add_recipe(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """Print the findings."""
    findings = doctor.examine(arguments.recipe)
    print(doctor.as_json(findings) if arguments.json else "\n".join(map(str, findings)))
    return 0 if doctor.works(findings) else 1
