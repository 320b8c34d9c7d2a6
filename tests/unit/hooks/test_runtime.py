"""What a production image needs: the hooks that find it, by the real dpkg and apt."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

HOOKS = Path(__file__).parents[3] / "hooks"


def needs(*programs: str) -> None:
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        pytest.skip(f"NOT RUN: no {', '.join(missing)} on this host")


def deb(folder: Path, name: str, **fields: str) -> None:
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    control = {
        "Package": name, "Version": "1", "Architecture": "all", "Maintainer": "A <a@example.org>",
        "Description": "x", **fields,
    }  # fmt: skip
    text = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in control.items())
    (tree / "DEBIAN" / "control").write_text(text)
    target = folder / "debs" / f"{name}.deb"
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["dpkg-deb", "--build", tree, target], check=True, capture_output=True)


def depends(**environment: Path) -> list[str]:
    env = os.environ | {name: str(path) for name, path in environment.items()}
    done = subprocess.run(
        ["bash", HOOKS / "depends"], env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def test_what_packages_depend_on(tmp_path: Path) -> None:
    """In order and once; neither each other nor what only debugging and compiling take."""
    needs("dpkg-deb")
    deb(tmp_path, "tool", Depends="less | more, libtool1 (= 1), libc6 (>= 2.3)", Section="misc")
    deb(
        tmp_path,
        "libtool1",
        Source="tool",
        Depends="libc6 (>= 2.3), libz1",
        Pre_Depends="dpkg (>= 1)",
    )
    deb(
        tmp_path,
        "libtool-dev",
        Source="tool",
        Depends="libc6-dev, tool (= 1)",
        Section="contrib/libdevel",
    )
    deb(tmp_path, "tool-dbgsym", Source="tool", Depends="tool (= 1)", Section="debug")
    found = depends(PDBUILD_DEB=tmp_path / "debs")
    assert found == ["dpkg (>= 1)", "less | more", "libc6 (>= 2.3)", "libz1"]


def test_packages_that_depend_on_nothing(tmp_path: Path) -> None:
    needs("dpkg-deb")
    deb(tmp_path, "tool")
    assert depends(PDBUILD_DEB=tmp_path / "debs") == []


def test_without_a_package_what_programs_are_linked_with(tmp_path: Path) -> None:
    needs("cc", "dpkg-shlibdeps")
    tree = tmp_path / "out" / "usr"
    (tree / "bin").mkdir(parents=True)
    (tree / "lib").mkdir()
    (tree / "bin" / "script").write_text("#!/bin/sh\n")
    source = tmp_path / "a.c"
    source.write_text("int main(void) { return 0; }\n")
    own = tree / "lib" / "libown.so.1"
    subprocess.run(["cc", "-shared", "-Wl,-soname,libown.so.1", "-o", own, source], check=True)
    argv = ["cc", "-Wl,--no-as-needed", "-o", tree / "bin" / "tool", source, own, "-lm"]
    subprocess.run(argv, check=True)
    found = depends(PDBUILD_OUTPUT=tmp_path / "out", PDBUILD_DEB=tmp_path / "none")
    assert [relation.partition(" ")[0] for relation in found] == ["libc6"]


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    """A root file system in which, as its package database says, there is the C library alone."""
    needs("apt-get", "dpkg-query")
    folder = tmp_path / "root" / "var" / "lib" / "dpkg"
    folder.mkdir(parents=True)
    stanzas = []
    for name in ("libc6", "libgcc-s1"):
        done = subprocess.run(
            ["dpkg-query", "--status", name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"NOT RUN: no package {name} on this host")
        # What libgcc itself depends on does not matter here.
        lines = [line for line in done.stdout.splitlines() if not line.startswith("Depends: gcc")]
        stanzas.append("\n".join(lines) + "\n")
    (folder / "status").write_text("\n".join(stanzas) + "\n")
    archive = tmp_path / "rootfs.tar"
    subprocess.run(["tar", "-cf", archive, "-C", tmp_path / "root", "."], check=True)
    return archive


def additions(rootfs: Path, *relations: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", HOOKS / "additions", rootfs, rootfs.with_name("additions.tar")],
        input="".join(f"{relation}\n" for relation in relations),
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_what_a_runtime_lacks_comes_from_what_is_installed(rootfs: Path) -> None:
    done = additions(rootfs, "libc6 (>= 2.3)", "zlib1g (>= 1:1.0)")
    assert done.returncode == 0, done.stderr
    with tarfile.open(rootfs.with_name("additions.tar")) as archive:
        names = archive.getnames()
        assert all(member.uid == member.gid == 0 for member in archive)
        status = archive.extractfile("var/lib/dpkg/status")
        assert status
        listed = [line for line in status.read().decode().splitlines() if "Package: " in line]
    assert listed == ["Package: libc6", "Package: libgcc-s1", "Package: zlib1g"]
    assert any(name.startswith("usr/lib/") and "/libz.so." in name for name in names)
    assert not any("/doc/" in name or "libc.so" in name or name[0] in "./" for name in names)


def test_a_runtime_that_lacks_nothing_gets_nothing(rootfs: Path) -> None:
    for relations in (("libc6",), ()):
        assert additions(rootfs, *relations).returncode == 0
        with tarfile.open(rootfs.with_name("additions.tar")) as archive:
            assert archive.getnames() == ["var/lib/dpkg/status"]


def test_what_is_not_installed_must_be_named_in_the_recipe(rootfs: Path) -> None:
    done = additions(rootfs, "libc6 (>= 2.3)", "no-such-one | nor-this")
    assert done.returncode == 1
    assert "no-such-one" in done.stderr and "[image].packages" in done.stderr
