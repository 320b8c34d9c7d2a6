"""Layers in a folder: an engine without a cache takes them, and runs nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from system.conftest import User


@pytest.mark.parametrize(
    ("engine", "suite"),
    [
        ("buildkit", ""),
        ("buildah", "older"),
        pytest.param("buildah", "newer", marks=pytest.mark.long),
        ("buildah", "newest"),
    ],
)
def test_what_is_kept_is_taken_and_what_is_damaged_is_built(
    engine: str,
    suite: str,
    builder: User,
    pdbuild_python: Path,
    driver: Path,
    request: pytest.FixtureRequest,
) -> None:
    path = request.getfixturevalue(suite) if suite else ""
    argv = [
        pdbuild_python,
        "-m",
        "conformance.kept",
        engine,
        builder.home / f"kept-{engine}{suite}",
    ]
    env = {"PYTHONPATH": str(driver), "PATH": path + builder.env["PATH"]}
    done = builder.run(argv, env=env, cwd=driver, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    first, again, damaged = (found[name] for name in ("first", "again", "damaged"))
    assert set(first["ran"].values()) == {"done"} and set(first["images"]) == {
        "out", "out-too", "made",
    }  # fmt: skip
    assert set(again["ran"].values()) == {"cached"}
    assert again["images"] == first["images"]  # with what urandom and the clock gave
    assert not damaged["error"] and set(damaged["images"]) == set(first["images"])
    assert damaged["images"] != first["images"]
