"""Needs become Debian packages: by the table, else by what the machine knows."""

from pathlib import Path

import pytest

from pdbuild.recipe import names
from pdbuild.survey import packages
from pdbuild.survey.facts import Need


def by(*needs: Need) -> list[tuple[tuple[str, ...], str]]:
    return [(found.packages, found.by) for found in packages.resolve(needs)]


def test_the_table() -> None:
    assert by(
        Need(kind="cmake", name="Threads"),
        Need(kind="cmake", name="openssl"),
        Need(kind="component", name="Boost/filesystem"),
        Need(kind="component", name="Boost/headers"),
        Need(kind="pkg-config", name="glib-2.0"),
        Need(kind="python", name="numpy"),
        Need(kind="python", name="attrs"),
        Need(kind="library", name="kvm", required=False),
    ) == [
        ((), "table"),
        (("libssl-dev",), "table"),
        (("libboost-filesystem-dev",), "table"),
        ((), "table"),
        (("libglib2.0-dev",), "table"),
        (("python3-numpy", "python3-numpy-dev"), "table"),
        (("python3-attrs",), "its name"),
        ((), ""),
    ]


def test_its_packages_have_names_of_packages() -> None:
    for rows in packages._table().values():
        for row in rows.values():
            assert all(names.DEBIAN_PACKAGE.fullmatch(package) for package in row)


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_what_the_table_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt-file first, then the installed files, then names; each as far as it is there."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    need = Need(kind="cmake", name="Oddity")
    assert by(need) == [((), "")]
    program(tmp_path, "apt-cache", "printf '%s\\n' odd liboddity-dev oddity")
    assert by(need) == [(("liboddity-dev",), "apt-cache")]
    program(
        tmp_path, "dpkg",
        'case "$*" in *"*/OddityConfig.cmake"*) ;; *) exit 1 ;; esac\n'
        "echo 'libodd1-dev:amd64: /usr/lib/cmake/Oddity/OddityConfig.cmake'",
    )  # fmt: skip
    assert by(need) == [(("libodd1-dev",), "dpkg")]
    program(tmp_path, "apt-file", "printf '%s\\n' oddity-doc liboddity2-dev")
    assert by(need) == [(("liboddity2-dev",), "apt-file")]
    program(tmp_path, "apt-file", "echo 'E: no cache' >&2; exit 3")
    assert by(need) == [(("libodd1-dev",), "dpkg")]
    optional = Need(kind="cmake", name="Oddity", required=False)
    assert by(optional) == [((), "")]


def test_headers(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('#include <zlib.h>\n# include "lz4.h"\n#include <stdio.h>\n')
    (tmp_path / "lz4.h").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/t.c").write_text("#include <curses.h>\n")
    assert [need.name for need in packages.headers(tmp_path)] == ["zlib.h"]
