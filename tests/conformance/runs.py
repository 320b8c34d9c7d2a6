"""Runs of the driver: one engine of one account builds cases, and says what came out."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from system.conftest import User

# How long all cases may take on one engine, when all engines build at once.
_SECONDS = 900

Results = dict[str, list[dict[str, Any]]]


class Run:
    """A driver at work, in its user's home; `path` comes first in the PATH of its engine."""

    def __init__(
        self,
        name: str,
        user: User,
        python: Path,
        *,
        path: str = "",
        env: Mapping[str, str] | None = None,
        cases: Sequence[str] = (),
    ) -> None:
        place = give_driver(user)
        engine = name.partition("-")[0]
        words = [python, "-m", "conformance.driver", engine, user.home / f"work-{name}", *cases]
        # Into files: nobody reads its pipes until it has ended.
        self._base = user.home / name
        argv = ["sh", "-c", 'exec "$@" >"$0.json" 2>"$0.log"', self._base, *words]
        given = {"PATH": path + user.env["PATH"], "PYTHONPATH": str(place), **(env or {})}
        self._process = user.start(argv, env=given, cwd=place)

    def results(self) -> Results:
        """What the cases gave, when all are built."""
        code = self._process.wait(_SECONDS)
        assert code == 0, self._base.with_suffix(".log").read_text()[-4000:]
        found: Results = json.loads(self._base.with_suffix(".json").read_text())
        return found

    def stop(self) -> None:
        """End it, at work or not."""
        self._process.kill()
        self._process.communicate()  # closes its pipes, too


def give_driver(user: User) -> Path:
    """Copy the driver into the user's home, for the checkout may be out of their sight.

    Yields the folder to import it from.
    """
    folder = user.home / "conformance"
    if not folder.is_dir():
        shutil.copytree(Path(__file__).parent, folder, ignore=shutil.ignore_patterns("__py*"))
        subprocess.run(["chown", "-R", f"{user.name}:", folder], check=True)
    return user.home
