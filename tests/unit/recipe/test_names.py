"""Names, versions, platforms and sizes."""

import pytest

from pdbuild.recipe import names


@pytest.mark.parametrize("name", ["paddle", "lib2", "0ad", "a.b", "a-b", "x--y"])
def test_good_projects(name: str) -> None:
    assert names.project_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["", "a", "A1", "-a", ".a", "a_b", "a b", "a/b", "g++", "a..b", "a-", "a\n", "x" * 101]
)
def test_bad_projects(name: str) -> None:
    assert names.project_problem(name)


@pytest.mark.parametrize("version", ["1", "0.10.0", "2024.01.02", "1.0rc1", "1-2", "1~rc1", "1+b"])
def test_good_versions(version: str) -> None:
    assert names.version_problem(version) == ""


@pytest.mark.parametrize("version", ["", "v1", "1:2", "1-", "1_2", "1\n", "1" * 61])
def test_bad_versions(version: str) -> None:
    assert names.version_problem(version)


@pytest.mark.parametrize(
    ("platform", "meant"),
    [
        ("linux/x86_64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("LINUX/AMD64", "linux/amd64"),
        ("linux/amd46", "linux/amd64"),
        ("darwin/arm64", "linux/arm64"),
    ],
)
def test_platform_hints(platform: str, meant: str) -> None:
    what, hint = names.platform_problem(platform)
    assert what and hint == f'did you mean "{meant}"?'


@pytest.mark.parametrize("platform", names.PLATFORMS)
def test_good_platforms(platform: str) -> None:
    assert names.platform_problem(platform) == ("", "")


@pytest.mark.parametrize("platform", ["", "/", "linux", "linux/", "a/b/c/d", "\0"])
def test_bad_platforms(platform: str) -> None:
    assert names.platform_problem(platform)[0]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("75MB", 75_000_000),
        ("1.5GB", 1_500_000_000),
        ("64MiB", 64 << 20),
        ("2 kB", 2000),
        ("1B", 1),
        ("75", None),
        ("MB", None),
        ("-1MB", None),
        ("1e3MB", None),
        ("75mb", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert names.size(text) == size


def test_quotes_are_safe_to_print() -> None:
    assert names.quote('a"\\\n\x1b\u202e') == '"a\\"\\\\\\n\\x1b\\u202e"'
    assert len(names.quote("x" * 1000)) < 90
