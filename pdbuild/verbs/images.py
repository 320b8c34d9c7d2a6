"""`pdbuild images`: what the image store has."""

from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "reference", nargs="?", metavar="IMAGE", help="only this one, or all of its name"
    )
    parser.add_argument("--json", action="store_true", help="print JSON (sizes in bytes)")


def run(arguments: Namespace) -> int:
    """List the image store."""
    print(_listing(arguments.reference, as_json=arguments.json))
    return 0


def _listing(wanted: str | None, *, as_json: bool) -> str:
    """A table of the images, or the same as JSON."""
    import json
    from dataclasses import asdict

    from pdbuild import references
    from pdbuild.store import Store
    from pdbuild.table import lines, size

    images = Store.own().images()
    if wanted:
        images = references.matching(images, wanted)
    if as_json:
        return json.dumps([asdict(image) for image in images], indent=1)
    rows = [("IMAGE", "PLATFORM", "SIZE", "DIGEST")]
    for image in images:
        short = image.digest.removeprefix("sha256:")[:12]
        rows.append((image.reference, image.platform, size(image.unpacked or image.size), short))
    return lines(rows, right=frozenset({2}))
