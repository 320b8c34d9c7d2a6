"""What is up to date is not baked again, and what has changed is."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from checkout_bits import ALL, COMPILED, DEBS, IMAGES, ROOTS, Checkout

from pdbuild import broken, project, uptodate
from pdbuild.choices import Choices
from pdbuild.context import content
from pdbuild.plan.types import Form, Plan


def test_nothing_to_do(checkout: Checkout) -> None:
    assert checkout.bake() == set()
    assert checkout.bake() == set()


def test_a_source_behind_a_link(checkout: Checkout) -> None:
    (checkout.root / "code").rename(checkout.root / "really")
    (checkout.root / "code").symlink_to("really")
    checkout.bake()
    assert checkout.bake() == set()
    checkout.write("really/deep/er/b.cc", "changed")
    assert checkout.bake() == COMPILED


def test_a_part_and_the_whole(checkout: Checkout) -> None:
    checkout.choices = Choices(targets=("image-portable",))
    assert checkout.bake() == set()
    checkout.write("code/a.cc", "changed")
    assert checkout.bake() == {"image-portable"}
    checkout.choices = Choices()
    assert checkout.bake() == COMPILED - {"image-portable"}


def edits(name: str, old: str, new: str) -> Callable[[Checkout], object]:
    return lambda checkout: checkout.edit(name, old, new)


def hook(name: str) -> Callable[[Checkout], object]:
    return lambda checkout: (checkout.hooks / name).write_text("changed")


def chooses(choices: Choices) -> Callable[[Checkout], object]:
    return lambda checkout: setattr(checkout, "choices", choices)


def same_size_and_time(checkout: Checkout) -> None:
    path = checkout.root / "code/a.cc"
    before = path.stat()
    path.write_text("A.CC")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


CHANGES: dict[str, tuple[Callable[[Checkout], object], set[str]]] = {
    "a source": (edits("code/deep/er/b.cc", "deep", "shallow"), COMPILED),
    "a source, with its size and time kept": (same_size_and_time, COMPILED),
    "a source's mode": (lambda c: (c.root / "code/a.cc").chmod(0o755), COMPILED),
    "a new source": (lambda c: c.write("code/new.cc", ""), COMPILED),
    "a new empty folder": (lambda c: (c.root / "code/new").mkdir(), COMPILED),
    "a source that is gone": (lambda c: (c.root / "code/a.cc").unlink(), COMPILED),
    "a link": (lambda c: (c.root / "code/link").symlink_to("a.cc"), COMPILED),
    ".dockerignore": (lambda c: c.write(".dockerignore", "code/data\n"), COMPILED),
    "the hook that builds": (hook("build"), COMPILED | {"dev"}),
    "what that hook sources": (hook("tree"), COMPILED | {"dev"}),
    "the hook that packs": (hook("package"), DEBS | IMAGES | ROOTS | {"dev"}),
    "the hook of the runtime": (hook("runtime"), IMAGES | ROOTS | {"rootfs", "dev"}),
    "a hook that only dev has": (hook("develop"), {"dev"}),
    "a block": (
        edits("toolchain/own.toml", "[source]", 'apt = ["rsync"]\n[source]'),
        ALL - {"rootfs"},
    ),
    "a block's hook": (edits("code/ci/install", "ci", "CI"), ALL - {"rootfs"}),
    "a block's source": (lambda c: (c.own / "tool.c").write_text("other"), ALL - {"rootfs"}),
    "the base": (lambda c: setattr(c, "base", "sha256:" + "c" * 64), ALL),
    "the environment": (edits("pdbuild.toml", "-O2", "-O3"), COMPILED | {"dev"}),
    "[build] arguments": (
        edits("pdbuild.toml", "[build]", '[build]\narguments = ["-DX=1"]'),
        COMPILED | {"dev"},
    ),
    "[package]": (
        edits("pdbuild.toml", "squares numbers", "squares"),
        DEBS | IMAGES | ROOTS | {"dev"},
    ),
    "[image]": (edits("pdbuild.toml", 'command = ["squares"]', "command = []"), IMAGES | {"dev"}),
    "an option of one variant": (
        edits(
            "pdbuild.toml", 'portable = { AVX = "OFF" }', 'portable = { AVX = "OFF", TEST = "ON" }'
        ),
        {"binaries-portable", "deb-portable", "image-portable", "rootfs-portable", "dev"},
    ),
    "--set": (chooses(Choices(settings={"TEST": "ON"})), COMPILED),
    "the engine": (lambda c: setattr(c.engine, "version", "2"), ALL),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_baked(checkout: Checkout, change: str) -> None:
    make, expected = CHANGES[change]
    make(checkout)
    asked = checkout.bake()
    assert asked == expected
    assert checkout.bake() == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.write("README", "changed"),
        lambda c: c.commit(),
        lambda c: c.git("tag", "v1.2.3"),
    ],
    ids=["dirty", "a commit", "a tag"],
)
def test_the_version_from_git(checkout: Checkout, change: Callable[[Checkout], object]) -> None:
    checkout.edit("pdbuild.toml", '"1.0"', '"git"')
    checkout.commit()
    assert checkout.bake() == COMPILED | {"dev"}
    change(checkout)
    assert checkout.bake() == COMPILED
    assert checkout.bake() == set()


def test_pdbuild_itself(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uptodate, "_pdbuild", lambda: "another")
    assert checkout.bake() == ALL


NO_CHANGES: dict[str, Callable[[Checkout], object]] = {
    "output": lambda c: c.write("build/own", "mine"),
    "byte code": lambda c: c.write("code/__pycache__/x.pyc", "x"),
    "a file outside the source": edits("README", "a", "b"),
    "a mirror": edits("pdbuild.toml", "[toolchain]", '[mirrors]\napt = "http://x"\n[toolchain]'),
}


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_decides_nothing(checkout: Checkout, change: str) -> None:
    NO_CHANGES[change](checkout)
    assert checkout.bake() == set()


def test_the_way_to_the_network(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = checkout.root.parent / "ca.pem"
    certificates.touch()
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    assert checkout.bake() == set()


def test_an_ignored_file(checkout: Checkout) -> None:
    checkout.write(".dockerignore", "code/data\n")
    checkout.bake()
    checkout.write("code/data/large", "changed")
    assert checkout.bake() == set()


def test_platforms(checkout: Checkout) -> None:
    pinned = f'bootstrap = false\nimage = "debian@sha256:{"d" * 64}"\n'
    checkout.edit("pdbuild.toml", "[toolchain]", f"[base]\n{pinned}[toolchain]")
    assert checkout.bake() == ALL
    assert checkout.bake() == set()
    # What is made for this machine is no other for being made for another one, too.
    checkout.choices = Choices(platforms=("linux/amd64", "linux/arm64"))
    assert checkout.bake() == {f"{name}-linux-arm64" for name in ALL - {"docs", "dev"}}
    checkout.choices = Choices(platforms=("linux/arm64",))
    assert checkout.bake() == set()


def test_a_registrys_tag_may_have_moved(checkout: Checkout) -> None:
    checkout.edit("pdbuild.toml", "[toolchain]", "[base]\nbootstrap = false\n[toolchain]")
    assert checkout.bake() == ALL
    assert checkout.bake() == ALL
    checkout.edit("pdbuild.toml", "[base]", '[mirrors]\nregistry = "mirror:5000"\n[base]')
    assert checkout.bake() == ALL
    assert checkout.bake() == ALL


def test_a_second_change_within_one_tick_of_the_clock(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "TICK", 2 * 10**9)
    checkout.bake()
    listing, seen = content.listing, {}

    def first_look(root: Path, part: str, ignored: object) -> content.Listing:
        return seen.setdefault((root, part), listing(root, part, ignored))  # type: ignore[arg-type]

    monkeypatch.setattr(content, "listing", first_look)
    checkout.write("code/a.cc", "1")
    assert checkout.bake() == COMPILED
    assert checkout.bake() == set()
    checkout.write("code/a.cc", "2")  # size and times are as at the first look
    assert checkout.bake() == COMPILED


def test_what_changes_while_it_is_baked(checkout: Checkout) -> None:
    checkout.write("code/a.cc", "before")
    checkout.engine.meanwhile = lambda: checkout.write("code/a.cc", "during")
    assert checkout.bake() == COMPILED
    checkout.engine.meanwhile = lambda: None
    assert checkout.bake() == COMPILED
    assert checkout.bake() == set()


def test_a_file_that_gets_a_link_while_it_is_baked(checkout: Checkout) -> None:
    """As by Buildah, which sees a source without what is left out of it."""
    numbers = iter(range(9))

    def linked() -> None:
        for path in (checkout.root / "code").glob("*.cc"):
            (checkout.root.parent / f"{path.name}-{next(numbers)}").hardlink_to(path)

    checkout.write("code/a.cc", "before")
    checkout.engine.meanwhile = linked
    assert checkout.bake() == COMPILED
    checkout.engine.meanwhile = lambda: None
    assert checkout.bake() == set()
    # What is written beside that is still seen.
    checkout.write("code/a.cc", "between")
    checkout.engine.meanwhile = lambda: (linked(), checkout.write("code/a.cc", "during"))
    assert checkout.bake() == COMPILED
    checkout.engine.meanwhile = lambda: None
    assert checkout.bake() == COMPILED
    assert checkout.bake() == set()


def test_what_failed_is_baked_again_and_what_was_done_is_not(checkout: Checkout) -> None:
    checkout.write("code/a.cc", "changed")
    checkout.engine.fails = {"deb-fast"}
    with pytest.raises(broken.BuildError):
        checkout.bake()
    checkout.engine.fails = set()
    assert checkout.bake() == {"deb-fast"}


def test_again(checkout: Checkout) -> None:
    assert checkout.bake(again=True) == ALL
    assert checkout.bake() == set()


def test_forgotten(checkout: Checkout) -> None:
    uptodate.forget()
    assert checkout.bake() == ALL


OUTPUTS: dict[str, Callable[[Checkout], object]] = {
    "deleted": lambda c: (c.root / "build/fast/binaries-fast.txt").unlink(),
    "edited": edits("build/fast/binaries-fast.txt", "fast", "FAST"),
    "all deleted": lambda c: shutil.rmtree(c.root / "build"),
    "the list": lambda c: (c.root / "build/artifacts.json").unlink(),
}


@pytest.mark.parametrize("change", OUTPUTS)
def test_outputs_are_put_back_without_an_engine(checkout: Checkout, change: str) -> None:
    build = checkout.root / "build"
    files = {path: path.read_bytes() for path in build.rglob("*") if path.is_file()}
    OUTPUTS[change](checkout)
    assert checkout.bake() == set()
    assert {path: path.read_bytes() for path in build.rglob("*") if path.is_file()} == files


def test_a_damaged_export_is_made_anew(checkout: Checkout) -> None:
    (blob,) = (p for p in blobs(checkout.exports("deb-fast")) if b"ustar" in p.read_bytes())
    data = blob.read_bytes()
    blob.write_bytes(data.replace(b"deb", b"DEB"))
    assert checkout.bake() == {"deb-fast"}
    blob = blobs(checkout.exports("deb-fast"))[0]
    blob.unlink()
    assert checkout.bake() == {"deb-fast"}


def blobs(layout: Path) -> list[Path]:
    return sorted((layout / "blobs/sha256").iterdir())


def test_images_are_put_back_into_the_store(checkout: Checkout) -> None:
    store, tag = checkout.store(), "localhost/squares:1.0"
    before = store.find(tag)
    store.adopt(checkout.exports("image-portable"), store.entry(f"{tag}-portable").digest, tag)
    assert store.find(tag) != before
    assert checkout.bake() == set()
    assert store.find(tag) == before
    store.collect(store.images())
    assert checkout.bake() == IMAGES | {"dev"}
    assert store.find(tag)


def test_a_damaged_image_is_made_anew(checkout: Checkout) -> None:
    store = checkout.store()
    manifest = store.layout.manifests(store.entry("localhost/squares:1.0"))[0]
    layer = store.layout.blob(manifest.layers[0].digest)
    data = layer.read_bytes()
    layer.write_bytes(data.replace(b"image", b"IMAGE"))
    assert checkout.bake() == {"image-fast"}
    manifest = store.layout.manifests(store.entry("localhost/squares:1.0"))[0]
    for blob in manifest.layers:
        path = store.layout.blob(blob.digest)
        assert sha256(path.read_bytes()).hexdigest() == path.name


def test_a_variant_of_another_name(checkout: Checkout) -> None:
    build = checkout.root / "build"
    before = {path.name for path in build.rglob("*portable*")}
    assert {"portable", "binaries-portable.txt", "rootfs-portable.tar"} < before
    checkout.edit("pdbuild.toml", "portable = ", "plain = ")
    checkout.choices = Choices(targets=("binaries",))
    assert "binaries-plain" in checkout.bake()
    assert {path.name for path in build.rglob("*portable*")} == before - {
        "portable", "binaries-portable.txt",
    }  # fmt: skip
    checkout.choices = Choices()
    checkout.bake()
    assert not list(build.rglob("*portable*"))
    assert (build / "plain/binaries-plain.txt").exists()


def test_podman_is_asked_each_time(checkout: Checkout) -> None:
    before = sorted(checkout.loaded)
    checkout.loaded.clear()
    assert checkout.bake() == set()
    assert sorted(checkout.loaded) == before != []


def test_what_has_changed_since_an_image_was_baked(checkout: Checkout) -> None:
    def state(plan: Plan, engine: str = "fake 1") -> uptodate.State:
        return uptodate.State(
            plan,
            contexts={
                "hooks": str(checkout.hooks),
                "source-own": str(checkout.own),
                plan.base: "oci-layout:///b@sha256:0",
            },
            ignored="",
            engine=engine,
            places=uptodate.places(project.key(str(checkout.root))),
        )

    plan = checkout.plan()
    images = {target.name: target for target in plan.targets if target.form is Form.IMAGE}
    target = images["image-fast"]
    assert set(state(plan).changes(target) or ()) == {"base"}
    stored = checkout.store().find("localhost/squares:1.0")
    assert stored and state(plan).baked(target) == stored.digest
    checkout.write("code/a.cc", "changed")
    assert set(state(plan, engine="another").changes(target) or ()) == {"base", "source"}
    missing = replace(target, name="image-other")
    assert state(plan).changes(missing) is None and state(plan).baked(missing) == ""
