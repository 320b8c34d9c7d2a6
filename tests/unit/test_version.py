"""How a version is written for Debian and for images; and that dpkg orders it as it was meant."""

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdbuild.version import Version, in_tag, patterns

HOOK = Path(__file__).parents[2] / "hooks" / "version"

# What a program shows, what Debian has, what images have.
TABLE = [
    ("1.2.3", "1.2.3", "1.2.3"),
    ("1.2.4-rc1", "1.2.4~rc1", "1.2.4-rc1"),
    ("1.2.4-RC.2", "1.2.4~RC.2", "1.2.4-RC.2"),
    ("1.0.0a3", "1.0.0~a3", "1.0.0a3"),
    ("1.0.0a3-246-gabc1234", "1.0.0~a3+246.gabc1234", "1.0.0a3-246-gabc1234"),
    ("1.0.0-alpha.beta", "1.0.0~alpha.beta", "1.0.0-alpha.beta"),
    ("1.0.dev3", "1.0~~dev3", "1.0.dev3"),
    ("1.0a1.dev2", "1.0~a1~~dev2", "1.0a1.dev2"),
    ("1.0-foo", "1.0~foo", "1.0-foo"),
    ("1.0.2a", "1.0.2+a", "1.0.2a"),
    ("1.0-1", "1.0+r1", "1.0-1"),
    ("1.0.post1", "1.0+post1", "1.0.post1"),
    ("1.0+build.5", "1.0+build.5", "1.0_build.5"),
    ("1.0~rc1", "1.0~rc1", "1.0-rc1"),
    ("1.0-dirty", "1.0+0.dirty", "1.0-dirty"),
    ("1.0-3-gabc1234-dirty", "1.0+3.gabc1234.dirty", "1.0-3-gabc1234-dirty"),
    ("0.0.0-12-gabc1234", "0.0.0+12.gabc1234", "0.0.0-12-gabc1234"),
    ("2024.01.02", "2024.01.02", "2024.01.02"),
]


@pytest.mark.parametrize(("text", "debian", "tag"), TABLE)
def test_forms(text: str, debian: str, tag: str) -> None:
    assert (Version(text).debian, Version(text).tag) == (debian, tag)
    for form, wanted in (("--debian", debian), ("--tag", tag)):
        ran = subprocess.run(["bash", HOOK, form, text], capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == wanted


@pytest.mark.parametrize("text", ["", "x", "1_2", "1-", "1--2", "-1", "1/2", "1 2", "1" * 61])
def test_no_versions(text: str) -> None:
    assert in_tag(f"v{text}", patterns("p")) == ""


def is_before(one: str, other: str) -> bool:
    ran = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False)
    return ran.returncode == 0


# A release, how far it is (in this order), and the commits since: what orders versions.
STAGES = ("dev", "a", "b", "rc", "", "letter", "post")
Point = tuple[tuple[int, ...], int, int, int]
POINTS = st.tuples(
    st.lists(st.integers(0, 12), min_size=1, max_size=3).map(tuple),
    st.integers(0, len(STAGES) - 1),
    st.integers(1, 3),
    st.integers(0, 12),
)


def written(point: Point, style: int) -> str:
    """A point as one of the ways to write tags has it."""
    release, stage, number, commits = point
    name = STAGES[stage]
    part = {
        "": "",
        "letter": "xabc"[number],
        "post": (f".post{number}", f"-{number}", f"-p{number}")[style],
        "dev": (f".dev{number}", f"-dev.{number}", f"-dev{number}")[style],
    }.get(name, (f"{name}{number}", f"-{name}.{number}", f"-{name}{number}")[style])
    later = f"-{commits}-gabc{commits:04}" if commits else ""
    return ".".join(map(str, release)) + part + later


def order(point: Point) -> Point:
    release, stage, number, commits = point
    return (release, stage, 0 if STAGES[stage] == "" else number, commits)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="NOT RUN: dpkg is not on this host")
@settings(max_examples=60, deadline=None)
@given(points=st.lists(POINTS, min_size=2, max_size=6, unique_by=order), style=st.integers(0, 2))
def test_dpkg_orders_versions_as_tags_and_commits_are(points: list[Point], style: int) -> None:
    points.sort(key=order)
    forms = [Version(written(point, style)).debian for point in points]
    assert all(re.fullmatch(r"[0-9][A-Za-z0-9.+~]*", form) for form in forms)
    for one, other in pairwise(forms):
        assert is_before(one, other), (one, other)


@settings(max_examples=200, deadline=None)
@given(text=st.from_regex(r"[0-9][A-Za-z0-9.+~]{0,12}(-[A-Za-z0-9.+~]{1,8}){0,3}", fullmatch=True))
def test_any_version_has_both_forms(text: str) -> None:
    """Whatever a tag may be: a version without revision for Debian, a tag for images."""
    assert re.fullmatch(r"[0-9][A-Za-z0-9.+~]*", Version(text).debian)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", Version(text).tag)


@settings(max_examples=25, deadline=None)
@given(text=st.from_regex(r"[0-9][A-Za-z0-9.+~]{0,12}(-[A-Za-z0-9.+~]{1,8}){0,3}", fullmatch=True))
def test_the_hook_says_the_same_of_any_version(text: str) -> None:
    ran = subprocess.run(
        ["bash", HOOK, "--debian", text], capture_output=True, text=True, check=True
    )
    assert ran.stdout == Version(text).debian + "\n"
