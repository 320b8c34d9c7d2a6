"""Prints what the targets of a project yielded: configurations and file trees, as JSON.

python -m conformance.trees ROOT
"""

import json
import sys
from pathlib import Path

from conformance.driver import output_of
from pdbuild.dirs import data_dir
from pdbuild.engine import exports
from pdbuild.engine.contract import Output
from pdbuild.plan.types import Form, Target
from pdbuild.project import key


def main(argv: list[str]) -> int:
    here = data_dir() / "exports" / key(str(Path(argv[0]).resolve()))
    found = {}
    for layout in sorted(here.iterdir()):
        if layout.is_dir():
            (digest,) = exports.digests(layout)
            target = Target(
                name=layout.name, stage="", kind="image", form=Form.IMAGE, description=""
            )
            found[layout.name] = output_of(Output(target=target, layout=layout, digest=digest))
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
