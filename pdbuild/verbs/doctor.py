"""`pdbuild doctor`: what works here, what does not, and what mends it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from pdbuild import options
from pdbuild.errors import PdbuildError

if TYPE_CHECKING:
    from pdbuild.doctor import Finding
    from pdbuild.recipe.types import Recipe


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Find out by trying what works here, and print one line each: ok, or what is wrong, what "
        "it costs and what mends it. Nothing is changed. Exit code 0 when a bake can work."
    )
    options.add_recipe(parser)
    parser.add_argument(
        "--write-podman",
        action="store_true",
        help="write what `podman run` by hand lacks here into podman's configuration of yours",
    )
    parser.add_argument(
        "--site",
        action="store_true",
        help="print a report to send to the administrator, with what they would type",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """Print the findings; 0 when a bake can work."""
    import json
    from dataclasses import asdict

    from pdbuild.doctor import State

    if arguments.write_podman:
        return _write_podman()
    findings = _examine(arguments.recipe)
    works = all(finding.state is not State.FAIL for finding in findings)
    if arguments.json:
        told = {"ok": works, "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(told, indent=1))
    elif arguments.site:
        print(_for_site(findings))
    else:
        print("\n".join(map(str, findings)))
    return 0 if works else 1


def _for_site(findings: tuple[Finding, ...]) -> str:
    import os
    from importlib.metadata import version

    from pdbuild.doctor import site
    from pdbuild.engine import launch

    user = f"{launch.user()} (uid {os.getuid()})"
    return site.report(findings, version=version("pdbuild"), user=user)


def _write_podman() -> int:
    """Write the files; without them podman works for pdbuild alone."""
    from pdbuild import ground
    from pdbuild.container import host, plain, storage

    ground.say(ground.settle())
    host.find()
    written = [path for path in (storage.give(), plain.give()) if path]
    print("\n".join(f"wrote {path}" for path in written) or "podman lacks nothing here")
    return 0


def _examine(chosen: str | None) -> tuple[Finding, ...]:
    """The findings for the recipe that is meant; without one, those that every bake shares."""
    from pdbuild import doctor, network
    from pdbuild.engine import known

    recipe, about = _recipe(chosen)
    found = doctor.examine(
        recipe,
        bundle=network.ca_bundle(),
        engines=tuple(known.ENGINES),
        lacking=known.lacking,
    )
    return (*found, about)


def _recipe(chosen: str | None) -> tuple[Recipe | None, Finding]:
    from pathlib import Path

    from pdbuild.doctor.finding import ok, warn
    from pdbuild.project import open_recipe
    from pdbuild.recipe import load

    if not chosen:
        try:
            load.find(Path.cwd(), None)
        except PdbuildError:
            return None, ok("recipe", "none here; what it would need was not looked at")
    try:
        recipe = open_recipe(chosen)
    except PdbuildError as error:
        mistakes = str(error).splitlines()
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        cost = "nothing can be built from it, and what it needs was not looked at"
        return None, warn("recipe", mistakes[0] + more, cost=cost, mend=error.hint)
    return recipe, ok("recipe", recipe.file)
