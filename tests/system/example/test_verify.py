"""What the example claims of its images, found on what was really built, and on planted faults."""

import io
import json
import pwd
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import emulated
import pytest

from pdbuild import content
from pdbuild.content import Content, Layer
from pdbuild.oci import Config
from pdbuild.recipe.tables.verify import Cpu, Verify
from pdbuild.store import Store
from pdbuild.verify import cpu
from pdbuild.verify.finding import Verdict
from pdbuild.verify.machine import Machines, Rootfs
from pdbuild.verify.subject import Subject
from system.project import Project

VARIANTS = ("cpu", "noavx", "gpu", "gpu-noavx")


def test_all_claims_hold(paddle: Project, baked: dict[str, Any]) -> None:
    judged = json.loads(paddle.succeeds("verify", "--json"))
    assert [one["variant"] for one in judged] == list(VARIANTS)
    assert [one["seconds"] for one in judged] == [0.0] * 4, "the bake has found it already"
    for one in judged:
        kinds = {finding["kind"] for finding in one["findings"]}
        assert kinds == {"closure", "minimal", "hardened", "version", "secrets", "cpu", "cuda"}
        verdicts = {f["claim"]: (f["verdict"], f["evidence"]) for f in one["findings"]}
        wrong = {claim: v for claim, v in verdicts.items() if v[0] != "holds"}
        assert wrong == {}, one["reference"]


def test_an_image_that_is_not_what_it_says(paddle: Project, baked: dict[str, Any]) -> None:
    """The AVX image under the other's name: what differs is found, in the code and on the CPU."""
    text = (paddle.root / "recipes/paddle.toml").read_text()
    claimed = text.replace('variants = ["noavx", "gpu-noavx"]', 'variants = ["cpu"]')
    assert claimed != text
    paddle.written("recipes/paddle.toml", claimed)
    try:
        done = paddle.pdbuild("verify", baked["image-cpu"]["where"])
    finally:
        paddle.written("recipes/paddle.toml", text)
    assert done.returncode == 1, done.stderr
    assert "libpaddle.so.0: the function at 0x" in done.stderr
    assert "this build needs AVX" in done.stderr


def test_a_gpu_image_with_more_code_than_it_says(paddle: Project, baked: dict[str, Any]) -> None:
    """What nvcc made is read, whatever the recipe asked it for."""
    text = (paddle.root / "recipes/paddle.toml").read_text()
    claimed = text.replace('architectures = ["80", "90"]\nptx = ["80", "90"]',
                           'architectures = ["80"]')  # fmt: skip
    assert claimed != text
    paddle.written("recipes/paddle.toml", claimed)
    try:
        done = paddle.pdbuild("verify", baked["image-gpu"]["where"])
    finally:
        paddle.written("recipes/paddle.toml", text)
    assert done.returncode == 1, done.stderr
    assert "code for 90, which the recipe does not name" in done.stderr
    assert "PTX for 80, 90, which the recipe does not name" in done.stderr


# Instructions of AVX, that nobody could miss.
_AVX = (
    '__asm__ volatile("vxorps %%ymm0, %%ymm0, %%ymm0; vaddps %%ymm0, %%ymm0, %%ymm0; vzeroupper"'
    ' ::: "xmm0");'
)
_LIBRARY = f"int wide(void) {{ {_AVX} return 0; }}"
_CHILD = f"int main(void) {{ {_AVX} return 0; }}"
# <moduleobject.h>, of which the compiler's machine needs nothing.
_MODULE = f"""
extern void *PyModule_Create2(void *, int);
static struct {{ long references; void *type, *init; long index; void *copy; const char *name,
  *text; long size; void *rest[5]; }} module = {{1, 0, 0, 0, 0, "planted", 0, -1}};
void *PyInit_planted(void) {{ {_AVX} return PyModule_Create2(&module, 1013); }}
"""
_PLACE = "/usr/lib/python3/dist-packages/planted.so"
_FAULTS = {
    "library": (
        "/usr/lib/x86_64-linux-gnu/libplanted.so", _LIBRARY,
        """python3 -c "import ctypes; ctypes.CDLL('libplanted.so').wide()" """,
    ),
    "child": (
        "/usr/bin/planted", _CHILD,
        """python3 -c "import subprocess; subprocess.run(['planted'], check=True, env={})" """,
    ),
    "extension": (_PLACE, _MODULE, 'python3 -c "import planted"'),
}  # fmt: skip


def planted(path: str, source: str, folder: Path) -> Layer:
    """A layer with a file that gcc makes."""
    how = () if path.startswith("/usr/bin") else ("-shared", "-fPIC")
    made = folder / "made"
    built = ["gcc", "-O1", *how, "-x", "c", "-", "-o", made]
    subprocess.run(built, input=source, text=True, check=True)
    with tarfile.open(fileobj=(out := io.BytesIO()), mode="w") as archive:
        archive.add(made, path.lstrip("/"))
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        return Layer(f"sha256:{path}", out.getvalue(), tuple(content.entries(archive)))


@pytest.fixture(scope="module")
def without(paddle: Project, baked: Mapping[str, Any]) -> tuple[Content, Config]:
    """The image that does without AVX."""
    store = Store(paddle.user.home / ".local/share/pdbuild/images")
    (manifest,) = store.layout.manifests(store.entry(baked["image-noavx"]["where"]))
    return content.load(store.layout, manifest.layers), store.layout.config(manifest)


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    made = Machines()
    yield made
    made.close()


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_that_is_planted(
    fault: str, without: tuple[Content, Config], machines: Machines, tmp_path: Path
) -> None:
    """In the image without AVX: found in the code, and by running it where there is none."""
    whole, config = without
    path, source, line = _FAULTS[fault]
    spoilt = content.merged((*whole.layers, planted(path, source, tmp_path)))
    machine = Rootfs(machines, spoilt, config)
    claims = Cpu(feature="avx", model="Nehalem", variants=("noavx",), run=(line, "paddle check"))
    subject = Subject(
        reference="localhost/paddle:1", project="paddle", variant="noavx", content=spoilt,
        config=config, claims=Verify(cpu=claims), machine=machine,
    )  # fmt: skip
    found = {finding.claim: finding for finding in cpu.check(subject)}
    code = found["the project's code has no AVX outside of dispatch"]
    assert code.verdict is Verdict.FAILS
    assert [place.partition(":")[0] for place in code.details] == [path]
    ran = found[f"`{line}` runs on a Nehalem, child processes too"]
    assert ran.verdict is Verdict.FAILS, ran
    assert re.search("illegal instruction|SIGILL", str(ran.details), re.IGNORECASE)
    # It is the fault that is found: the rest runs, and all of it where there is AVX.
    assert found["`paddle check` runs on a Nehalem, child processes too"].verdict is Verdict.HOLDS
    assert machine.run(("sh", "-c", line), cpu="Haswell").code == 0


def test_other_tools_read_the_package_database(
    without: tuple[Content, Config], machines: Machines
) -> None:
    """dpkg and apt find nothing to complain of."""
    root = machines.folder(without[0]) / "root"
    admin = root / "var/lib/dpkg"
    listed = (
        "dpkg-query",
        f"--admindir={admin}",
        "--show",
        "-f",
        "${db:Status-Abbrev}${Package}\n",
    )
    names = subprocess.check_output(listed, text=True).split("\n")[:-1]
    assert "ii paddle-noavx" in names and all(name.startswith("ii ") for name in names)
    audit = subprocess.run(["dpkg", f"--admindir={admin}", "--audit"], capture_output=True)
    assert (audit.returncode, audit.stdout) == (0, b"")
    options = ("Dir::State::status=" + str(admin / "status"), "Dir::State::Lists=/var/empty",
               f"Dir::Cache={root}/tmp", "Debug::NoLocking=1")  # fmt: skip
    argv = ["apt-get", "check", "-q", *(f"-o{option}" for option in options)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_variant_that_fits_an_emulated_cpu(
    paddle: Project, baked: Mapping[str, Any], tmp_path: Path
) -> None:
    """pdbuild sees what such a CPU says of itself; the claims show which variants run on it."""
    cpuinfo = emulated.cpuinfo("Nehalem", tmp_path)

    def there(*words: str) -> subprocess.CompletedProcess[str]:
        """pdbuild with that text in /proc/cpuinfo, as the user."""
        seen = tmp_path / "cpuinfo"
        seen.write_text(cpuinfo)
        script = 'mount --bind "$1" /proc/cpuinfo; shift; exec setpriv "$@"'
        uid = paddle.user.uid
        who = (f"--reuid={uid}", f"--regid={pwd.getpwuid(uid).pw_gid}", "--clear-groups")
        argv = ("unshare", "--mount", "sh", "-euc", script, "sh", seen, *who, paddle.program)
        return subprocess.run(
            [*argv, *words], cwd=paddle.root, env=paddle.user.env, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    chosen = "variant noavx: this CPU lacks avx2, fma; no GPU: "
    for verb in ("run", "shell"):
        done = there(verb, "--variant=auto", "paddle", "version")
        assert done.returncode == 0 and chosen in done.stderr, done.stderr
        assert "(GPU=OFF AVX=OFF)" in done.stdout
    done = there("run", "--variant=cpu", "paddle", "version")
    met = "variant cpu: this CPU lacks avx2, fma: it says 'this build needs AVX, use the noavx"
    assert met in done.stderr and "; noavx fits" in done.stderr
    holds = {f["claim"]: f["verdict"] for one in json.loads(paddle.succeeds("verify", "--json"))
             for f in one["findings"] if one["variant"] in ("cpu", "noavx")}  # fmt: skip
    assert holds["`a.py` runs on a Nehalem, child processes too"] == "holds"
    assert holds["on a Nehalem it says 'this build needs AVX, use the noavx variant'"] == "holds"
