"""Hooks that make things for another machine, with stand-ins for its compilers and emulator."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ARM = {
    "PDBUILD_ARCHITECTURE": "arm64",
    "PDBUILD_TRIPLET": "aarch64-linux-gnu",
    "PDBUILD_PROCESSOR": "aarch64",
}
TOOLS = ("gcc", "g++", "ar", "ranlib", "strip")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which the other machine's tools come first; this machine is amd64."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        program(folder / f"aarch64-linux-gnu-{name}", f'echo "cross {name} $*" >>"$SAID"')
    program(folder / "dpkg", "echo amd64")
    return f"{folder}:{os.environ['PATH']}"


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def run(tmp_path: Path, path: str, *words: str | Path, **variables: str) -> str:
    """What a hook's tools were asked for."""
    for name in ("src", "tree", "out"):
        (tmp_path / name).mkdir(exist_ok=True)
    environment = {
        "PATH": path,
        "PDBUILD_SOURCE": str(tmp_path / "src"),
        "PDBUILD_TREE": str(tmp_path / "tree"),
        "PDBUILD_OUTPUT": str(tmp_path / "out"),
        "PDBUILD_PREFIX": "/usr",
        "PDBUILD_LAUNCHER": "none",
        "tree_root": str(tmp_path),
        "SAID": str(tmp_path / "said"),
        **ARM,
        **variables,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", *words], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = tmp_path / "said"
    return done.stdout + (said.read_text() if said.exists() else "")


def compilers(tmp_path: Path, path: str, **variables: str) -> list[str]:
    shown = 'printf "%s\\n" "$crossing" "${CC-}" "${CXX-}" "${AR-}" "${HOSTCC-}"'
    text = f'. "$0"; {shown}'
    return run(tmp_path, path, "-c", text, ROOT / "hooks/compiler", **variables).splitlines()


def test_the_compilers_are_the_other_machines(tmp_path: Path, path: str) -> None:
    gcc, gxx = "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"
    ar = "aarch64-linux-gnu-ar"
    assert compilers(tmp_path, path) == ["aarch64-linux-gnu", gcc, gxx, ar, "cc"]
    # What a recipe says of compilers is meant for this machine.
    assert compilers(tmp_path, path, CC="ccache gcc", CXX="g++")[1:3] == [f"ccache {gcc}", gxx]
    assert compilers(tmp_path, path, PDBUILD_COMPILER="clang")[1:3] == [
        "clang --target=aarch64-linux-gnu", "clang++ --target=aarch64-linux-gnu",
    ]  # fmt: skip
    assert compilers(tmp_path, path, CC="ccache gcc")[1:3] == [f"ccache {gcc}", gxx]
    # One that it does not know is the recipe's own affair.
    assert compilers(tmp_path, path, CC="tcc", CXX="g++")[1] == "tcc"


def test_on_a_machine_of_that_kind_nothing_is_crossed(tmp_path: Path, path: str) -> None:
    program(tmp_path / "bin/dpkg", "echo arm64")
    assert compilers(tmp_path, path) == ["", "", "", "", ""]


def test_configure_is_told_both_machines(tmp_path: Path, path: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Makefile").write_text("")
    program(
        tmp_path / "src/configure",
        'echo "configure $*" >>"$SAID"; printf "all check install:\\n\\t@true\\n" >Makefile',
    )
    said = run(tmp_path, path, ROOT / "hooks/build-autotools", "--enable-x")
    build = subprocess.check_output(["cc", "-dumpmachine"], text=True).strip()
    assert f"configure --build={build} --host=aarch64-linux-gnu --prefix=/usr " in said
    assert said.rstrip().endswith("--enable-x")


def test_a_makefile_that_names_its_compiler_gets_the_other(tmp_path: Path, path: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Makefile").write_text(
        "CC = gcc\nall:\n\t$(CC) -c x.c\ninstall:\n\t@true\ncheck:\n\t@false\n"
    )
    said = run(tmp_path, path, ROOT / "hooks/build-make", "A=B")
    assert "cross gcc -c x.c" in said


def test_tests_that_cannot_run_are_no_success(tmp_path: Path, path: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Makefile").write_text("all install check:\n\t@true\n")
    with pytest.raises(AssertionError) as failed:
        run(tmp_path, path, ROOT / "hooks/build-make", TEST="ON")
    assert "error: TEST=ON: programs for arm64 do not run on this machine" in str(failed.value)


def test_stripped_by_the_other_machines_tool(tmp_path: Path, path: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/program").write_bytes(b"\x7fELF")
    (tmp_path / "out/program").chmod(0o755)
    said = run(tmp_path, path, ROOT / "hooks/strip")
    assert said == "cross strip --strip-unneeded --preserve-dates ./program\n"


def test_libraries_come_for_both_machines(tmp_path: Path, path: str) -> None:
    """`Multi-Arch: same` is Debian's word for what can be there for two machines."""
    kinds = {"zlib1g-dev": "same", "bison": "foreign", "make": "no"}
    cases = "".join(f"{name}) printf {kind} ;;" for name, kind in kinds.items())
    program(tmp_path / "bin/dpkg-query", f"case ${{!#}} in {cases} esac")
    program(
        tmp_path / "bin/dpkg",
        'case $1 in --print-architecture) echo amd64 ;; *) echo "dpkg $*" >>"$SAID" ;; esac',
    )
    program(tmp_path / "bin/apt-get", 'echo "apt-get $*" >>"$SAID"')
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    # Only what is installed is looked at: not the network, not this machine's packages.
    text = (ROOT / "hooks/cross-install").read_text()
    text = text.replace("/run/apt/cache/pdbuild.lock", str(tmp_path / "lock"))
    text = text[: text.index("rm -rf /var/log")]
    (hooks / "cross-install").write_text(text)
    (hooks / "network").write_text('apt_fetch() { apt-get "$@"; }\n')
    words = ("g++-aarch64-linux-gnu", "--", "bison", "make", "zlib1g-dev=1.3", "libx:amd64")
    said = run(tmp_path, path, hooks / "cross-install", *words).splitlines()
    assert said[0] == "dpkg --add-architecture arm64"
    assert said[-1].endswith("install --no-download g++-aarch64-linux-gnu zlib1g-dev:arm64=1.3")


def test_this_machines_own_asks_dpkg_nothing(tmp_path: Path, path: str) -> None:
    program(tmp_path / "bin/dpkg", "exit 1")
    shown = '. "$0"; echo "crossing=$crossing"'
    hook = ROOT / "hooks/compiler"
    assert run(tmp_path, path, "-c", shown, hook, PDBUILD_ARCHITECTURE="") == "crossing=\n"


def test_wheels_of_the_other_machine_give_what_is_linked(tmp_path: Path, path: str) -> None:
    program(tmp_path / "bin/uname", "echo x86_64")
    # pip unpacks what it is asked for below --target; one release of both.
    program(
        tmp_path / "bin/python3",
        "for word; do case $word in --target=*) to=${word#*=} ;; esac; done\n"
        'mkdir -p "$to"/cuda/{lib,include} "$to/runtime-13.1.dist-info"\n'
        'echo arm >"$to/cuda/lib/libcudart.a"; echo "$*" >>"$SAID"',
    )
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "network").write_text("reach_index() { :; }\n")
    (hooks / "cross-wheels").write_text((ROOT / "hooks/cross-wheels").read_text())
    there = tmp_path / "opt"
    (there / "cuda/bin").mkdir(parents=True)
    (there / "cuda/lib").mkdir()
    (there / "cuda/lib/libcudart.a").write_text("amd")
    (there / "cuda/lib/of-this-machine.a").write_text("amd")
    (there / "cuda/bin/nvcc").write_text("amd")
    (there / "runtime-13.1.dist-info").mkdir()
    said = run(tmp_path, path, hooks / "cross-wheels", there, "aarch64", "runtime==13.*")
    assert "--platform=manylinux2014_aarch64" in said and said.rstrip().endswith("runtime==13.*")
    assert (there / "cuda/lib/libcudart.a").read_text() == "arm\n"
    assert not (there / "cuda/lib/of-this-machine.a").exists()
    assert (there / "cuda/bin/nvcc").read_text() == "amd"
    # Of another release they would not fit what compiles.
    (there / "runtime-13.1.dist-info").rename(there / "runtime-13.0.dist-info")
    with pytest.raises(AssertionError, match="this machine has another version"):
        run(tmp_path, path, hooks / "cross-wheels", there, "aarch64", "runtime==13.*")
