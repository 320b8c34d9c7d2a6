"""Several platforms: what compiles runs on the machine that builds, for each of them."""

import dataclasses
import json
from pathlib import Path

import pytest
from golden_bits import REQUEST, bake, containerfile, recipe
from test_resolve import asked, names

from pdbuild.errors import UsageError
from pdbuild.plan.instructions import Arg, Env, Run
from pdbuild.plan.options import choose
from pdbuild.plan.types import Plan, Target, base_of
from pdbuild.platforms import PLATFORMS
from pdbuild.recipe.types import Recipe
from pdbuild.render import bakefile
from pdbuild.resolve import resolve
from pdbuild.targets import KINDS

BOTH = ("linux/amd64", "linux/arm64")
EVERYWHERE = ("binaries", "deb", "image", "rootfs")


def target(made: Plan, name: str) -> Target:
    return next(target for target in made.targets if target.name == name)


def changed(case: str, **build: object) -> Recipe:
    loaded = recipe(case)
    build_table = dataclasses.replace(loaded.build, **build)  # type: ignore[arg-type]
    return dataclasses.replace(loaded, build=build_table)


def test_this_machines_own_is_the_same_beside_another() -> None:
    alone, both = asked("paddle"), asked("paddle", platforms=BOTH)
    assert all(found in both.targets for found in alone.targets)
    # One line differs, which decides nothing: BuildKit finds in its cache what one alone made.
    there = {stage.name: stage for stage in both.stages}
    assert [stage for stage in alone.stages if there[stage.name] != stage] == [alone.stages[0]]
    assert there["base"].platform == "$BUILDPLATFORM" and not alone.stages[0].platform


def test_tools_are_this_machines_and_only_what_they_make_is_the_others() -> None:
    made = asked("paddle", platforms=("linux/arm64",), targets=("image-cpu", "binaries-cpu"))
    assert [t.name for t in made.targets] == ["binaries-cpu-linux-arm64", "image-cpu-linux-arm64"]
    stages = {stage.name: stage for stage in made.stages}
    # No step of this machine's own variant is in it, and none runs on the other platform.
    assert not {"compile", "build-cpu", "runtime-build", "image-cpu"} & set(stages)
    assert [stage.name for stage in made.stages if stage.platform] == ["base"]
    assert stages["toolchain-linux-arm64"].base == "toolchain"
    assert stages["build-cpu-linux-arm64"].base == "compile-linux-arm64"
    assert stages["runtime-linux-arm64"].base == "scratch"
    assert Env(name="PDBUILD_TRIPLET", value="aarch64-linux-gnu") in (
        stages["toolchain-linux-arm64"].instructions
    )
    # An argument that differs between platforms would make the toolchain anew for each.
    shared = [s for s in made.stages if not s.name.endswith("-linux-arm64")]
    assert not any(Arg(name="TARGETARCH") in stage.instructions for stage in shared)
    text = containerfile("paddle", made)
    assert "id=paddle-ccache-trixie-arm64" in text and "id=paddle-cpu-trixie-arm64" in text


def test_one_more_is_one_line_of_the_table() -> None:
    made = asked("paddle", platforms=("linux/riscv64",), targets=("debs",))
    step = next(s for s in made.stages if s.name == "toolchain-linux-riscv64").instructions
    words = next(i for i in step if isinstance(i, Run)).argv
    assert {"g++-riscv64-linux-gnu", "libc6-dev:riscv64"} <= {*words}
    # No GPU there, either: the default variant alone is left.
    assert [t.name for t in made.targets] == ["deb-cpu-linux-riscv64"]


def test_names_of_packages_have_no_underscore() -> None:
    arm = dataclasses.replace(REQUEST, machine=PLATFORMS["linux/arm64"])
    made = resolve(recipe("autotools"), dataclasses.replace(arm, platforms=BOTH))
    # On another machine, the other one is the foreign one.
    assert [t.name for t in made.targets if t.kind == "binaries"] == [
        "binaries-default-linux-amd64", "binaries-default",
    ]  # fmt: skip
    assert '"g++-x86-64-linux-gnu"' in containerfile("autotools", made)


def test_places_tags_and_the_bake_file() -> None:
    made = asked("paddle", platforms=BOTH)
    assert target(made, "binaries-gpu-linux-arm64").destination == "build/linux-arm64/gpu"
    assert target(made, "deb-gpu-linux-arm64").destination == "build/linux-arm64"
    assert target(made, "rootfs-linux-arm64").destination == "build/linux-arm64/rootfs.tar"
    assert target(made, "image-gpu").tags == target(made, "image-gpu-linux-arm64").tags
    baked = json.loads(bake(made))["target"]
    assert baked["image-gpu-linux-arm64"]["platforms"] == ["linux/arm64"]
    assert baked["image-gpu"]["platforms"] == baked["dev"]["platforms"] == ["linux/amd64"]
    tags = [tag for entry in baked.values() for tag in entry.get("tags", [])]
    assert len(tags) == len(set(tags))


def test_what_is_for_people_is_made_once() -> None:
    made = asked("paddle", platforms=("linux/arm64",))
    kinds = {t.kind for t in made.targets if t.platform == "linux/arm64"}
    assert kinds == set(EVERYWHERE)
    assert {t.kind for t in made.targets if t.platform == "linux/amd64"} == {
        "docs", "browse", "dev",
    }  # fmt: skip


def test_a_variant_that_is_another_there_is_left_out() -> None:
    made = asked("paddle", platforms=BOTH, targets=("images",))
    assert [t.variant for t in made.targets if t.platform == "linux/arm64"] == ["cpu", "gpu"]
    assert made.notes == (
        "linux/arm64: variant noavx is left out: it is cpu there, as AVX means nothing",
        "linux/arm64: variant gpu-noavx is left out: it is gpu there, as AVX means nothing",
    )
    assert not asked("paddle", targets=("images",)).notes
    stages = {stage.name: stage for stage in made.stages}
    assert Arg(name="AVX", default="OFF") in stages["build-cpu-linux-arm64"].instructions
    assert Arg(name="AVX", default="ON") in stages["build-cpu"].instructions
    text = containerfile("paddle", made)
    assert '"--note=This is the variant gpu (GPU=ON)."' in text


def test_a_variant_that_is_not_there_cannot_be_asked_for() -> None:
    why = "variant noavx does not exist on linux/arm64: it is cpu there, as AVX means nothing"
    with pytest.raises(UsageError, match=why):
        asked("paddle", platforms=("linux/arm64",), variants=("noavx",))
    with pytest.raises(UsageError, match=why):
        asked("paddle", platforms=("linux/arm64",), targets=("image-noavx",))
    # For one platform of two it is: that is no mistake.
    made = asked("paddle", platforms=BOTH, targets=("image-noavx",))
    assert [t.name for t in made.targets] == ["image-noavx"]


def test_a_setting_holds_where_it_means_something() -> None:
    with pytest.raises(UsageError, match="--set AVX=ON: it means nothing on linux/arm64"):
        resolve(
            recipe("paddle"),
            dataclasses.replace(
                REQUEST, platforms=("linux/arm64",), settings={"AVX": "ON"}, variants=("cpu",)
            ),
        )


def test_a_variant_of_one_platform() -> None:
    loaded = recipe("make")
    variants = dict(loaded.variants)
    name = next(n for n in variants if n != loaded.default_variant)
    variants[name] = dataclasses.replace(variants[name], platforms=("linux/amd64",))
    one = dataclasses.replace(loaded, variants=variants)
    made = resolve(one, dataclasses.replace(REQUEST, platforms=BOTH, targets=("binaries",)))
    there = [t.variant for t in made.targets if t.platform == "linux/arm64"]
    assert there == [loaded.default_variant]
    assert made.notes == (f"linux/arm64: variant {name} is left out: it is for linux/amd64 alone",)


def test_a_platform_that_is_not_in_the_table() -> None:
    with pytest.raises(UsageError, match="linux/s390x: pdbuild does not compile for it"):
        asked("paddle", platforms=("linux/s390x",))


def test_what_cannot_cross_is_emulated_with_the_same_text() -> None:
    emulating = changed("autotools", emulate=True)
    both = resolve(emulating, dataclasses.replace(REQUEST, platforms=BOTH, targets=("debs",)))
    alone = resolve(emulating, dataclasses.replace(REQUEST, platforms=BOTH[:1], targets=("debs",)))
    assert names(both) == names(alone)
    foreign = target(both, "deb-default-linux-arm64")
    assert (foreign.stage, foreign.emulated) == ("deb-default", True)
    assert both.notes == (
        "linux/arm64: all of it is compiled under an emulator, as the recipe says",
    )
    text = containerfile("autotools", both)
    assert "--platform" not in text
    # The machine that builds is named where a check has to know that it is emulated, alone.
    stages = text.split("\nFROM ")
    told = [stage.split()[2] for stage in stages if "\nARG BUILDARCH\nARG TARGETARCH\n" in stage]
    assert "check-gcc" in told and all(name.startswith("check-") for name in told)
    assert text.count("BUILDARCH") == len(told)
    # The base is another for what is emulated.
    contexts = {
        both.base: "oci:mine",
        base_of(both.base, "linux/arm64"): "oci:other",
        "hooks": "/h",
    }
    rendered = bakefile.render(both, containerfile="/c", contexts=contexts, secrets={})
    baked = json.loads(rendered)["target"]
    assert baked["deb-default"]["contexts"] == {both.base: "oci:mine", "hooks": "/h"}
    assert baked["deb-default-linux-arm64"]["contexts"] == {both.base: "oci:other", "hooks": "/h"}


def test_packages_of_the_target(tmp_path: Path) -> None:
    loaded = recipe("autotools")
    tools = dataclasses.replace(
        loaded.toolchain,
        packages=(*loaded.toolchain.packages, "zlib1g-dev", "bison:native"),
        target_packages=("libfoo-dev",),
    )
    made = resolve(
        dataclasses.replace(loaded, toolchain=tools),
        dataclasses.replace(REQUEST, platforms=BOTH, targets=("binaries",)),
    )
    stages = {stage.name: stage.instructions for stage in made.stages}
    native = next(i for i in stages["toolchain"] if isinstance(i, Run)).argv
    cross = next(i for i in stages["toolchain-linux-arm64"] if isinstance(i, Run)).argv
    assert {"bison", "zlib1g-dev"} <= {*native} and not {"libfoo-dev", "bison:native"} & {*native}
    named, both = cross[2 : cross.index("--")], cross[cross.index("--") + 1 :]
    assert "libfoo-dev:arm64" in named
    assert "zlib1g-dev" in both and "bison:native" not in both


def test_on_a_machine_where_an_option_means_nothing() -> None:
    loaded = recipe("paddle")
    # What `pdbuild build` compiles there is the variant that is left.
    assert choose(loaded, "", {}, "linux/arm64").variant == "cpu"
    assert choose(loaded, "", {}, "linux/arm64").values["AVX"] == "OFF"
    assert choose(loaded, "", {"GPU": "ON"}, "linux/arm64").variant == "gpu"
    assert choose(loaded, "", {"AVX": "OFF"}, "linux/amd64").variant == "noavx"
    # So does the dev image by itself.
    arm = dataclasses.replace(REQUEST, machine=PLATFORMS["linux/arm64"])
    made = resolve(loaded, dataclasses.replace(arm, targets=("dev",)))
    step = next(s for s in made.stages if s.name == "dev").instructions
    words = next(i for i in step if isinstance(i, Run)).argv
    assert "AVX OFF WITH_AVX ON OFF" in words
    assert "cpu GPU=OFF" in words and not any(word.startswith("noavx") for word in words)


def test_a_targets_name_says_its_platform() -> None:
    made = asked("paddle", targets=("image-gpu-linux-arm64",))
    assert [t.name for t in made.targets] == ["image-gpu-linux-arm64"]
    both = asked("paddle", targets=("image-gpu-linux-arm64", "image-cpu", "rootfs"))
    assert [t.name for t in both.targets] == ["image-cpu", "image-gpu-linux-arm64", "rootfs"]


def test_one_dockerfile_builds_all_platforms() -> None:
    made = asked("paddle", platforms=BOTH)
    texts = KINDS["rootfs"].beside(recipe("paddle"), made)
    text = texts["build/Dockerfile"]
    assert "FROM scratch AS linux-amd64\nARG VARIANT\nADD build/rootfs.tar /\n" in text
    assert "FROM scratch AS linux-arm64\nARG VARIANT\nADD build/linux-arm64/rootfs.tar /\n" in text
    # Buildah knows them in FROM only when they are declared at the top.
    head, _, rest = text.partition("FROM ")
    assert {"ARG TARGETOS", "ARG TARGETARCH", "ARG TARGETVARIANT"} <= {*head.splitlines()}
    assert "\nFROM ${TARGETOS}-${TARGETARCH}${TARGETVARIANT}\n" in rest
    assert "!build/linux-arm64/cpu" in texts["build/Dockerfile.dockerignore"].splitlines()
    # That of this machine's own alone is as it always was.
    alone = KINDS["rootfs"].beside(recipe("paddle"), asked("paddle"))["build/Dockerfile"]
    assert "TARGETARCH" not in alone and "\nFROM scratch\n" in alone
