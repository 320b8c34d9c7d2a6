"""hooks/package: the Debian package that it makes of an installed tree, by the real dpkg."""

import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

HOOKS = Path(__file__).parents[3] / "hooks"
NEEDED = ("dpkg-deb", "dpkg-shlibdeps", "gcc", "objdump", "xz")

FIELDS = {
    "package": "tool-blue",
    "source": "tool",
    "maintainer": "Zoë O'Brien <zoe@example.org>",
    "section": "contrib/utils",
    "homepage": "https://example.org/?a=1&b=$x",
    "license": "GPL-3.0-or-later",
    "depends": "less | more, python3 (>= 3.11)",
    "recommends": "sqlite3",
    "provides": "tool",
    "conflicts": "tool, tool-red",
    "synopsis": 'does "things" at 100 % for $HOME (blue)',
    "description": "First paragraph's text with \\ and `ticks`, "
    + "long " * 30
    + "end.\n\nSecond.",
    "note": "This is the variant blue.",
}


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        pytest.skip(f"NOT RUN: packages need {', '.join(missing)} on this host")


def pack(folder: Path, version: str = "1.2.3-4-gabc1234", **fields: str) -> Path:
    """The package of `folder`/out."""
    words = [f"--{name}={value}" for name, value in {**FIELDS, **fields}.items() if value]
    shutil.rmtree(folder / "debs", ignore_errors=True)
    subprocess.run(
        ["bash", HOOKS / "package", *words],
        check=True,
        cwd=folder,
        env={
            **os.environ,
            "VERSION": version,
            "SOURCE_DATE_EPOCH": "1700000000",
            "PDBUILD_OUTPUT": str(folder / "out"),
            "PDBUILD_DEB": str(folder / "debs"),
        },
    )
    (made,) = (folder / "debs").iterdir()
    return made


def out(*words: object) -> str:
    ran = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True)
    return ran.stdout


def field(deb: Path, name: str) -> str:
    return out("dpkg-deb", "--field", deb, name).strip()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A program, a library with a version, a manual page and a Python package in out/."""
    usr = tmp_path / "out" / "usr"
    for name in ("bin", "lib", "share/man/man1", "lib/python3/dist-packages/tool/__pycache__"):
        (usr / name).mkdir(parents=True)
    (tmp_path / "l.c").write_text("int answer(void) { return 42; }\n")
    (tmp_path / "p.c").write_text("int answer(void);\nint main(void) { return answer() - 42; }\n")
    library = usr / "lib/libtool.so.1"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libtool.so.1", "-o", library, tmp_path / "l.c"],
        check=True,
    )
    subprocess.run(["gcc", "-o", usr / "bin/tool", tmp_path / "p.c", library], check=True)
    (usr / "lib/libtool.so").symlink_to("libtool.so.1")
    (usr / "share/man/man1/tool.1").write_text(".TH TOOL 1\n")
    package = usr / "lib/python3/dist-packages/tool"
    (package / "__init__.py").write_text("")
    (package / "__pycache__/__init__.cpython-311.pyc").write_text("")
    return tmp_path


def test_fields(installed: Path) -> None:
    deb = pack(installed)
    assert deb.name == "tool-1.2.3-4-gabc1234-blue.deb"
    assert field(deb, "Package") == "tool-blue"
    assert field(deb, "Source") == "tool"
    assert field(deb, "Version") == "1.2.3-4-gabc1234"
    assert field(deb, "Architecture") == out("dpkg", "--print-architecture").strip()
    for name in ("Maintainer", "Section", "Homepage", "Recommends", "Conflicts"):
        assert field(deb, name) == FIELDS[name.lower()], name
    # Others may depend on a version of what it stands in for.
    assert field(deb, "Provides") == "tool (= 1.2.3-4-gabc1234)"
    # The C library's is found by the files themselves; our own library is no dependency.
    depends = field(deb, "Depends").split(", ")
    assert depends[0].startswith("libc6 (>= ")
    assert depends[1:] == ["less | more", "python3 (>= 3.11)"]


def test_description(installed: Path) -> None:
    synopsis, *lines = field(pack(installed), "Description").splitlines()
    assert synopsis == FIELDS["synopsis"]
    assert all(line.startswith(" ") and len(line) <= 80 for line in lines)
    assert " ." in lines and "" not in lines
    text = " ".join(line.strip() for line in lines).replace(" . ", "\n\n")
    assert text == f"{FIELDS['description']} {FIELDS['note']}"


def test_contents(installed: Path) -> None:
    deb = pack(installed)
    tree = installed / "tree"
    out("dpkg-deb", "--raw-extract", deb, tree)
    files = {p.relative_to(tree).as_posix() for p in tree.rglob("*") if not p.is_dir()}
    assert files == {
        "DEBIAN/control", "DEBIAN/md5sums", "DEBIAN/shlibs", "DEBIAN/triggers",
        "DEBIAN/postinst", "DEBIAN/prerm",
        "usr/bin/tool", "usr/lib/libtool.so", "usr/lib/libtool.so.1",
        "usr/lib/python3/dist-packages/tool/__init__.py",
        "usr/share/doc/tool-blue/changelog.Debian.gz", "usr/share/doc/tool-blue/copyright",
        "usr/share/man/man1/tool.1.gz",
    }  # fmt: skip
    assert (tree / "DEBIAN/shlibs").read_text() == "libtool 1 tool-blue (>= 1.2.3-4-gabc1234)\n"
    assert "ldconfig" in (tree / "DEBIAN/triggers").read_text()
    subprocess.run(["md5sum", "--quiet", "-c", "DEBIAN/md5sums"], cwd=tree, check=True)
    changelog = out("zcat", tree / "usr/share/doc/tool-blue/changelog.Debian.gz")
    assert changelog == textwrap.dedent("""\
        tool (1.2.3-4-gabc1234) unstable; urgency=medium

          * Build of version 1.2.3-4-gabc1234.

         -- Zoë O'Brien <zoe@example.org>  Tue, 14 Nov 2023 22:13:20 +0000
        """)
    copyright = (tree / "usr/share/doc/tool-blue/copyright").read_text()
    assert (
        "License: GPL-3.0-or-later\n The text is in /usr/share/common-licenses/GPL-3.\n"
        in copyright
    )
    listed = out("dpkg-deb", "--contents", deb)
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())


@pytest.mark.parametrize(
    ("license", "text"),
    [
        ("Apache-2.0", "Apache-2.0"), ("GPL-2.0-only", "GPL-2"), ("LGPL-2.1-or-later", "LGPL-2.1"),
        ("LGPL-3.0-only", "LGPL-3"), ("MIT", ""), ("", ""),
    ],
)  # fmt: skip
def test_licenses(license: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "out/usr/share/x").mkdir(parents=True)
    deb = pack(tmp_path, package="tool", license=license)
    found = out(
        "sh", "-c", 'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/share/doc/tool/copyright', deb
    )
    assert f"License: {license or 'unknown'}\n" in found
    assert found.count("common-licenses") == bool(text)
    if text:
        assert f"/usr/share/common-licenses/{text}.\n" in found


def test_a_package_of_data_alone(tmp_path: Path) -> None:
    (tmp_path / "out/usr/share/tool").mkdir(parents=True)
    (tmp_path / "out/usr/share/tool/with space $x").write_text("data")
    empty = dict.fromkeys(
        ("depends", "recommends", "provides", "conflicts", "description", "note"), ""
    )
    deb = pack(tmp_path, version="1.0", package="tool", **empty)
    assert deb.name == "tool-1.0.deb"
    assert field(deb, "Description") == FIELDS["synopsis"]
    for name in ("Depends", "Recommends", "Provides", "Conflicts", "Source"):
        assert field(deb, name) == "", name
    members = out("dpkg-deb", "--info", deb)
    assert "postinst" not in members and "shlibs" not in members and "triggers" not in members


def test_the_same_bytes_again(installed: Path) -> None:
    first = pack(installed).read_bytes()
    assert pack(installed).read_bytes() == first


def test_lintian_has_no_error(installed: Path) -> None:
    if not shutil.which("lintian"):
        pytest.skip("NOT RUN: lintian is not on this host")
    deb = pack(installed, version="1.2.3", section="utils", depends="python3")
    # What the test's own program is like: no hardening, not stripped, no manual's text.
    ours = "unstripped-binary-or-object,unstripped-static-library"
    ran = subprocess.run(
        ["lintian", "--fail-on=error", f"--suppress-tags={ours}", "--allow-root", deb],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


def test_a_library_that_no_package_has_fails_it(installed: Path) -> None:
    (installed / "x.c").write_text("int other(void) { return 1; }\n")
    lib = installed / "libother.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libother.so.9", "-o", lib, installed / "x.c"],
        check=True,
    )
    (installed / "p.c").write_text("int other(void);\nint main(void) { return other(); }\n")
    program = installed / "out/usr/bin/tool"
    subprocess.run(["gcc", "-o", program, installed / "p.c", lib], check=True)
    with pytest.raises(subprocess.CalledProcessError):
        pack(installed)
    assert not list((installed / "debs").glob("*"))
