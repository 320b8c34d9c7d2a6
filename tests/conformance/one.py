"""Builds one step with Buildah, and says what it says: something to interrupt and to kill.

    python -m conformance.one WORK NAME SCRIPT

The step has a cache mount at /c. Exits as pdbuild does.
"""

import sys
from pathlib import Path

from conformance import driver
from conformance.cases import Case, bash, stage
from pdbuild.engine.buildah import Buildah
from pdbuild.errors import Interrupted
from pdbuild.plan.instructions import Cache


def main(argv: list[str]) -> int:
    work, name, script = argv
    made = stage("out", bash(script, Cache(id=f"one-{name}", target="/c")))
    case = Case(name=name, stages=(made,))
    try:
        (result,) = driver.build_case(case, Buildah(), Path(work), progress="plain")
    except (KeyboardInterrupt, Interrupted):
        return 130
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
