"""What `artifacts.collect` puts into build/, keeps there and takes away."""

import contextlib
import io
import json
import multiprocessing
import os
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pdbuild import artifacts
from pdbuild.artifacts import collect, read
from pdbuild.engine.contract import Output
from pdbuild.errors import EngineError, PdbuildError
from pdbuild.plan.types import Form, Target

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

# A file's content; a link's place behind "->"; None is a folder.
Files = Mapping[str, str | None]

CPU = Target(
    name="binaries-cpu", stage="s", kind="binaries", description="", variant="cpu",
    destination="build/cpu",
)  # fmt: skip
GPU = Target(
    name="binaries-gpu", stage="s", kind="binaries", description="", variant="gpu",
    destination="build/gpu",
)  # fmt: skip
DEB = Target(name="deb-cpu", stage="s", kind="deb", description="", destination="build")
DEB_GPU = Target(name="deb-gpu", stage="s", kind="deb", description="", destination="build")
DOCS = Target(name="docs", stage="s", kind="docs", description="", destination="build/docs")
ROOTFS = Target(
    name="rootfs",
    stage="s",
    kind="rootfs",
    form=Form.ARCHIVE,
    description="",
    destination="build/rootfs.tar",
)


def tar(files: Files, uid: int = 0) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.uid = entry.gid = uid
            entry.mode = 0o755 if content is None else 0o644
            data = b""
            if content is None:
                entry.type = tarfile.DIRTYPE
            elif content.startswith("->"):
                entry.type, entry.linkname = tarfile.SYMTYPE, content[2:]
            else:
                data = content.encode()
                entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def blob(layout: Path, content: bytes, media_type: str) -> dict[str, object]:
    name = sha256(content).hexdigest()
    (layout / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (layout / "blobs/sha256" / name).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}


def image(layout: Path, layers: list[bytes], architecture: str) -> dict[str, object]:
    config = {"os": "linux", "architecture": architecture}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(layout, json.dumps(config).encode(), CONFIG),
        "layers": [blob(layout, layer, LAYER) for layer in layers],
    }
    platform = {"platform": {"os": "linux", "architecture": architecture}}
    return blob(layout, json.dumps(manifest).encode(), MANIFEST) | platform


def output(layout: Path, target: Target, *layers: Files, uid: int = 0) -> Output:
    """What an engine yields for a target: an image of these layers."""
    entry = image(layout, [tar(files, uid) for files in layers], "amd64")
    return Output(target=target, layout=layout, digest=str(entry["digest"]))


def platforms(layout: Path, target: Target, **by_architecture: Files) -> Output:
    entries = [image(layout, [tar(files)], name) for name, files in by_architecture.items()]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    entry = blob(layout, json.dumps(index).encode(), INDEX)
    return Output(target=target, layout=layout, digest=str(entry["digest"]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return tmp_path / "layout"


def tree(folder: Path) -> dict[str, str]:
    """All files and links below `folder`, except the manifest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"->{path.readlink()}"
        elif path.is_file() and name != "artifacts.json":
            found[name] = path.read_text()
    return found


def let_time_pass(root: Path) -> None:
    """Until the file system's clock, which may be coarse, has moved since the last collect."""
    probe = root / "probe"
    while not probe.exists() or (
        probe.stat().st_mtime_ns <= (root / artifacts.MANIFEST).stat().st_mtime_ns
    ):
        probe.write_text("x")
    probe.unlink()


PROGRAM: Files = {"bin": None, "bin/p": "program", "lib": None, "lib/l.so.1": "library",
                  "lib/l.so": "->l.so.1"}  # fmt: skip


def test_files_are_put_and_listed(root: Path, layout: Path) -> None:
    made = collect(root, [output(layout, CPU, PROGRAM, uid=12345)])
    assert tree(root / "build") == {
        "cpu/bin/p": "program", "cpu/lib/l.so.1": "library", "cpu/lib/l.so": "->l.so.1",
    }  # fmt: skip
    assert [artifact.path for artifact in made] == [
        "build/cpu/bin/p", "build/cpu/lib/l.so", "build/cpu/lib/l.so.1",
    ]  # fmt: skip
    program = made[0]
    assert (program.kind, program.variant, program.platform) == ("binaries", "cpu", "linux/amd64")
    assert (program.size, program.sha256) == (7, sha256(b"program").hexdigest())
    assert (made[1].link, made[1].sha256) == ("l.so.1", sha256(b"library").hexdigest())
    assert read(root) == made


def test_everything_belongs_to_the_caller(root: Path, layout: Path) -> None:
    collect(root, [output(layout, CPU, PROGRAM, uid=12345)])
    for path in (root / "build", *(root / "build").rglob("*")):
        assert path.lstat().st_uid == os.getuid(), path


def inodes(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_ino, p.lstat().st_ctime_ns) for p in (folder, *folder.rglob("*"))}


def test_what_is_there_is_not_written_again(root: Path, layout: Path) -> None:
    outputs = [output(layout, CPU, PROGRAM), output(layout, DEB, {"p_1.deb": "deb"})]
    first = collect(root, outputs)
    before = inodes(root)
    assert collect(root, outputs) == first
    assert inodes(root) == before
    # Asked for alone, it is all that is told.
    assert collect(root, outputs[1:]) == tuple(a for a in first if a.target == "deb-cpu")
    assert inodes(root) == before


@pytest.mark.parametrize("change", ["edit", "edit, same size", "delete", "folder", "link"])
def test_what_the_user_changed_comes_back(change: str, root: Path, layout: Path) -> None:
    outputs = [output(layout, CPU, PROGRAM)]
    collect(root, outputs)
    whole = tree(root / "build")
    path = root / "build/cpu/bin/p"
    let_time_pass(root)
    match change:
        case "edit":
            path.write_text("changed")
            path.write_text("changed more")
        case "edit, same size":
            path.write_text("PROGRAM")
        case "delete":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "link":
            path.unlink()
            path.symlink_to("/etc/hostname")
    assert tree(root / "build") != whole
    collect(root, outputs)
    assert tree(root / "build") == whole
    assert Path("/etc/hostname").read_text() != "program"


@pytest.mark.parametrize("change", ["deleted", "elsewhere", "a file"])
def test_a_changed_link_comes_back(change: str, root: Path, layout: Path) -> None:
    outputs = [output(layout, CPU, PROGRAM)]
    collect(root, outputs)
    whole = tree(root / "build")
    link = root / "build/cpu/lib/l.so"
    link.unlink()
    if change == "elsewhere":
        link.symlink_to("nowhere")
    elif change == "a file":
        link.write_text("library")
    collect(root, outputs)
    assert tree(root / "build") == whole


def test_a_change_is_not_forgotten_because_another_target_was_collected(
    root: Path, layout: Path
) -> None:
    gpu = output(layout, GPU, {"p": "program"})
    collect(root, [output(layout, CPU, {"p": "program"}), gpu])
    let_time_pass(root)
    (root / "build/gpu/p").write_text("PROGRAM")  # as long as it was
    collect(root, [output(layout, CPU, {"p": "newer"})])
    collect(root, [gpu])
    assert tree(root / "build") == {"cpu/p": "newer", "gpu/p": "program"}


def test_what_a_target_no_longer_yields_goes(root: Path, layout: Path) -> None:
    collect(root, [output(layout, CPU, PROGRAM), output(layout, DEB, {"p_1.deb": "1"})])
    collect(root, [output(layout, CPU, {"bin": None, "bin/p": "new"})])
    assert tree(root / "build") == {"cpu/bin/p": "new", "p_1.deb": "1"}
    assert not (root / "build/cpu/lib").exists()
    collect(root, [output(layout, DEB, {"p_2.deb": "2"})])
    assert tree(root / "build") == {"cpu/bin/p": "new", "p_2.deb": "2"}
    assert [a.path for a in read(root)] == ["build/cpu/bin/p", "build/p_2.deb"]


def test_the_users_and_other_targets_files_stay(root: Path, layout: Path) -> None:
    mine = {"notes": "mine", "cpu/notes": "mine", "cpu/own/deep/x": "mine", "docs.old/x": "mine"}
    collect(root, [output(layout, CPU, PROGRAM), output(layout, GPU, PROGRAM)])
    for name, text in mine.items():
        (root / "build" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "build" / name).write_text(text)
    (root / "build/cpu/lib/mine.so").symlink_to("l.so.1")
    (root / "build/gpu/bin/p").write_text("mine, too")
    collect(root, [output(layout, CPU, {"bin": None, "bin/q": "other"})])
    assert tree(root / "build") == mine | {
        "cpu/bin/q": "other",
        "cpu/lib/mine.so": "->l.so.1",
        "gpu/bin/p": "mine, too",
        "gpu/lib/l.so": "->l.so.1",
        "gpu/lib/l.so.1": "library",
    }


def test_a_folder_becomes_a_file_and_back(root: Path, layout: Path) -> None:
    one = output(layout, CPU, {"x": None, "x/y": None, "x/y/z": "deep", "w": "w"})
    other = output(layout, CPU, {"x": "->w", "w": None, "w/v": "v"})
    for _ in range(2):
        collect(root, [one])
        assert tree(root / "build/cpu") == {"x/y/z": "deep", "w": "w"}
        collect(root, [other])
        assert tree(root / "build/cpu") == {"x": "->w", "w/v": "v"}


def test_a_users_folder_in_the_place_of_a_file_is_not_deleted(root: Path, layout: Path) -> None:
    made = output(layout, CPU, {"p": "program"})
    (root / "build/cpu/p").mkdir(parents=True)
    (root / "build/cpu/p/thesis").write_text("mine")
    with pytest.raises(PdbuildError, match="in the way") as caught:
        collect(root, [made])
    assert caught.value.hint
    assert tree(root / "build") == {"cpu/p/thesis": "mine"}
    (root / "build/cpu/p/thesis").unlink()
    collect(root, [made])
    assert tree(root / "build") == {"cpu/p": "program"}


def test_layers_in_order_and_folders_without_files(root: Path, layout: Path) -> None:
    collect(root, [output(layout, CPU, {"a": "1", "b": "1"}, {"b": "2", "empty": None})])
    assert tree(root / "build/cpu") == {"a": "1", "b": "2"}
    assert (root / "build/cpu/empty").is_dir()


def test_the_root_file_system_is_a_tar_archive(root: Path, layout: Path) -> None:
    outputs = [output(layout, ROOTFS, {"etc": None, "etc/os-release": "debian"})]
    (artifact,) = collect(root, outputs)
    assert artifact.path == "build/rootfs.tar"
    with tarfile.open(root / "build/rootfs.tar") as archive:
        assert archive.getnames() == ["etc", "etc/os-release"]
    # A copy: what is in the engine's layout cannot be changed through it.
    (root / "build/rootfs.tar").write_text("changed")
    collect(root, outputs)
    with tarfile.open(root / "build/rootfs.tar") as archive:
        assert len(archive.getnames()) == 2


def test_platforms_have_folders_of_their_own(root: Path, layout: Path) -> None:
    other = replace(CPU, name="binaries-cpu-linux-arm64", destination="build/linux-arm64/cpu")
    of_other = platforms(layout, other, arm64={"p": "arm"})
    made = collect(root, [output(layout.parent / "amd", CPU, {"p": "amd"}), of_other])
    assert {a.path: a.platform for a in made} == {
        "build/cpu/p": "linux/amd64",
        "build/linux-arm64/cpu/p": "linux/arm64",
    }
    # One alone again: the other stays as it was.
    collect(root, [output(layout.parent / "amd", CPU, {"q": "new"})])
    assert tree(root / "build") == {"cpu/q": "new", "linux-arm64/cpu/p": "arm"}


def test_a_layer_that_is_no_archive(root: Path, layout: Path) -> None:
    collect(root, [output(layout, CPU, PROGRAM)])
    before = tree(root / "build")
    entry = image(layout, [b"no archive at all" * 100], "amd64")
    broken = Output(target=CPU, layout=layout, digest=str(entry["digest"]))
    with pytest.raises(EngineError, match="cannot unpack"):
        collect(root, [broken])
    assert tree(root / "build") == before
    assert not list((root / "build").glob(".*"))


def test_build_is_a_file(root: Path, layout: Path) -> None:
    (root / "build").write_text("mine")
    with pytest.raises(PdbuildError, match="is not a folder"):
        collect(root, [output(layout, CPU, PROGRAM)])
    assert (root / "build").read_text() == "mine"


def test_build_may_be_a_link_to_another_disk(root: Path, layout: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (root / "build").symlink_to(tmp_path / "disk")
    collect(root, [output(layout, CPU, PROGRAM)])
    assert (tmp_path / "disk/cpu/bin/p").read_text() == "program"
    assert (root / "build").is_symlink()


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", '{"artifacts": 5}', '{"artifacts": [{"path": "build/x"}]}',
        '{"artifacts": [null]}', "\ud800", "[" * 100_000,
    ],
)  # fmt: skip
def test_a_manifest_that_is_not_ours_is_none(text: str, root: Path, layout: Path) -> None:
    (root / "build").mkdir()
    (root / artifacts.MANIFEST).write_bytes(text.encode(errors="surrogatepass"))
    assert read(root) == ()
    collect(root, [output(layout, CPU, PROGRAM)])
    assert len(read(root)) == 3


@pytest.mark.parametrize("path", ["precious", "build/../precious", "/precious", "build", ""])
def test_a_manifest_never_has_files_elsewhere_deleted(path: str, root: Path, layout: Path) -> None:
    (root / "precious").write_text("mine")
    collect(root, [output(layout, CPU, {"p": "program"})])
    listed = json.loads((root / artifacts.MANIFEST).read_text())
    absolute = str(root / "precious") if path == "/precious" else path
    listed["artifacts"].append(listed["artifacts"][0] | {"path": absolute, "image": "x"})
    (root / artifacts.MANIFEST).write_text(json.dumps(listed))
    collect(root, [output(layout, CPU, {"q": "other"})])
    assert (root / "precious").read_text() == "mine"
    assert (root / "build/cpu/q").is_file()


def test_what_a_killed_one_left_goes(root: Path, layout: Path) -> None:
    (root / "build/.pdbuild-killed").mkdir(parents=True)
    (root / "build/.pdbuild-killed/p").write_text("half")
    collect(root, [output(layout, CPU, PROGRAM)])
    assert sorted(p.name for p in (root / "build").iterdir()) == ["artifacts.json", "cpu"]


def _collect_often(root: Path, layout: Path, target: Target, start: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    for number in range(20):
        collect(root, [output(layout, target, {f"{target.name}-{number}": str(number)})])


def test_two_at_once(root: Path, tmp_path: Path) -> None:
    """Neither loses the other's entries or files, and nothing of the earlier rounds is left."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    targets = (CPU, DEB, DEB_GPU)
    workers = [
        context.Process(target=_collect_often, args=(root, tmp_path / t.name, t, start))
        for t in targets
    ]
    with contextlib.ExitStack() as stack:
        for worker in workers:
            worker.start()
            stack.callback(worker.kill)
        for worker in workers:
            worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert tree(root / "build") == {
        "cpu/binaries-cpu-19": "19", "deb-cpu-19": "19", "deb-gpu-19": "19",
    }  # fmt: skip
    assert [a.path for a in read(root)] == [
        "build/cpu/binaries-cpu-19", "build/deb-cpu-19", "build/deb-gpu-19",
    ]  # fmt: skip


def test_two_targets_at_once_share_the_manifest(root: Path, layout: Path) -> None:
    docs = output(layout, DOCS, {"index.html": "pages"})
    made = collect(root, [output(layout, CPU, PROGRAM), docs])
    assert {a.target for a in made} == {"binaries-cpu", "docs"}
    assert [a.path for a in read(root)] == sorted(a.path for a in made)


def test_the_manifest_says_what_made_the_pages_of_the_source(tmp_path: Path) -> None:
    labels = {"org.pdbuild.generator": "doxygen"}
    browse = Target(
        name="browse", stage="s", kind="browse", description="", labels=labels,
        destination="build/browse",
    )  # fmt: skip
    collect(tmp_path, [output(tmp_path, browse, {"index.html": "pages"})])
    manifest = tmp_path / "build/artifacts.json"
    assert json.loads(manifest.read_bytes())["generators"] == {"browse": "doxygen"}
    # A bake of another target does not forget it.
    collect(tmp_path, [output(tmp_path, DOCS, {"index.html": "docs"})])
    assert json.loads(manifest.read_bytes())["generators"] == {"browse": "doxygen"}


OLD, NEW = (
    artifacts.Origin(recipe="pdbuild.toml", variants=variants)
    for variants in (("cpu", "gpu"), ("cpu", "cuda"))
)
CUDA = replace(CPU, name="binaries-cuda", variant="cuda", destination="build/cuda")


def baked(root: Path, output: Output, origin: artifacts.Origin) -> list[str]:
    collect(root, [output], origin=origin)
    return [artifact.path for artifact in read(root)]


def test_what_was_made_of_a_variant_that_is_no_more_goes(
    root: Path, layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collect(root, [output(layout, CPU, {"a": "1"}), output(layout, DOCS, {"x": "1"})], origin=OLD)
    collect(root, [output(layout, GPU, {"a": "2", "b": "2", "c/d": "2"})], origin=OLD)
    let_time_pass(root)
    (root / "build/gpu/b").write_text("3")  # of the same size
    (root / "build/gpu/mine").write_text("4")
    other_kind = output(layout, replace(DOCS, name="pages"), {"y": "1"})
    assert "build/gpu/a" in baked(root, other_kind, NEW)
    listed = baked(root, output(layout, CUDA, {"a": "5"}), NEW)
    assert listed == ["build/cpu/a", "build/cuda/a", "build/docs/x", "build/docs/y"]
    said = "build/: removing what was made of gpu, which the recipe does not have\n"
    assert capsys.readouterr().err == said
    assert tree(root / "build") == {
        "cpu/a": "1", "cuda/a": "5", "docs/x": "1", "docs/y": "1",
        "gpu/b": "3", "gpu/mine": "4",
    }  # fmt: skip
    assert not (root / "build/gpu/c").exists()


def test_a_bake_that_makes_nothing_new_removes_it_too(root: Path, layout: Path) -> None:
    cpu = output(layout, CPU, {"a": "1"})
    collect(root, [cpu, output(layout, GPU, {"a": "2"})], origin=OLD)
    assert baked(root, cpu, NEW) == ["build/cpu/a"]
    assert tree(root / "build") == {"cpu/a": "1"}


@pytest.mark.parametrize("first", [artifacts.Origin(), replace(OLD, recipe="recipes/other.toml")])
def test_what_another_recipe_has_made_stays(
    first: artifacts.Origin, root: Path, layout: Path
) -> None:
    """Or one that is not known."""
    collect(root, [output(layout, GPU, {"a": "2"})], origin=first)
    listed = baked(root, output(layout, CPU, {"a": "1"}), NEW)
    assert listed == ["build/cpu/a", "build/gpu/a"]
    assert (root / "build/gpu/a").read_text() == "2"


def test_a_package_of_a_variant_may_have_the_name_of_one_that_is_no_more(
    root: Path, layout: Path
) -> None:
    gpu = replace(DEB_GPU, variant="gpu")
    collect(root, [output(layout, gpu, {"x-1.deb": "gpu"})], origin=OLD)
    cuda = output(layout, replace(gpu, name="deb-cuda", variant="cuda"), {"x-1.deb": "cuda"})
    assert baked(root, cuda, NEW) == ["build/x-1.deb"]
    assert tree(root / "build") == {"x-1.deb": "cuda"}
