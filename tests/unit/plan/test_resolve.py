"""What a request of targets, variants, settings and platforms makes of a recipe."""

import dataclasses
import itertools
import re
from pathlib import Path

import pytest
from golden_bits import CASES, REQUEST, bake, containerfile, plan, recipe

from pdbuild import shipped
from pdbuild.errors import UsageError
from pdbuild.plan.instructions import Bind, Env, Run
from pdbuild.plan.text import render_instruction
from pdbuild.plan.types import Form, Plan, Request
from pdbuild.recipe.load import load
from pdbuild.resolve import resolve
from pdbuild.version import Version

# Of recipes with several platforms: what the names of targets have at their end.
SUFFIXES = {
    "autotools": ("", "-linux-arm64"),
    "beacon": ("", "-linux-arm64", "-linux-arm-v7"),
}


def asked(case: str, **request: object) -> Plan:
    return resolve(recipe(case), dataclasses.replace(REQUEST, **request))  # type: ignore[arg-type]


def names(made: Plan) -> list[str]:
    return [stage.name for stage in made.stages]


def test_targets_tags_and_places_of_the_example() -> None:
    made = plan("paddle")
    found = {target.name: target for target in made.targets}
    variants = ["cpu", "noavx", "gpu", "gpu-noavx"]
    assert list(found) == [
        *(f"{kind}-{v}" for kind in ("binaries", "deb", "image") for v in variants),
        "docs",
        "browse",
        "rootfs",
        *(f"rootfs-{v}" for v in variants),
        "dev",
    ]
    tags = {name: target.tags for name, target in found.items() if target.form is Form.IMAGE}
    assert tags == {
        "dev": ("localhost/paddle:dev",),
        "image-cpu": ("localhost/paddle:1.2.3",),
        "image-noavx": ("localhost/paddle:1.2.3-noavx",),
        "image-gpu": ("localhost/paddle:1.2.3-gpu",),
        "image-gpu-noavx": ("localhost/paddle:1.2.3-gpu-noavx",),
    }
    assert {t.destination for t in found.values() if t.kind == "binaries"} == {
        f"build/{variant}" for variant in variants
    }
    assert found["deb-gpu"].destination == "build"
    assert found["docs"].destination == "build/docs"
    assert found["rootfs"].destination == "build/rootfs.tar"


def test_labels_say_what_an_image_is() -> None:
    labels = next(t for t in plan("paddle").targets if t.name == "image-gpu").labels
    assert labels == {
        "org.opencontainers.image.title": "paddle",
        "org.opencontainers.image.version": "1.2.3",
        "org.opencontainers.image.revision": REQUEST.revision,
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.source": REQUEST.source_url,
        "org.opencontainers.image.base.name": "debian:trixie-slim",
        "org.pdbuild.variant": "gpu",
    }


def test_the_dev_image_does_not_change_with_the_source() -> None:

    one = asked("paddle", targets=("dev",), version=Version("1"), revision="a", created=1)
    other = asked("paddle", targets=("dev",), version=Version("2"), revision="b", created=2)
    assert (one.targets, one.stages) == (other.targets, other.stages)


@pytest.mark.parametrize("case", CASES)
def test_groups(case: str) -> None:
    loaded = recipe(case)
    everything = {target.name for target in plan(case).targets}
    for group, kind in (("binaries", "binaries"), ("debs", "deb"), ("images", "image")):
        members = {f"{kind}-{variant}" for variant in loaded.variants}
        if members <= everything:
            everywhere = {
                f"{name}{suffix}" for name in members for suffix in SUFFIXES.get(case, ("",))
            }
            assert {target.name for target in plan(case, group).targets} == everywhere
            assert set(plan(case, group).groups[group]) == everywhere
        else:
            with pytest.raises(UsageError, match=f"no target or group '{group}'"):
                plan(case, group)
    for variant in loaded.variants if not loaded.only_app else ():
        assert {t.name for t in plan(case, f"build-{variant}").targets} == {
            f"binaries-{variant}{suffix}" for suffix in SUFFIXES.get(case, ("",))
        }


def test_what_a_recipe_lacks_has_no_target() -> None:
    assert {t.kind for t in plan("ledger").targets} == {
        "dev", "binaries", "deb", "docs",
    }  # fmt: skip
    assert {t.kind for t in plan("beacon").targets} == {"dev", "binaries", "image", "rootfs"}


def test_only_the_stages_that_are_needed() -> None:
    tools = [
        "base", "hooks", "toolchain-python", "toolchain-packages", "block-nvcc", "toolchain",
        *(f"check-{block.name}" for block in recipe("paddle").at_hand), "checked",
    ]  # fmt: skip
    assert names(plan("paddle", "binaries-noavx")) == [
        *tools, "compile", "build-noavx", "binaries-noavx",
    ]  # fmt: skip
    assert names(plan("paddle", "image-gpu")) == [
        *tools, "compile", "build-gpu", "packing", "package-gpu", "pip", "runtime-build", "runtime",
        "production", "depends-gpu", "additions-gpu", "content-gpu", "image-gpu",
    ]  # fmt: skip
    assert not {"compile", "docs"} & set(names(plan("paddle", "dev")))
    # The reference of the pages is read from the default variant.
    assert "build-cpu" in names(plan("paddle", "docs"))
    assert "build-gpu" not in names(plan("paddle", "docs"))


def test_a_stage_is_needed_for_each_target_that_it_is_part_of() -> None:
    made = plan("paddle")
    for target in made.targets:
        alone = plan("paddle", target.name)
        # Alone, it waits for no other variant.
        assert set(names(alone)) <= made.stages_of(target)
        assert set(names(alone)) == alone.stages_of(alone.targets[0])


def build_steps(made: Plan) -> dict[str, tuple[str, str]]:
    """By variant: what its compile step waits for, and its text without that."""
    steps = {}
    for stage in made.stages:
        if stage.name.startswith("build-"):
            (run,) = (i for i in stage.instructions if isinstance(i, Run))
            (wait,) = (m for m in run.mounts if isinstance(m, Bind) and m.target == "/run/first")
            text = "\n".join(map(render_instruction, stage.instructions))
            steps[stage.name] = (wait.stage, text.replace(f"from={wait.stage},", "", 1))
    return steps


def test_the_others_wait_for_the_first_variant() -> None:
    waits = {name: wait for name, (wait, _) in build_steps(plan("paddle")).items()}
    assert waits == {
        "build-gpu": "compile",
        "build-cpu": "build-gpu",
        "build-noavx": "build-gpu",
        "build-gpu-noavx": "build-gpu",
    }
    # Without it, the first of those that are asked for.
    waits = {
        n: w
        for n, (w, _) in build_steps(plan("paddle", "binaries", variants=("noavx", "cpu"))).items()
    }
    assert waits == {"build-cpu": "compile", "build-noavx": "build-cpu"}


@pytest.mark.parametrize("case", ["paddle", "beacon"])
def test_a_subset_compiles_by_the_same_step(case: str) -> None:
    """Otherwise a variant would be compiled again because another one was not asked for."""
    variants = list(recipe(case).variants)
    whole = build_steps(plan(case, "binaries"))
    for count in range(1, len(variants)):
        for subset in itertools.combinations(variants, count):
            made = plan(case, "binaries", variants=subset)
            assert {t.variant for t in made.targets} == set(subset)
            for name, (_, text) in build_steps(made).items():
                # The content of what is waited for is the same file in every image.
                assert re.sub("from=[a-z-]+,", "", text) == re.sub(
                    "from=[a-z-]+,", "", whole[name][1]
                )
                assert text == whole[name][1]


@pytest.mark.parametrize("case", CASES)
def test_the_order_of_asking_changes_nothing(case: str) -> None:
    everything = [target.name for target in plan(case).targets]
    one, other = plan(case, *everything), plan(case, *reversed(everything))
    assert bake(one) == bake(other)
    assert containerfile(case, one) == containerfile(case, other)
    twice = plan(case, *everything, *everything)
    assert twice == one
    groups = ("apps" if recipe(case).only_app else "binaries", "all")
    assert bake(plan(case, *groups)) == bake(plan(case, *reversed(groups)))


def test_settings_and_dates_are_arguments_of_what_is_made_of_the_source() -> None:
    made = asked("paddle", settings={"TEST": "ON"})
    for target in made.targets:
        expected = {"SOURCE_DATE_EPOCH": "1700000000", "VERSION": "1.2.3", "TEST": "ON"}
        assert target.args == ({} if target.name in ("dev", "rootfs") else expected)
    one = asked("beacon", settings={"TRACE": "1", "SSL": "none"}, targets=("image-plain",))
    other = asked("beacon", settings={"SSL": "none", "TRACE": "1"}, targets=("image-plain",))
    assert bake(one) == bake(other)


USAGE = {
    "target": (
        {"targets": ("image-cup",)},
        "no target or group 'image-cup'",
        "did you mean 'image-cpu'?",
    ),
    "nothing like it": ({"targets": ("xyz",)}, "no target or group 'xyz'", "there are: binaries"),
    "variant": (
        {"variants": ("gpu-noavz",)},
        "no variant 'gpu-noavz'",
        "did you mean 'gpu-noavx'?",
    ),
    "option": ({"settings": {"TESTS": "ON"}}, "--set: no option 'TESTS'", "did you mean 'TEST'?"),
    "lower case": ({"settings": {"test": "ON"}}, "--set: no option 'test'", "there are: GPU, AVX"),
    "value": ({"settings": {"TEST": "yes"}}, "--set TEST=yes: not a value", "there are: ON, OFF"),
    "contradiction": (
        {"settings": {"AVX": "OFF"}},
        "--set AVX=OFF: variant cpu is defined by AVX=ON",
        "choose another variant",
    ),
    "contradicts one of two": (
        {"settings": {"AVX": "ON"}, "variants": ("cpu", "noavx")},
        "--set AVX=ON: variant noavx is defined by AVX=OFF",
        "choose another variant",
    ),
    "contradicts a target by name": (
        {"settings": {"GPU": "ON"}, "variants": ("gpu",), "targets": ("image-cpu",)},
        "--set GPU=ON: variant cpu is defined by GPU=OFF",
        "choose another variant",
    ),
    "contradicts the pages' variant": (
        {"settings": {"GPU": "ON"}, "targets": ("docs",)},
        "--set GPU=ON: variant cpu is defined by GPU=OFF",
        "choose another variant",
    ),
    "nothing left": (
        {"targets": ("build-cpu",), "variants": ("gpu",)},
        "nothing of build-cpu is in the variants asked for",
        "",
    ),
    "platform": (
        {"platforms": ("linux/x86_64",)},
        '--platform: "linux/x86_64" is not a platform\'s name',
        'did you mean "linux/amd64"?',
    ),
    "no platform at all": ({"platforms": ("foo",)}, '--platform: unknown platform "foo"', "linux/"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(case: str) -> None:
    request, message, hint = USAGE[case]
    with pytest.raises(UsageError) as caught:
        asked("paddle", **request)
    assert caught.value.message == message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_setting_concerns_only_what_is_built() -> None:
    made = asked("paddle", settings={"GPU": "ON"}, targets=("image-gpu",))
    assert made.targets[0].args["GPU"] == "ON"
    assert asked("paddle", settings={"GPU": "ON"}, variants=("gpu", "gpu-noavx"), targets=("debs",))
    assert asked("paddle", settings={"GPU": "ON"}, targets=("dev", "rootfs"))


def test_an_option_that_a_variant_leaves_open_can_be_set() -> None:
    made = asked("beacon", settings={"COLOR": "green"}, variants=("secure",), targets=("images",))
    assert [t.args["COLOR"] for t in made.targets] == ["green"] * 3  # platforms
    with pytest.raises(UsageError, match="variant plain is defined by COLOR=green"):
        asked("beacon", settings={"COLOR": "red"})


def test_platforms() -> None:
    assert plan("beacon").platforms == ("linux/amd64", "linux/arm64", "linux/arm/v7")
    assert asked("beacon", platforms=("linux/riscv64",)).platforms == ("linux/riscv64",)
    twice = asked("beacon", platforms=("linux/arm64", "linux/arm64"))
    assert twice.platforms == ("linux/arm64",)


def test_a_request_that_says_nothing_is_all() -> None:
    whole = resolve(recipe("make"), Request())
    assert list(whole.groups) == ["all"]
    assert whole.groups["all"] == tuple(target.name for target in whole.targets)


def test_package_names_conflicts_and_provides() -> None:
    fields, environments = {}, {}
    for stage in plan("paddle", "debs").stages:
        environments[stage.name] = [i for i in stage.instructions if isinstance(i, Env)]
        if stage.name.startswith("package-"):
            (run,) = (i for i in stage.instructions if isinstance(i, Run))
            pairs = (word[2:].split("=", 1) for word in run.argv[2:])
            fields[stage.name] = {key: value for key, value in pairs}
            assert stage.base == "packing"
    assert {name: f["package"] for name, f in fields.items()} == {
        "package-cpu": "paddle",
        "package-noavx": "paddle-noavx",
        "package-gpu": "paddle-gpu",
        "package-gpu-noavx": "paddle-gpu-noavx",
    }
    everyone = ", ".join(sorted(f["package"] for f in fields.values()))
    # Once for all of them: the text of a thousand variants is linear.
    assert environments["packing"] == [Env(name="PDBUILD_CONFLICTS", value=everyone)]
    for package in fields.values():
        assert "conflicts" not in package
        assert package.get("provides", "paddle") == "paddle"
    assert "provides" not in fields["package-cpu"]


def test_the_dev_image_of_a_thousand_variants_fits_a_command_line(tmp_path: Path) -> None:
    """Linux takes 2 MiB of words, each of 128 KiB (execve(2)). Twice the variants, twice that."""
    sizes = []
    for count in (500, 1000):
        values = ", ".join(f'"{n}"' for n in range(count))
        variants = "\n".join(f'v{n} = {{ N = "{n}" }}' for n in range(1, count))
        file = tmp_path / "pdbuild.toml"
        file.write_text(
            f'[project]\nname = "wide"\n[options]\nN = {{ values = [{values}], default = "0", '
            f'cmake = "N" }}\n[variants]\nv0 = {{ N = "0", default = true }}\n{variants}\n'
            '[package]\nmaintainer = "A <a@example.org>"\ndescription = "is wide"\n'
        )
        wide = load(file, blocks_dir=shipped.toolchain_dir())
        made = resolve(wide, dataclasses.replace(REQUEST, targets=("dev",)))
        runs = [i for s in made.stages for i in s.instructions if isinstance(i, Run)]
        words = [[len(word.encode()) + 1 for word in run.argv] for run in runs]
        assert max(map(max, words)) < 128 * 1024
        sizes.append(max(map(sum, words)))
    assert sizes[1] < 2 * 1024 * 1024
    assert sizes[1] < 2.2 * sizes[0]


def test_the_first_generator_that_was_not_left_out_makes_the_pages() -> None:
    both = recipe("paddle")
    with_woboq = dataclasses.replace(both, left_out={})
    for given, expected in ((both, "doxygen"), (with_woboq, "woboq")):
        made = resolve(given, dataclasses.replace(REQUEST, targets=("browse",)))
        (target,) = made.targets
        assert target.labels == {"org.pdbuild.generator": expected}
        script = next(stage for stage in made.stages if stage.name == "browse-build")
        assert f"/browse paddle {expected} -DWITH_" in render_instruction(script.instructions[-1])


def test_without_any_generator_there_are_no_pages_and_it_is_said() -> None:
    given = recipe("paddle")
    blocks = tuple(block for block in given.blocks if block.name != "doxygen")
    bare = dataclasses.replace(given, blocks=blocks, left_out={"woboq": "no answer"})
    assert "browse" not in {target.name for target in resolve(bare, REQUEST).targets}
    with pytest.raises(UsageError, match=r"no generator is at hand \(woboq: no answer\)"):
        resolve(bare, dataclasses.replace(REQUEST, targets=("browse",)))


def test_what_is_claimed_of_a_variant_needs_its_image_and_its_package() -> None:
    made = asked("paddle", targets=("verify-noavx",))
    assert [target.name for target in made.targets] == ["deb-noavx", "image-noavx"]
    assert [claims.name for claims in made.claims] == ["verify-noavx"]
    # No engine hears of it.
    assert "verify-" not in bake(made)


def test_claims_are_part_of_everything() -> None:
    made = plan("paddle")
    assert [claims.variant for claims in made.claims] == ["cpu", "noavx", "gpu", "gpu-noavx"]
    group = asked("paddle", targets=("verify",), variants=("cpu",))
    assert [claims.name for claims in group.claims] == ["verify-cpu"]
    assert group.groups == {}


def test_a_recipe_that_claims_nothing() -> None:
    assert plan("make").claims == ()
    with pytest.raises(UsageError, match="claims nothing"):
        asked("make", targets=("verify",))
