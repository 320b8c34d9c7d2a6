"""Every case on every engine: what comes out is the same, but for what is explained here."""

import os
import re
from hashlib import sha256
from typing import Any

import pytest

from .cases import CASES, Case
from .runs import Results

# Every run has the oldest and the newest, and some cases of this one (test_elsewhere).
_NEWER = pytest.param("buildah_newer", marks=pytest.mark.long)
_ENGINES = ("buildkit", "buildah_older", _NEWER, "buildah_newest")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_this_machines_buildah_builds_what_buildkit_builds(
    case: Case, buildkit: Results, buildah_older: Results
) -> None:
    compare(case, buildkit[case.name], buildah_older[case.name])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("engine", [_NEWER, "buildah_newest"])
def test_a_newer_buildah_builds_what_buildkit_builds(
    case: Case, engine: str, buildkit: Results, request: pytest.FixtureRequest
) -> None:
    compare(case, buildkit[case.name], request.getfixturevalue(engine)[case.name])


# What a step of these cases must do again after a change; BuildKit's word alone would not show
# that it, too, is right.
_MUST_RUN = {
    ("secret-in-no-file", "another"): set[str](),
    ("secret-in-no-file", "none"): set[str](),
    ("rebuilds", "nothing"): set[str](),
    ("rebuilds", "edit"): {"out 1", "copied 1"},
    ("rebuilds", "edit in a folder"): {"out 1", "copied 1"},
    ("rebuilds", "touch"): set[str](),
    ("rebuilds", "mode"): {"out 1", "copied 1"},
    ("rebuilds", "add"): {"out 1", "copied 1"},
    ("rebuilds", "rename"): {"out 1", "copied 1"},
    ("rebuilds", "remove"): None,  # it is as it was before "add": all in the cache
    ("rebuilds", "add what is ignored"): set[str](),
    ("rebuilds", "edit elsewhere"): {"elsewhere 1"},
    ("rebuilds", "back"): None,
    ("rebuilds-of-named", "nothing"): set[str](),
    ("rebuilds-of-named", "edit the second"): {"both 2"},
    ("an-output-that-stays-the-same", "edit a comment"): {"made 1"},
    ("an-output-that-stays-the-same", "edit code"): {"made 1", "copied 1", "out 1"},
    ("rebuilds-of-named", "edit the first"): {"both 1", "both 2", "out 1"},
}


@pytest.mark.parametrize(("case", "step"), list(_MUST_RUN))
@pytest.mark.parametrize("engine", _ENGINES)
def test_a_change_rebuilds_what_it_must_and_no_more(
    case: str, step: str, engine: str, request: pytest.FixtureRequest
) -> None:
    results: Results = request.getfixturevalue(engine)
    expected = _MUST_RUN[case, step]
    seen = next(r for r in results[case] if r.get("step") == step)
    assert not seen["failures"]
    ran = {name for name, state in seen["ran"].items() if state != "cached"}
    assert ran == (expected or set())


@pytest.mark.parametrize("engine", _ENGINES)
def test_an_image_for_another_platform_says_so_and_its_programs_ran(
    engine: str, request: pytest.FixtureRequest
) -> None:
    results: Results = request.getfixturevalue(engine)
    (result,) = results["another-platform"]
    out = result["targets"]["out"]
    assert out["config"]["architecture"] == "arm64"
    code, machine = (out["tree"][f"o/{name}"]["content"] for name in ("code", "machine"))
    assert code == sha256(b"7\n").hexdigest(), "the program did not run"
    assert machine == sha256(f"{os.uname().machine}\n".encode()).hexdigest()


# runc is asked to `run` by one and to `create` by the other, and newer ones say where they were.
_RUNCS_OWN = r"(?<=runc )(run|create)(?= failed)|error during container init: "


def compare(case: Case, expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    assert not [result["raised"] for result in (*expected, *found) if "raised" in result]
    for index, (one, other) in enumerate(zip(expected, found, strict=True)):
        differences = [*differing(plain(case, one, index), plain(case, other, index))]
        assert differences == [], f"{case.name} {one.get('step', '')}"


def plain(case: Case, result: dict[str, Any], index: int) -> dict[str, Any]:
    """A result without what may differ, and why it may."""
    targets = {}
    for name, target in result["targets"].items():
        config = dict(target["config"]["config"])
        # Without a WORKDIR, BuildKit writes the default down.
        if config.get("WorkingDir") == "/":
            del config["WorkingDir"]
        # Only Windows reads it.
        config.pop("ArgsEscaped", None)
        # Variables have no order: Buildah puts those that change last.
        config["Env"] = sorted(config.get("Env", ()))
        targets[name] = {
            "config": {**target["config"], "config": config},
            "tree": target["tree"],
            # Without a date that is given, it is the time of the build.
            "created": target["created"] if "SOURCE_DATE_EPOCH" in case.args else "",
        }
    failures = [
        {**f, "lines": [re.sub(_RUNCS_OWN, "", line) for line in f["lines"]]}
        for f in result["failures"]
    ]
    return {
        "targets": targets,
        "unfinished": result["unfinished"],
        "failures": failures,
        # In the first build the steps of targets that are alike may be cached, or not.
        "ran": result["ran"] if index else None,
    }


def differing(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two results differ, a line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        return [
            line
            for name in names
            for line in differing(one.get(name), other.get(name), f"{path}/{name}")
        ]
    return [] if one == other else [f"{path}: {one!r} != {other!r}"]
