"""minimal: each claim holds for a sound image, and fails for a planted fault."""

import hashlib
from typing import Any

import pytest
from verify_bits import At, claims, fails, holds, subject

from pdbuild.verify import minimal
from pdbuild.verify.subject import Subject

_STATUS = "/var/lib/dpkg/status"


def status(*packages: str) -> bytes:
    """A database of packages: `NAME VERSION FIELD: TEXT; …`."""
    paragraphs = []
    for package in packages:
        name, version, *rest = package.split(" ", 2)
        fields = [
            f"Package: {name}", "Status: install ok installed", f"Version: {version}",
            "Architecture: amd64", "Maintainer: A <a@example.org>", "Description: x",
            *[field.strip() for text in rest for field in text.split(";")],
        ]  # fmt: skip
        paragraphs.append("\n".join(fields))
    return ("\n\n".join(paragraphs) + "\n").encode()


PROGRAM = b"#!/bin/sh\n"
SOUND: dict[str, Any] = {
    _STATUS: status(
        "thing 1.0 Depends: libc6 (>= 2.31) | musl, base", "libc6 2.36-9 Provides: base"
    ),
    "/var/lib/dpkg/info/thing.list": b"/.\n/usr/bin/thing\n/usr/share/doc/thing/copyright\n",
    "/var/lib/dpkg/info/libc6.list": b"/.\n/usr/lib/libc.so\n",
    "/var/lib/dpkg/info/thing.md5sums": hashlib.md5(PROGRAM).hexdigest().encode()
    + b"  usr/bin/thing\n",
    "/usr/bin/thing": At(data=PROGRAM, mode=0o755),
    "/usr/share/doc/thing/copyright": b"free",
}


def made(files: dict[str, Any] | None = None, **facts: Any) -> Subject:
    return subject(SOUND | (files or {}), **facts)


def test_a_sound_image() -> None:
    for finding in minimal.check(made(budget=1000, unpacked=999)):
        holds(iter([finding]), finding.claim)


def test_an_image_is_larger_than_its_budget() -> None:
    fails(minimal.check(made(budget=1000, unpacked=1001)), "no more than 1.0 kB", "it takes 1.0 kB")


@pytest.mark.parametrize(
    "at",
    [
        At(data=b"x", mode=0o4755),
        At(data=b"x", mode=0o2755),
        At(data=b"x", mode=0o755, headers={"SCHILY.xattr.security.capability": "x"}),
    ],
)
def test_a_file_gives_more_rights(at: At) -> None:
    found = minimal.check(made({"/usr/bin/su": at}))
    fails(found, "more rights", "/usr/bin/su: ")
    holds(
        minimal.check(made({"/usr/bin/su": at}, claims=claims(setuid=("/usr/bin/su",)))), "rights"
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/usr/bin/x86_64-linux-gnu-gcc-14", "compiler"),
        ("/usr/bin/ld.bfd", "compiler"),
        ("/usr/libexec/gcc/x86_64-linux-gnu/14/cc1plus", "compiler"),
        ("/var/lib/apt/lists/deb_dists_trixie_InRelease", "caches"),
        ("/var/cache/apt/archives/gcc_14_amd64.deb", "caches"),
        ("/root/.cache/pip/http/1", "caches"),
        ("/var/log/dpkg.log", "caches"),
        ("/usr/share/doc/thing/README", "documentation"),
        ("/usr/share/man/man1/thing.1.gz", "documentation"),
    ],
)
def test_what_does_not_belong_into_an_image(path: str, words: str) -> None:
    fails(minimal.check(made({path: b"x"})), words, path)
    keep = claims(keep=(path.rpartition("/")[0] + "/*",))
    holds(minimal.check(made({path: b"x"}, claims=keep)), words)


@pytest.mark.parametrize("path", ["/usr/bin/lddish", "/usr/bin/gccgo-like.txt", "/usr/lib/make"])
def test_what_only_sounds_like_it(path: str) -> None:
    holds(minimal.check(made({path: b"x"})), "compiler")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (status("thing 1.0 Depends: libmissing"), "thing depends on libmissing"),
        (status("thing 1.0 Depends: base (>= 2)", "base 1"), "thing depends on base (>= 2)"),
        (status("thing 1.0", "thing 1.0"), "thing: twice"),
        (status("thing 1.0").replace(b"install ok installed", b"install ok unpacked"), "unpacked"),
        (status("thing 1.0").replace(b"Version: 1.0\n", b""), "thing: no Version"),
        (b"", "is empty or not there"),
    ],
)
def test_a_database_that_is_not_valid(text: bytes, told: str) -> None:
    fails(minimal.check(made({_STATUS: text})), "dpkg's database is valid", told)


def test_a_list_of_files_where_dpkg_does_not_look() -> None:
    same = {_STATUS: status("thing 1.0", "libc6 2.36-9 Multi-Arch: same")}
    lists = {"/var/lib/dpkg/info/libc6:amd64.list": b"/.\n/usr/lib/libc.so\n"}
    files = {path: data for path, data in SOUND.items() if "libc6" not in path} | same | lists
    fails(minimal.check(subject(files)), "database is valid", "libc6: dpkg finds no list")
    each = {"/var/lib/dpkg/info/format": b"1\n"}
    holds(minimal.check(subject(files | each)), "database is valid")
    # The other way round.
    fails(minimal.check(made(same | each)), "database is valid", "libc6: dpkg finds no list")


def test_a_file_is_not_as_it_was_packed() -> None:
    changed = {"/usr/bin/thing": At(data=b"#!/bin/sh\nevil\n", mode=0o755)}
    fails(minimal.check(made(changed)), "as they were packed", "/usr/bin/thing")
