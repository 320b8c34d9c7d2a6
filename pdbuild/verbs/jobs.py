"""`pdbuild jobs`."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "List the jobs that `pdbuild submit` sent, and how they are doing: the last hundred."
    )
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def run(arguments: Namespace) -> int:
    """Print the list."""
    from pdbuild import table
    from pdbuild.errors import EngineError
    from pdbuild.jobs import kept, places

    rows = [("JOB", "STATE", "NODES", "SUBMITTED", "PROGRAM")]
    listed = []
    for sent in kept.every():
        try:
            state = str(places.state(sent))
        except EngineError:
            state = "unknown"  # long ago: its cluster has forgotten it
        listed.append({"id": sent.id, "state": state, **asdict(sent)})
        when = sent.submitted.replace("T", " ").removesuffix("+00:00")
        rows.append((sent.id, state, str(sent.nodes), when, sent.program))
    print(json.dumps(listed, indent=2) if arguments.json else table.lines(rows))
    return 0
