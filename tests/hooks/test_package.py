"""hooks/package: the Debian packages that it makes of an installed tree, by the real debhelper."""

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

HOOKS = Path(__file__).parents[2] / "hooks"
NEEDED = ("dh_strip", "dh_python3", "dpkg-shlibdeps", "gcc", "man")
# What Debian's own packages are compiled with, as far as lintian looks.
CC = ("gcc", "-g1", "-O2", "-fPIE", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2",
      "-Wl,-z,relro,-z,now")  # fmt: skip

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
    "conflicts": "tool, tool-blue, tool-red",
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


def pack(folder: Path, version: str = "1.2.3", **fields: str) -> Path:
    """The one package of `folder`/out."""
    (made,) = pack_all(folder, version, **fields).values()
    return made


def pack_all(folder: Path, version: str = "1.2.3", **fields: str) -> dict[str, Path]:
    """The packages of `folder`/out and `folder`/symbols, by their names."""
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
            "PDBUILD_SYMBOLS": str(folder / "symbols"),
            "PDBUILD_DEB": str(folder / "debs"),
        },
    )
    return {field(deb, "Package"): deb for deb in (folder / "debs").iterdir()}


def strip(folder: Path, *, keep: bool = True) -> None:
    """What a compile step does after the build hook."""
    symbols = {"PDBUILD_SYMBOLS": str(folder / "symbols")} if keep else {}
    environment = {**os.environ, "PDBUILD_OUTPUT": str(folder / "out"), **symbols}
    subprocess.run(["bash", HOOKS / "strip"], check=True, env=environment)


def files(deb: Path) -> set[str]:
    """The files and links in a package."""
    listed = out("dpkg-deb", "--contents", deb).splitlines()
    lines = [line.split(maxsplit=5) for line in listed]
    return {f[5].partition(" -> ")[0].removeprefix("./") for f in lines if f[0][0] != "d"}


def control(deb: Path, name: str) -> str:
    """The text of a file of a package's control archive, "" without one."""
    ran = subprocess.run(["dpkg-deb", "--info", deb, name], capture_output=True, text=True,
                         check=False)  # fmt: skip
    return ran.stdout


def out(*words: object) -> str:
    ran = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True)
    return ran.stdout


def field(deb: Path, name: str) -> str:
    return out("dpkg-deb", "--field", deb, name).strip()


MANUAL = """\
.TH {0} {1}
.SH NAME
{0} \\- has an answer
.SH DESCRIPTION
It is always the same.
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In out/ a program, a library with a version and its header, manuals, a Python package."""
    folder = tmp_path_factory.mktemp("compiled")
    usr = folder / "out" / "usr"
    for name in ("bin", "include", "share/pkgconfig", "share/man/man1", "share/man/man3",
                 "lib/python3/dist-packages/tool/__pycache__"):  # fmt: skip
        (usr / name).mkdir(parents=True)
    (folder / "l.c").write_text(
        '#include <stdlib.h>\nint answer(void) { return getenv("X") ? 1 : 42; }\n'
    )
    (folder / "p.c").write_text("int answer(void);\nint main(void) { return answer() - 42; }\n")
    library = usr / "lib/libtool.so.1"
    subprocess.run(
        [*CC, "-shared", "-fPIC", "-Wl,-soname,libtool.so.1", "-o", library, folder / "l.c"],
        check=True,
    )
    subprocess.run([*CC, "-pie", "-o", usr / "bin/tool", folder / "p.c", library], check=True)
    (usr / "lib/libtool.so").symlink_to("libtool.so.1")
    (usr / "share/pkgconfig/tool.pc").write_text("Name: tool\nVersion: 1\nDescription: answers\n")
    (usr / "include/tool.h").write_text("int answer(void);\n")
    (usr / "share/man/man1/tool.1").write_text(MANUAL.format("tool", 1))
    (usr / "share/man/man3/answer.3").write_text(MANUAL.format("answer", 3))
    package = usr / "lib/python3/dist-packages/tool"
    (package / "__init__.py").write_text("")
    (package / "__pycache__/__init__.cpython-311.pyc").write_text("")
    return folder


@pytest.fixture
def installed(compiled: Path, tmp_path: Path) -> Path:
    """The same, for a test to change."""
    return shutil.copytree(compiled, tmp_path / "installed", symlinks=True)


@pytest.fixture(scope="module")
def packed(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of it all."""
    folder = tmp_path_factory.mktemp("packed") / "installed"
    return pack(shutil.copytree(compiled, folder, symlinks=True))


@pytest.fixture(scope="module")
def parts(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Its packages, split, with the symbols of theirs."""
    folder = shutil.copytree(
        compiled, tmp_path_factory.mktemp("parts") / "installed", symlinks=True
    )
    strip(folder)
    return pack_all(folder, split="lib dev")


def test_fields(packed: Path) -> None:
    assert packed.name == "tool-1.2.3-blue.deb"
    assert field(packed, "Package") == "tool-blue"
    assert field(packed, "Source") == "tool"
    assert field(packed, "Version") == "1.2.3"
    assert field(packed, "Architecture") == out("dpkg", "--print-architecture").strip()
    for name in ("Maintainer", "Section", "Homepage", "Recommends"):
        assert field(packed, name) == FIELDS[name.lower()], name
    # Others may depend on a version of what it stands in for.
    assert field(packed, "Provides") == "tool (= 1.2.3)"
    assert field(packed, "Conflicts") == field(packed, "Replaces") == "tool, tool-red"
    # The C library's is found by the files themselves; our own library is no dependency.
    depends = field(packed, "Depends").split(", ")
    assert depends[0].startswith("libc6 (>= ")
    assert depends[1:] == ["python3:any", "less | more", "python3 (>= 3.11)"]


def test_description(packed: Path) -> None:
    synopsis, *lines = field(packed, "Description").splitlines()
    assert synopsis == FIELDS["synopsis"]
    assert all(line.startswith(" ") and len(line) <= 80 for line in lines)
    assert " ." in lines and "" not in lines
    text = " ".join(line.strip() for line in lines).replace(" . ", "\n\n")
    assert text == f"{FIELDS['description']} {FIELDS['note']}"


def test_contents(packed: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    out("dpkg-deb", "--raw-extract", packed, tree)
    assert {p.name for p in (tree / "DEBIAN").iterdir()} == {
        "control", "md5sums", "shlibs", "triggers", "postinst", "prerm",
    }  # fmt: skip
    assert files(packed) == {
        "usr/bin/tool", "usr/include/tool.h", "usr/lib/libtool.so", "usr/lib/libtool.so.1",
        "usr/share/pkgconfig/tool.pc", "usr/lib/python3/dist-packages/tool/__init__.py",
        "usr/share/doc/tool-blue/changelog.gz", "usr/share/doc/tool-blue/copyright",
        "usr/share/lintian/overrides/tool-blue",
        "usr/share/man/man1/tool.1.gz", "usr/share/man/man3/answer.3.gz",
    }  # fmt: skip
    assert (tree / "DEBIAN/shlibs").read_text() == "libtool 1 tool-blue (>= 1.2.3)\n"
    assert "ldconfig" in (tree / "DEBIAN/triggers").read_text()
    assert "py3compile -p tool-blue" in (tree / "DEBIAN/postinst").read_text()
    assert "py3clean -p tool-blue" in (tree / "DEBIAN/prerm").read_text()
    subprocess.run(["md5sum", "--quiet", "-c", "DEBIAN/md5sums"], cwd=tree, check=True)
    changelog = out("zcat", tree / "usr/share/doc/tool-blue/changelog.gz")
    assert changelog == textwrap.dedent("""\
        tool (1.2.3) unstable; urgency=medium

          * Build of version 1.2.3.

         -- Zoë O'Brien <zoe@example.org>  Tue, 14 Nov 2023 22:13:20 +0000
        """)
    copyright = (tree / "usr/share/doc/tool-blue/copyright").read_text()
    assert "Copyright: 2023 Zoë O'Brien <zoe@example.org>\n" in copyright
    assert (
        "License: GPL-3.0-or-later\n The text is in /usr/share/common-licenses/GPL-3.\n"
        in copyright
    )
    listed = out("dpkg-deb", "--contents", packed)
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())
    # A library is loaded, not run (10.2); linkers leave it executable.
    assert "-rw-r--r--" in next(x for x in listed.splitlines() if x.endswith("/libtool.so.1"))


def test_debug_symbols_are_a_package_of_their_own(installed: Path) -> None:
    program = installed / "out/usr/bin/tool"
    before = program.read_bytes()
    strip(installed)
    assert "stripped" in out("file", program).split(", ")[-1]
    assert "not stripped" not in out("file", program)
    assert (installed / "symbols/usr/bin/tool").read_bytes() == before
    made = pack_all(installed)
    assert {deb.name for deb in made.values()} == {
        "tool-1.2.3-blue.deb",
        "tool-dbgsym-1.2.3-blue.deb",
    }
    symbols = made["tool-blue-dbgsym"]
    assert field(symbols, "Depends") == "tool-blue (= 1.2.3)"
    debug = [name for name in files(symbols) if name.endswith(".debug")]
    assert len(debug) == 2  # of the program and the library
    # Both are found by the program's own mark, and say the lines of the source.
    note = re.search(r"Build ID: (\w+)", out("readelf", "--notes", program))
    assert note and f"usr/lib/debug/.build-id/{note[1][:2]}/{note[1][2:]}.debug" in debug
    tree = installed / "symbols-tree"
    out("dpkg-deb", "--extract", symbols, tree)
    lines = [out("readelf", "--debug-dump=decodedline", tree / name) for name in debug]
    assert any("p.c" in text for text in lines) and any("l.c" in text for text in lines)


@pytest.mark.parametrize("others", [("plain", "script"), ()])
def test_what_has_debug_information_is_kept(others: tuple[str, ...], tmp_path: Path) -> None:
    """Whether it is one file or several that readelf and strip are given."""
    programs = tmp_path / "out/usr/bin"
    programs.mkdir(parents=True)
    (tmp_path / "p.c").write_text("int main(void) { return 0; }\n")
    subprocess.run([*CC, "-o", programs / "two words", tmp_path / "p.c"], check=True)
    if others:
        subprocess.run([*CC, "-g0", "-o", programs / "plain", tmp_path / "p.c"], check=True)
        (programs / "script").write_text("#!/bin/sh\n")
        (programs / "script").chmod(0o755)
    strip(tmp_path)
    kept = [path for path in (tmp_path / "symbols").rglob("*") if path.is_file()]
    assert kept == [tmp_path / "symbols/usr/bin/two words"]
    assert "not stripped" in out("file", *kept)
    assert "not stripped" not in out("file", *programs.iterdir())
    assert {path.name for path in programs.iterdir()} == {"two words", *others}


def test_no_debug_symbols_without_debug_information(installed: Path) -> None:
    subprocess.run(["strip", "--strip-debug", installed / "out/usr/bin/tool",
                    installed / "out/usr/lib/libtool.so.1"], check=True)  # fmt: skip
    strip(installed)
    assert list(pack_all(installed)) == ["tool-blue"]


def test_no_debug_symbols_when_none_are_kept(installed: Path) -> None:
    strip(installed, keep=False)
    assert not (installed / "symbols").exists()
    assert list(pack_all(installed)) == ["tool-blue"]
    # Not stripped before: debhelper does it, and the symbols go nowhere.
    subprocess.run([*CC, "-o", installed / "out/usr/bin/tool", installed / "p.c",
                    installed / "out/usr/lib/libtool.so.1"], check=True)  # fmt: skip
    made = pack_all(installed)
    assert list(made) == ["tool-blue"]
    out("dpkg-deb", "--extract", made["tool-blue"], installed / "tree")
    assert "not stripped" not in out("file", installed / "tree/usr/bin/tool")


def test_split(parts: dict[str, Path]) -> None:
    assert {name: deb.name for name, deb in parts.items()} == {
        "tool-blue": "tool-1.2.3-blue.deb",
        "tool-blue-dbgsym": "tool-dbgsym-1.2.3-blue.deb",
        "libtool1-blue": "libtool1-1.2.3-blue.deb",
        "libtool1-blue-dbgsym": "libtool1-dbgsym-1.2.3-blue.deb",
        "libtool-blue-dev": "libtool-dev-1.2.3-blue.deb",
    }
    program, library, dev = (parts[n] for n in ("tool-blue", "libtool1-blue", "libtool-blue-dev"))

    def shipped(deb: Path) -> set[str]:
        return {n for n in files(deb) if "/doc/" not in n and "/lintian/" not in n}

    assert shipped(program) == {
        "usr/bin/tool", "usr/lib/python3/dist-packages/tool/__init__.py",
        "usr/share/man/man1/tool.1.gz",
    }  # fmt: skip
    assert shipped(library) == {"usr/lib/libtool.so.1"}
    assert shipped(dev) == {
        "usr/include/tool.h", "usr/lib/libtool.so", "usr/share/pkgconfig/tool.pc",
        "usr/share/man/man3/answer.3.gz",
    }  # fmt: skip
    assert "libtool1-blue (= 1.2.3)" in field(program, "Depends").split(", ")
    assert field(dev, "Depends") == "libtool1-blue (= 1.2.3)"
    assert field(dev, "Section") == "contrib/libdevel"
    assert field(library, "Section") == "contrib/libs"
    assert field(library, "Provides") == "libtool1 (= 1.2.3)"
    assert field(library, "Conflicts") == "libtool1, libtool1-red"
    assert field(dev, "Conflicts") == "libtool-dev, libtool-red-dev"
    assert control(library, "shlibs") == "libtool 1 libtool1-blue (>= 1.2.3)\n"
    assert "ldconfig" in control(library, "triggers") and not control(program, "triggers")


def test_split_of_a_library_alone(installed: Path) -> None:
    for name in ("bin", "share/man/man1", "lib/python3"):
        shutil.rmtree(installed / "out/usr" / name)
    made = pack_all(installed, package="tool", conflicts="", split="lib dev", depends="less")
    assert {name: deb.name for name, deb in made.items()} == {
        "libtool1": "libtool1-1.2.3.deb", "libtool-dev": "libtool-dev-1.2.3.deb",
    }  # fmt: skip
    assert "less" in field(made["libtool1"], "Depends").split(", ")


def test_split_of_headers(tmp_path: Path) -> None:
    (tmp_path / "out/usr/include").mkdir(parents=True)
    (tmp_path / "out/usr/include/tool.h").write_text("")
    made = pack_all(tmp_path, package="tool", conflicts="", provides="", split="dev")
    assert list(made) == ["tool-dev"]


@pytest.mark.parametrize(
    ("split", "problem"),
    [("dev", "installed nothing for dev"), ("lib", "installed no library with a version")],
)
def test_nothing_to_split(
    split: str, problem: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out/usr/share/tool").mkdir(parents=True)
    with pytest.raises(subprocess.CalledProcessError):
        pack_all(tmp_path, split=split)
    assert problem in capfd.readouterr().err


def test_service_and_settings(installed: Path) -> None:
    """A unit is enabled and started by what systemd's own tools are told; /etc is the admin's."""
    units = installed / "out/usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / "tool.service").write_text(
        "[Unit]\nDescription=answers\nDocumentation=man:tool(1)\n\n"
        "[Service]\nExecStart=/usr/bin/tool\n\n[Install]\nWantedBy=multi-user.target\n"
    )
    (installed / "out/etc").mkdir()
    (installed / "out/etc/tool.conf").write_text("answer = 42\n")
    strip(installed)
    made = pack_all(installed, section="utils", depends="python3")
    deb = made["tool-blue"]
    assert control(deb, "conffiles") == "/etc/tool.conf\n"
    for script, said in {
        "postinst": ("deb-systemd-helper enable 'tool.service'", "deb-systemd-invoke"),
        "prerm": ("deb-systemd-invoke stop 'tool.service'",),
        "postrm": ("deb-systemd-helper purge 'tool.service'", "daemon-reload"),
    }.items():
        for word in said:
            assert word in control(deb, script), (script, word)
    check_by_lintian(made)


@pytest.mark.parametrize(
    ("license", "text"), [("Apache-2.0", "Apache-2.0"), ("LGPL-3.0-only", "LGPL-3"), ("", "")]
)
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


def test_the_same_bytes_again(parts: dict[str, Path], installed: Path) -> None:
    """Also in another folder."""
    strip(installed)
    again = pack_all(installed, split="lib dev")
    assert {n: d.read_bytes() for n, d in again.items()} == {
        n: d.read_bytes() for n, d in parts.items()
    }


def test_dependencies_are_those_that_dpkg_finds(tmp_path: Path) -> None:
    """Of all symbols that libraries have, those that the files use decide."""
    (tmp_path / "p.cc").write_text(
        "#include <charconv>\n#include <cmath>\n#include <iostream>\nint main(int n, char **v)\n"
        "{ double d = 0; std::from_chars(v[0], v[0] + n, d); std::cout << std::log2(d); }\n"
    )
    program = tmp_path / "out/usr/bin/p"
    program.parent.mkdir(parents=True)
    subprocess.run(["g++", "-o", program, tmp_path / "p.cc", "-Wl,--no-as-needed", "-lz"],
                   check=True)  # fmt: skip
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/control").write_text("Source: p\n\nPackage: p\nArchitecture: any\n")
    plain = subprocess.run(["dpkg-shlibdeps", "-O", program], cwd=tmp_path, check=True, text=True,
                           capture_output=True).stdout  # fmt: skip
    deb = pack(tmp_path, package="pp", source="pp", depends="", conflicts="", provides="")
    assert f"shlibs:Depends={field(deb, 'Depends')}\n" == plain
    assert "libstdc++6 (>= 11" in plain and "zlib1g (>= 1:" in plain


def test_variants_take_each_others_place(tmp_path: Path) -> None:
    """By dpkg itself, in a root of its own: of all variants one is installed, the last."""
    alone = ["unshare", "--user", "--map-root-user"] if os.getuid() else []
    if subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("NOT RUN: dpkg wants to be root, and there are no user namespaces here")
    (tmp_path / "out/usr/share/tool").mkdir(parents=True)
    (tmp_path / "out/usr/share/tool/data").write_text("data")
    root = tmp_path / "root"
    for name in ("info", "updates"):
        (root / "var/lib/dpkg" / name).mkdir(parents=True)
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()
    (tmp_path / "kept").mkdir()
    variants = ("tool", "tool-blue", "tool-red")
    debs = {}
    for name in variants:
        deb = pack(tmp_path, package=name, depends="")
        debs[name] = deb.rename(tmp_path / "kept" / deb.name)
    dpkg = [*alone, "dpkg", f"--root={root}", "--log=/dev/null"]
    for name in (*variants, "tool-blue", "tool", "tool"):
        out(*dpkg, "--install", debs[name])
        listed = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W"]
        state = out(*listed, "-f", "${db:Status-Status} ${Package}\n").splitlines()
        assert [line for line in state if line.startswith("installed")] == [f"installed {name}"]
        assert (root / "usr/share/tool/data").read_text() == "data"
        assert {p.name for p in (root / "usr/share/doc").iterdir()} == {name}


def check_by_lintian(made: dict[str, Path]) -> None:
    if not shutil.which("lintian"):
        pytest.skip("NOT RUN: lintian is not on this host")
    ran = subprocess.run(
        ["lintian", "--fail-on=error,warning", "--allow-root", *made.values()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0 and not ran.stdout, ran.stdout


def test_lintian_finds_nothing_in_split_packages(installed: Path) -> None:
    strip(installed)
    fields = {"section": "utils", "depends": "python3", "split": "lib dev", "needs": "avx2"}
    check_by_lintian(pack_all(installed, **fields))


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


def warned(deb: Path, folder: Path, flags: str) -> str:
    """What a package says when it is installed on a CPU with these features."""
    tree = folder / "scripts"
    shutil.rmtree(tree, ignore_errors=True)
    out("dpkg-deb", "--control", deb, tree)
    cpuinfo = folder / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t: x\n")
    script = (tree / "postinst").read_text().replace("/proc/cpuinfo", str(cpuinfo))
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name, to in (("sed", shutil.which("sed")), ("py3compile", "/bin/true")):
        (tools / name).unlink(missing_ok=True)
        (tools / name).symlink_to(to or "")
    done = subprocess.run(
        ["/bin/sh", "-c", script, "postinst", "configure"],
        env={"PATH": str(tools)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr


@pytest.mark.skipif(
    shutil.which("dpkg") is None or out("dpkg", "--print-architecture").strip() != "amd64",
    reason="NOT RUN: features are told of amd64 alone",
)
def test_a_cpu_that_lacks_something_is_warned_of_and_nothing_fails(installed: Path) -> None:
    deb = pack(installed, needs="avx2 fma", instead="tool-plain")
    assert warned(deb, installed, "sse2 avx2 fma") == ""
    assert warned(deb, installed, "sse2 avx avx2x") == (
        "tool-blue: this CPU lacks avx2 fma: the programs will not run here\n"
        "tool-blue: the package tool-plain does without\n"
    )
    assert "py3compile" in (installed / "scripts/postinst").read_text(), "debhelper's part is there"
