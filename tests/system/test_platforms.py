"""Another platform: compiled for by this machine's tools, run by an emulator."""

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pdbuild import bootstrap
from pdbuild.engine import emulators
from pdbuild.platforms import PLATFORMS, Platform, native

from .conftest import User
from .project import Project, checkout, sample

OTHER = PLATFORMS["linux/arm64" if native().name != "linux/arm64" else "linux/amd64"]
SUFFIX = f"-{OTHER.folder}"

# Installs a package in a bare base, as root of a namespace whose kernel knows the emulator.
INSTALL = r"""
PATH=$PATH:/usr/sbin:/sbin
layer=$1 deb=$2 root=$(mktemp -d) && tar -C "$root" -xf "$layer"
cp "$deb" "$root/greet.deb"
sh -c "$DEVICES" dev "$root" && mount -t proc proc "$root/proc"
chroot "$root" /bin/sh -euc 'dpkg -i /greet.deb >&2; uname -m; greet you'
"""


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


def base_layer(project: Project, platform: Platform) -> Path:
    """The one layer of a base that pdbuild has bootstrapped: a tar archive."""
    bases = project.user.home / ".local/share/pdbuild/bases"
    blobs = bases.glob(f"trixie-{platform.architecture}-*/blobs/sha256/*")
    return max(blobs, key=lambda blob: blob.stat().st_size)


def said_when_installed(project: Project, deb: Path) -> list[str]:
    """What is said by the program of a package that is installed in the other platform's base.

    That is the one from which pdbuild builds what it emulates; all in it is emulated, dpkg too.
    """
    layer = base_layer(project, OTHER)
    entries = project.written(
        "entries", emulators.entry(OTHER, emulators.interpreters()[OTHER.name]) + "\n"
    )
    text = Path(emulators.__file__).with_name("emulators.sh").read_text()
    devices = Path(bootstrap.__file__).with_name("dev.sh").read_text()
    done = project.user.run(
        [
            *("unshare", "--user", "--map-root-user", "--map-auto", "--mount", "--pid", "--fork"),
            *("--kill-child", "sh", "-c", text, "emulators", entries),
            *("sh", "-euc", INSTALL, "install", layer, deb),
        ],
        env={"DEVICES": devices, "TMPDIR": str(project.root)},
        cwd=project.root,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


# Bootstraps this machine's own base as those of other platforms are.
BOOTSTRAP = """
import sys
from pathlib import Path
from pdbuild import bootstrap
from pdbuild.platforms import Platform, native
mine, bootstrap.native = native(), lambda: Platform(**OTHER)
bootstrap.emulated.check = lambda *_, **__: None
bootstrap.bootstrap(Path(sys.argv[1]), "trixie", mine, mirror="", one_id=False)
"""


def test_a_base_made_as_those_of_other_platforms_is_the_same(
    greet: Project, pdbuild_python: Path
) -> None:
    """Byte for byte; this machine's own is taken, as it is there and needs no emulator."""
    greet.bake("debs", "--variant=english")
    made = greet.root / "base.tar"
    script = BOOTSTRAP.replace("OTHER", repr(dataclasses.asdict(OTHER)))
    greet.runs(str(pdbuild_python), "-c", script, str(made))
    assert hashlib.sha256(made.read_bytes()).hexdigest() == base_layer(greet, native()).name


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
    assert (
        done.returncode == 127 and "no program nosuch in image localhost/greet:1.2.0" in done.stderr
    )


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


@pytest.mark.long
@pytest.mark.parametrize("name", ["meson", "python", "clang"])
def test_others_cross_too(
    name: str, user: User, pdbuild_python: Path, engines: Path, tmp_path: Path
) -> None:
    """Meson, an extension module of Python's, and a compiler that knows all platforms."""
    project = sample(user, pdbuild_python, "shrink" if name == "clang" else name, f"{name}-across")
    words = ["binaries", f"--platform={OTHER.name}", "--set=TEST=ON"]
    folder = project.root / f"build/{OTHER.folder}"
    if name == "clang":
        recipe = project.root / "recipes/cmake.toml"
        project.written("recipes/cmake.toml", recipe.read_text().replace('"gcc"', '"clang"'))
        words.append("--recipe=recipes/cmake.toml")
    if name == "python":
        words[-1] = "debs"
    rows = project.bake(*words)
    assert not of_wrong_machine(project.root)
    if name == "python":
        (deb,) = folder.rglob("*.deb")
        assert set(unpacked(deb, tmp_path)) == {OTHER.elf}
        (module,) = tmp_path.rglob("_scale.*.so")
        assert f"-{OTHER.triplet}.so" in module.name
    else:
        programs = list(folder.glob("*/bin/*"))
        assert len(programs) == len(rows) and {machine(p) for p in programs} == {OTHER.elf}
        log = project.succeeds("log", next(iter(rows)), *words[3:])
        assert re.search(r"Ok: +2\b|100% tests passed", log), log
    shutil.rmtree(project.root)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_the_example_for_two_platforms(
    engine: str, user: User, pdbuild_python: Path, engines: Path
) -> None:
    """From a clean clone: four variants and two, all that is claimed of them, and they run."""
    project = checkout(user, pdbuild_python, f"two-by-{engine}")
    both = f"--platform={native().name},{OTHER.name}"
    rows = project.bake("all", both, f"--engine={engine}")
    four = {f"image-{variant}" for variant in ("cpu", "noavx", "gpu", "gpu-noavx")}
    two = {f"image-{variant}{SUFFIX}" for variant in ("cpu", "gpu")}
    assert {name for name in rows if name.startswith("image-")} == four | two
    assert not of_wrong_machine(project.root)
    judged = json.loads(project.succeeds("verify", "--json", both, f"--engine={engine}"))
    assert len(judged) == 6
    found = [f for one in judged for f in one["findings"] if f["verdict"] != "holds"]
    assert found == []
    for variant in ("cpu", "gpu"):
        words = (f"--platform={OTHER.name}", f"--variant={variant}", f"--engine={engine}")
        done = project.pdbuild("run", *words, "a.py")
        assert done.returncode == 0 and "baking" not in done.stderr, done.stderr
    shutil.rmtree(project.root)


@pytest.mark.long
def test_a_build_that_cannot_cross(greet: Project) -> None:
    """All of it is emulated: the base's bootstrap, the toolchain, the compiler, the package."""
    other = f"--platform={OTHER.name}"
    greet.bake("debs", "--variant=english", other)
    crossed = greet.root / "crossed.deb"
    shutil.copy(greet.root / f"build/{OTHER.folder}/greet-1.2.0.deb", crossed)

    recipe, script = greet.root / "pdbuild.toml", greet.root / "ci/build.sh"
    greet.written("pdbuild.toml", recipe.read_text().replace("[build]", "[build]\nemulate = true"))
    greet.written("ci/build.sh", script.read_text() + "gcc -dumpmachine\nuname -m\n")
    report = json.loads(
        greet.succeeds("bake", "--json", "binaries", "debs", "images", "--variant=english", other)
    )
    assert (
        f"{OTHER.name}: all of it is compiled under an emulator, as the recipe says"
        in (report["notes"])
    )
    log = greet.succeeds("log", f"binaries-english{SUFFIX}")
    assert re.search(rf"{OTHER.triplet}\b.*\n.*{OTHER.processor}\b", log), log
    assert machine(greet.root / f"build/{OTHER.folder}/english/bin/greet") == OTHER.elf
    assert not of_wrong_machine(greet.root)
    assert greet.succeeds("run", other, "greet", "you").strip() == "Hello, you!"

    emulated = greet.root / f"build/{OTHER.folder}/greet-1.2.0.deb"
    for deb in (crossed, emulated):
        assert said_when_installed(greet, deb) == [OTHER.processor, "Hello, you!"]
