"""Another platform: compiled for by this machine's tools, run by an emulator."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pdbuild.engine import emulators
from pdbuild.platforms import PLATFORMS, native

from .conftest import User
from .project import Project, sample

OTHER = PLATFORMS["linux/arm64" if native().name != "linux/arm64" else "linux/amd64"]
SUFFIX = f"-{OTHER.folder}"


def machine(path: Path) -> int:
    """The machine of an ELF file, 0 of any other."""
    head = path.read_bytes()[:20]
    return int.from_bytes(head[18:20], "little") if head[:4] == b"\x7fELF" else 0


def of_wrong_machine(root: Path) -> list[str]:
    """What in `build/` is not for the platform in whose folder it stands."""
    listed = json.loads((root / "build/artifacts.json").read_bytes())["artifacts"]
    meant = {name: platform.elf for name, platform in PLATFORMS.items()}
    found = ((entry, machine(root / entry["path"])) for entry in listed if not entry["link"])
    return [e["path"] for e, elf in found if elf and elf != meant[e["platform"]]]


def unpacked(deb: Path, folder: Path) -> list[int]:
    """The machines of the programs and libraries in a package."""
    subprocess.run(["dpkg-deb", "--extract", deb, folder], check=True)
    return [elf for path in folder.rglob("*") if path.is_file() and (elf := machine(path))]


def test_the_emulator_is_here() -> None:
    """`scripts/setup test` has installed it: without it, nothing below would show anything."""
    assert OTHER.name in emulators.interpreters(), "apt install qemu-user-static"


def test_a_package_and_an_image_for_another_platform(greet: Project, tmp_path: Path) -> None:
    both = f"{native().name},{OTHER.name}"
    rows = greet.bake("binaries", "debs", "images", "rootfs", f"--platform={both}")
    assert {f"{kind}-english{end}" for kind in ("deb", "image") for end in ("", SUFFIX)} <= set(
        rows
    )
    # The platform's own files are in its folder, and no file of another machine is anywhere.
    assert machine(greet.root / f"build/{OTHER.folder}/english/bin/greet") == OTHER.elf
    assert machine(greet.root / "build/english/bin/greet") == native().elf
    assert not of_wrong_machine(greet.root)
    deb = greet.root / f"build/{OTHER.folder}/greet-1.2.0.deb"
    asked = ["dpkg-deb", "--field", deb, "Architecture"]
    assert subprocess.check_output(asked, text=True).strip() == OTHER.architecture
    assert set(unpacked(deb, tmp_path)) == {OTHER.elf}

    # One reference, and the native image where podman looks.
    images = greet.succeeds("images").splitlines()
    named = [line.split()[1] for line in images if "localhost/greet:1.2.0 " in line]
    assert sorted(named) == sorted([native().name, OTHER.name])
    assert greet.succeeds("run", "greet", "you").strip() == "Hello, you!"
    done = greet.pdbuild("run", f"--platform={OTHER.name}", "greet", "you")
    assert done.stdout.strip() == "Hello, you!"
    assert f"{OTHER.name}: emulated on this machine" in done.stderr
    assert "baking" not in done.stderr
    said = greet.succeeds("run", f"--platform={OTHER.name}", "greet:1.2.0-french", "greet", "toi")
    assert said.strip() == "Bonjour, toi!"

    # What an empty [verify] claims, of that image: its programs are for the platform, and whole.
    done = greet.pdbuild("verify", "greet:1.2.0", f"--platform={OTHER.name}", "--json")
    (judged,) = json.loads(done.stdout)
    assert judged["platform"] == OTHER.name
    # (Its Makefile takes no LDFLAGS, and the recipe's CFLAGS harden nothing.)
    rest = [finding for finding in judged["findings"] if finding["kind"] != "hardened"]
    assert {f["kind"] for f in rest} == {"closure", "minimal", "version", "secrets"}
    assert [f for f in rest if f["verdict"] != "holds"] == []

    # Nothing has changed, for neither: no engine is started, which would leave a record.
    bakes = greet.succeeds("log", "--list")
    again = greet.succeeds("bake", "debs", "images", f"--platform={both}")
    assert again.count("cached") == 8
    assert greet.succeeds("log", "--list") == bakes
    assert greet.pdbuild("bake", "debs").stdout.count("cached") == 2

    # Another source, baked for this machine alone: the other image stays, and that is said.
    words = (greet.root / "src/en.h").read_text()
    greet.written("src/en.h", words.replace("Hello", "Good day"))
    done = greet.pdbuild("bake", "image-english", f"--platform={native().name}")
    assert f"greet:1.2.0: its image for {OTHER.name} is of an earlier bake" in done.stderr
    assert greet.succeeds("run", "--no-bake", "greet", "you").strip() == "Good day, you!"
    foreign = ("shell", f"--platform={OTHER.name}", "greet:1.2.0", "greet", "you")
    assert greet.succeeds(*foreign).strip() == "Hello, you!"
    # What the image has not is said as podman says it, and blamed on nothing else.
    done = greet.pdbuild("run", f"--platform={OTHER.name}", "greet:1.2.0", "nosuch")
    assert done.returncode == 127 and "cannot start nosuch: No such file" in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("system", ["cmake", "make", "autotools"])
def test_tests_of_what_was_compiled_for_another_platform(
    system: str, user: User, pdbuild_python: Path, engines: Path
) -> None:
    """They link a library of Debian's, and run a program that they have compiled."""
    project = sample(user, pdbuild_python, "shrink", f"shrink-{system}")
    recipe = f"recipes/{system}.toml"
    project.bake("binaries", f"--recipe={recipe}", "--set=TEST=ON", f"--platform={OTHER.name}")
    log = project.succeeds("log", f"binaries-default{SUFFIX}", f"--recipe={recipe}")
    assert "1000 bytes become 17" in log or "100% tests passed" in log
    built = project.root / f"build/{OTHER.folder}/default/bin/shrink"
    assert machine(built) == OTHER.elf
    shutil.rmtree(project.root)


@pytest.mark.long
@pytest.mark.parametrize("account", ["user", "bare_user"])
def test_another_platform_by_buildah(
    account: str, pdbuild_python: Path, engines: Path, request: pytest.FixtureRequest
) -> None:
    """With a range of user ids, and without: packages, images, and tests that are emulated."""
    user: User = request.getfixturevalue(account)
    words = (f"--platform={native().name},{OTHER.name}", "--engine=buildah")
    project = sample(user, pdbuild_python, "make", "greet-buildah")
    rows = project.bake("debs", "images", *words)
    assert {f"{kind}-english{end}" for kind in ("deb", "image") for end in ("", SUFFIX)} <= set(
        rows
    )
    assert not of_wrong_machine(project.root)
    done = project.pdbuild("run", f"--platform={OTHER.name}", "greet", "you")
    assert done.stdout.strip() == "Hello, you!"
    shutil.rmtree(project.root)
    project = sample(user, pdbuild_python, "shrink", "shrink-buildah")
    recipe = "--recipe=recipes/make.toml"
    project.bake("binaries", recipe, "--set=TEST=ON", *words)
    log = project.succeeds("log", f"binaries-default{SUFFIX}", recipe)
    assert "1000 bytes become 17" in log
    shutil.rmtree(project.root)
