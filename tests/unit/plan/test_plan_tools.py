"""Compiler, linker and launcher in a plan: by the recipe, a variant and the command line."""

from pathlib import Path

import pytest

from pdbuild import options
from pdbuild.errors import UsageError
from pdbuild.plan.instructions import Arg
from pdbuild.plan.options import choose
from pdbuild.plan.types import Request
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Recipe
from pdbuild.resolve import resolve

BLOCKS = Path(__file__).parents[3] / "recipes" / "toolchain"


def recipe(folder: Path, blocks: str, build: str = "", variants: str = "") -> Recipe:
    text = f'[project]\nname = "x1"\n[toolchain]\nblocks = [{blocks}]\n[build]\n{build}\n'
    text += f"[variants]\n{variants or 'one = {}'}\n"
    (folder / "pdbuild.toml").write_text(text)
    return load(folder / "pdbuild.toml", blocks_dir=BLOCKS)


def tools(loaded: Recipe, variant: str = "one", **settings: str) -> dict[str, str]:
    """The build arguments of a variant that are about tools, with what is set."""
    plan = resolve(loaded, Request(targets=(f"binaries-{variant}",), settings=settings))
    (stage,) = (stage for stage in plan.stages if stage.name == f"build-{variant}")
    arguments = {i.name: i.default for i in stage.instructions if isinstance(i, Arg)}
    made = {k: str(v) for k, v in arguments.items() if k.startswith("PDBUILD_")}
    return made | {k: v for k, v in plan.targets[0].args.items() if k in made}


def test_one_compiler_is_no_choice(tmp_path: Path) -> None:
    assert tools(recipe(tmp_path, '"gcc", "cmake"')) == {}


def test_blocks_leave_a_choice(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, '"gcc", "clang", "lld", "ccache"')
    assert tools(loaded) == {
        "PDBUILD_COMPILER": "default",
        "PDBUILD_LINKER": "default",
        "PDBUILD_LAUNCHER": "ccache",
    }
    settings = dict(map(options.setting, ["compiler=clang", "linker=lld", "launcher=none"]))
    assert tools(loaded, **settings) == {
        "PDBUILD_COMPILER": "clang",
        "PDBUILD_LINKER": "lld",
        "PDBUILD_LAUNCHER": "none",
    }


def test_a_variant_names_its_own(tmp_path: Path) -> None:
    variants = 'one = { default = true }\ntwo = { compiler = "gcc" }'
    loaded = recipe(tmp_path, '"gcc", "clang"', 'compiler = "clang"', variants)
    assert tools(loaded) == {"PDBUILD_COMPILER": "clang"}
    assert tools(loaded, "two") == {"PDBUILD_COMPILER": "gcc"}
    # What the development image takes when nothing is said is the default variant.
    assert loaded.options["PDBUILD_COMPILER"].default == "clang"
    other = 'one = { default = true, compiler = "clang" }\ntwo = {}'
    loaded = recipe(tmp_path, '"gcc", "clang"', "", other)
    assert loaded.options["PDBUILD_COMPILER"].default == "clang"
    assert [tools(loaded, name)["PDBUILD_COMPILER"] for name in ("one", "two")] == [
        "clang",
        "default",
    ]
    loaded = recipe(tmp_path, '"gcc", "clang"', 'compiler = "clang"', variants)
    with pytest.raises(UsageError, match="variant two is defined by compiler=gcc"):
        tools(loaded, "two", PDBUILD_COMPILER="clang")
    # `pdbuild build --set compiler=gcc` is the variant that has it.
    assert choose(loaded, "", {"PDBUILD_COMPILER": "gcc"}).variant == "two"
    assert str(choose(loaded, "", {})) == "compiler=clang"


def test_what_no_block_has_cannot_be_set(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, '"gcc", "clang"')
    with pytest.raises(UsageError, match="compiler=icc: not a value"):
        tools(loaded, PDBUILD_COMPILER="icc")
    with pytest.raises(UsageError, match="no option 'linker'") as error:
        tools(loaded, PDBUILD_LINKER="mold")
    assert "name the blocks" in str(error.value.hint)


@pytest.mark.parametrize("hardening", [True, False])
def test_hardening_reaches_the_bake_and_the_development_image(
    hardening: bool, tmp_path: Path
) -> None:
    loaded = recipe(tmp_path, '"gcc"', f"hardening = {str(hardening).lower()}")
    plan = resolve(loaded, Request())
    stages = {stage.name: repr(stage.instructions) for stage in plan.stages}
    assert ("PDBUILD_HARDENING" in stages["compile"]) == hardening
    assert ("PDBUILD_HARDENING" in stages["dev"]) == hardening
    assert ("dpkg-dev" in stages["toolchain"]) == hardening
