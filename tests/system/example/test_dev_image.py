"""The dev image as the seed has it: `docker run -v $PWD:/paddle -e GPU=OFF … paddle:dev`.

The commands are the seed's own, with podman for docker, run by a user without root.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdbuild.version import Version
from system.conftest import User
from system.project import Project, give

IMAGE = "paddle:dev"
TOOLS = (
    "gcc g++ gdb clang clang++ clangd clang-format cmake ninja ccache git python3 nvcc "
    "sphinx-build ssh"
)


@dataclass(frozen=True, slots=True)
class Dev:
    """A checkout of the user's, and the dev image in the user's podman."""

    user: User
    root: Path
    left_out: dict[str, str]

    def podman(
        self, *words: str, cwd: Path | None = None, timeout: float = 900
    ) -> subprocess.CompletedProcess[str]:
        return self.user.run(["podman", *words], cwd=cwd or self.root, timeout=timeout)

    def builds(self, *options: str, cwd: Path | None = None) -> str:
        """`podman run` of the dev image, which must succeed; all that it said."""
        done = self.run(*options, cwd=cwd)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def run(
        self, *options: str, cwd: Path | None = None, words: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        place = cwd or self.root
        return self.podman("run", "--rm", "-v", f"{place}:/paddle", *options, IMAGE, *words)

    def strangers(self, place: Path | None = None) -> list[Path]:
        """Files below build/ that are not the user's."""
        build = (place or self.root) / "build"
        return [path for path in (build, *build.rglob("*")) if path.lstat().st_uid != self.user.uid]

    def copied(self, name: str) -> Path:
        """A copy of the source alone, without a build."""
        target = self.user.home / name
        shutil.copytree(self.root / "examples/paddle", target, symlinks=True)
        give(self.user, target)
        return target


@pytest.fixture(scope="package")
def dev(paddle: Project) -> Iterator[Dev]:
    """The dev image baked, and a clone to build in: that of the other tests stays as it is."""
    report = json.loads(paddle.succeeds("bake", "--json", "dev"))
    root = paddle.user.home / "contract"
    paddle.runs("git", "clone", "--quiet", str(paddle.root), str(root))
    yield Dev(paddle.user, root, report["left_out"])


@pytest.fixture(scope="package")
def first(dev: Dev) -> str:
    """What the seed's command prints in a fresh clone."""
    # "docker run -v $PWD:/paddle -e "GPU=OFF" -e "AVX=ON" -e "TEST=ON" paddle:dev"
    return dev.builds("-e", "GPU=OFF", "-e", "AVX=ON", "-e", "TEST=ON")


def test_the_seeds_command_makes_binaries_package_and_dockerfile(dev: Dev, first: str) -> None:
    assert "100% tests passed" in first
    build = dev.root / "build"
    assert (build / "cpu/bin/paddle").is_file()
    assert (build / "cpu/lib/libpaddle.so").resolve().is_file()
    (deb,) = build.glob("paddle-[0-9]*.deb")
    version = re.fullmatch(r"paddle-(.+)\.deb", deb.name)[1]  # type: ignore[index]
    fields = subprocess.run(["dpkg-deb", "-f", deb], capture_output=True, text=True, check=True)
    assert f"Package: paddle\nVersion: {Version(version).debian}\n" in fields.stdout
    # It is made for /usr/lib.
    library = ("-e", "LD_LIBRARY_PATH=/paddle/build/cpu/lib")
    program = dev.run(*library, words=("/paddle/build/cpu/bin/paddle", "version"))
    assert version in program.stdout
    assert "ARG VARIANT=cpu\n" in (build / "Dockerfile").read_text()
    assert version in (build / "Dockerfile").read_text()
    assert dev.strangers() == []


def test_the_production_image_is_built_and_run_from_it(dev: Dev, first: str) -> None:
    # "docker build -t paddle -f build/Dockerfile ."
    done = dev.podman("build", "-t", "paddle", "-f", "build/Dockerfile", ".")
    assert done.returncode == 0, done.stderr
    # "docker run -it -v $PWD:/work paddle /work/a.py", with no terminal here
    work = dev.root / "examples/paddle"
    done = dev.podman("run", "--rm", "-i", "-v", f"{work}:/work", "paddle", "/work/a.py")
    assert done.returncode == 0, done.stderr
    dev.podman("rmi", "--force", "localhost/paddle:latest")


def test_a_second_run_compiles_nothing(dev: Dev, first: str) -> None:
    options = ("-e", "GPU=OFF", "-e", "AVX=ON", "-e", "TEST=ON")
    assert "ninja: no work to do." in dev.builds(*options)
    # By hand inside, where the seed's image has its build, the same is done.
    script = ("/paddle/paddle/scripts/docker/build.sh",)
    done = dev.run(*options, words=script)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "ninja: no work to do." in done.stdout + done.stderr
    assert "100% tests passed" in done.stdout + done.stderr
    assert dev.strangers() == []


def test_local_changes_are_built_and_nothing_else(dev: Dev, first: str) -> None:
    source = dev.root / "examples/paddle/src/cli/main.cc"
    before = source.read_text()
    source.write_text(before + "\n// edited\n")
    give(dev.user, source)
    try:
        said = dev.builds("-e", "TEST=ON")
    finally:
        source.write_text(before)
    assert re.search(r"^\[\d+/\d+\] Building CXX object .*main\.cc\.o$", said, re.MULTILINE)
    assert "tensor.cc.o" not in said


@pytest.mark.parametrize(
    "options",
    [
        ("--userns=keep-id",),
        ("--userns=keep-id", "--user=0:0"),  # root, who does not own the mount: as with docker
    ],
)
def test_the_files_are_the_callers_with_remapped_users_too(
    dev: Dev, first: str, options: tuple[str, ...]
) -> None:
    dev.builds(*options)
    assert dev.strangers() == []


def test_options_are_independent_and_no_tests_are_built_without_test(dev: Dev) -> None:
    place = dev.copied("independent")
    said = dev.builds("-e", "AVX=0", cwd=place)
    assert "variant noavx (GPU=OFF AVX=OFF TEST=OFF)" in said
    assert not list((place / "build").rglob("*_test*"))
    (deb,) = (place / "build").glob("paddle-[0-9]*.deb")
    # The source alone is mounted: git knows nothing of it.
    assert deb.name == "paddle-0.0.0-noavx.deb" and "note: version 0.0.0" in said
    assert "ARG VARIANT=noavx\n" in (place / "build/Dockerfile").read_text()
    said = dev.builds("-e", "AVX=OFF", "-e", "VERSION=1.2.3", cwd=place)
    left = {deb.name for deb in (place / "build").glob("*.deb")}
    assert left - {"paddle-dbgsym-1.2.3-noavx.deb"} == {"paddle-1.2.3-noavx.deb"}
    shutil.rmtree(place)


def test_a_failing_test_is_the_exit_code(dev: Dev) -> None:
    place = dev.copied("failing")
    file = place / "tests/tensor_test.cc"
    text = file.read_text() + "\nTEST(Planted, Fails) { EXPECT_EQ(1, 2); }\n"
    file.write_text(text)
    done = dev.run("-e", "TEST=ON", cwd=place)
    assert done.returncode == 8, done.stdout[-2000:]  # ctest's own
    assert "Planted.Fails (Failed)" in done.stdout + done.stderr
    assert not (place / "build/cpu").exists() and not list((place / "build").glob("*.deb"))
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("setting", "complaint", "hint"),
    [
        ("GPU=yes", "error: GPU=yes: not a value", "ON, 1 and true, or OFF, 0 and false"),
        ("GPU=", "error: GPU=: not a value", "ON, 1"),
        ("GPU=On", "error: GPU=On: not a value", "ON, 1"),
        ("WITH_AVX=maybe", "error: WITH_AVX=maybe: not a value", "ON, 1"),
        ("WITH_DOC=ON", "error: WITH_DOC: there is no such option", "AVX GPU TEST"),
        ("WITH_TEST=ON", "error: WITH_TEST: there is no such option", "AVX GPU TEST"),
        ("GPUS=ON", "error: GPUS=ON: there is no such option", "did you mean GPU?"),
        ("AXV=1", "error: AXV=1: there is no such option", "did you mean AVX?"),
        ("gpu=true", "error: gpu=true: there is no such option", "did you mean GPU?"),
        ("RUN_TEST=ON", "error: RUN_TEST=ON: there is no such option", "did you mean TEST?"),
    ],
)
def test_wrong_variables_are_errors(dev: Dev, setting: str, complaint: str, hint: str) -> None:
    done = dev.run("-e", setting)
    assert done.returncode == 2
    assert complaint in done.stderr and hint in done.stderr


def test_the_old_names_are_taken_with_a_notice(dev: Dev, first: str) -> None:
    said = dev.builds("-e", "WITH_GPU=0", "-e", "WITH_AVX=true", "-e", "WITH_TESTING=ON")
    assert "note: WITH_TESTING=ON is taken as TEST=ON: the option is called TEST" in said
    assert "variant cpu (GPU=OFF AVX=ON TEST=ON)" in said
    done = dev.run("-e", "WITH_AVX=OFF", "-e", "AVX=ON")
    assert done.returncode == 2
    assert "AVX=ON and WITH_AVX=OFF contradict each other" in done.stderr


def test_a_command_runs_instead_of_the_build(dev: Dev) -> None:
    done = dev.run("-e", "GPU=nonsense", words=("bash", "-c", "pwd; exit 7"))
    assert (done.returncode, done.stdout) == (7, "/paddle\n")
    assert dev.run(words=("no-such-program",)).returncode == 127


def test_a_read_only_source_and_a_build_folder_elsewhere(dev: Dev, first: str) -> None:
    out = dev.user.home / "elsewhere"
    out.mkdir()
    give(dev.user, out)
    done = dev.podman(
        *("run", "--rm", "-v", f"{dev.root}:/paddle:ro", "-v", f"{out}:/paddle/build", IMAGE)
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (out / "cpu/bin/paddle").is_file() and list(out.glob("*.deb"))
    shutil.rmtree(out)


def test_nothing_mounted_and_nothing_writable_say_so(dev: Dev, first: str) -> None:
    done = dev.podman("run", "--rm", IMAGE)
    assert done.returncode == 2
    assert "error: nothing is mounted at /paddle" in done.stderr
    done = dev.podman("run", "--rm", "--userns=keep-id", "--user=4321:4321", *_mount(dev), IMAGE)
    assert done.returncode == 2
    assert "error: cannot write to /paddle/build as 4321:4321" in done.stderr


def test_an_interrupt_ends_it_and_the_next_build_goes_on(dev: Dev) -> None:
    place = dev.copied("interrupted")
    argv = ["podman", "run", "--rm", "--name=interrupted", "-v", f"{place}:/paddle", IMAGE]
    with dev.user.start(argv) as process:
        assert process.stdout
        steps = next(line for line in process.stdout if line.startswith("[5/"))
        dev.podman("kill", "--signal=INT", "interrupted")
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted: the next build goes on from here" in told
    said = dev.builds(cwd=place)
    assert "variant cpu" in said
    left = re.search(r"^\[1/(\d+)\]", said, re.MULTILINE)
    assert left and int(left[1]) <= int(steps[3:].partition("]")[0]) - 4, "it started anew"
    shutil.rmtree(place)


def test_every_tool_of_the_seed_is_in_the_image(dev: Dev) -> None:
    script = f"for tool in {TOOLS}; do command -v $tool >/dev/null || echo $tool; done"
    assert dev.run(words=("bash", "-c", script)).stdout == ""
    browser = dev.run(words=("bash", "-c", "command -v codebrowser_generator")).returncode == 0
    inspected = json.loads(dev.podman("image", "inspect", IMAGE).stdout)[0]
    told = inspected["Labels"].get("org.pdbuild.left-out", "")
    assert browser != ("woboq" in dev.left_out)
    assert browser != ("woboq" in told.split())


def test_no_key_and_no_password_is_in_the_image(dev: Dev) -> None:
    keys = dev.run(words=("bash", "-c", "ls /etc/ssh/ssh_host_* /root/.ssh 2>/dev/null"))
    assert keys.stdout == ""
    shadow = dev.run(words=("cat", "/etc/shadow")).stdout
    assert all(line.split(":")[1][:1] in ("!", "*") for line in shadow.splitlines())


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("true", ""),
        ("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key", "a host key is in"),
        ("usermod -p '' games", "an account has a password, or needs none"),
    ],
)
def test_the_check_of_sshd_finds_what_it_looks_for(dev: Dev, damage: str, complaint: str) -> None:
    script = f"{damage} && bash /usr/lib/pdbuild/hooks/check/sshd"
    done = dev.run(words=("bash", "-c", script))
    assert (complaint in done.stdout + done.stderr) and (done.returncode == 0) == (not complaint)


def test_the_image_holds_no_source_and_is_kept_when_the_source_changes(
    dev: Dev, paddle: Project
) -> None:
    found = dev.podman("run", "--rm", IMAGE, "find", "/", "-xdev", "-name", "tensor.cc")
    assert found.stdout == ""
    before = json.loads(dev.podman("image", "inspect", IMAGE).stdout)[0]["Id"]
    file = paddle.written("examples/paddle/NEW", "new\n")
    paddle.succeeds("bake", "dev")
    file.unlink()
    assert json.loads(dev.podman("image", "inspect", IMAGE).stdout)[0]["Id"] == before


def test_root_builds_for_the_owner_of_the_mount(dev: Dev, first: str) -> None:
    """As with docker: root is root, and the checkout is somebody else's."""
    from pdbuild.container.host import limits

    store = dev.user.home / ".local/share/pdbuild/images"
    name = f"localhost/pdbuild-test-{os.getpid()}:dev"
    podman = ("podman", "--cgroup-manager=cgroupfs")
    copy = ["skopeo", "copy", "-q", f"oci:{store}:localhost/{IMAGE}", f"containers-storage:{name}"]
    subprocess.run(copy, check=True)
    try:
        done = subprocess.run(
            [*podman, "run", "--rm", "--network=host", *limits(), *_mount(dev), name],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        assert dev.strangers() == []
    finally:
        subprocess.run([*podman, "rmi", "--force", name], check=False, capture_output=True)


def _mount(dev: Dev) -> tuple[str, str]:
    return ("-v", f"{dev.root}:/paddle")
