"""Recipes of quite different projects load, and say what was written."""

import dataclasses
import json
from pathlib import Path

import pytest

from pdbuild.errors import PdbuildError, RecipeError
from pdbuild.recipe.load import find, load
from pdbuild.recipe.types import Recipe

ROOT = Path(__file__).parents[3]
BLOCKS = ROOT / "recipes" / "toolchain"
PADDLE = ROOT / "recipes" / "paddle.toml"
RECIPES = {
    "make": ROOT / "tests" / "recipes" / "make" / "pdbuild.toml",
    "autotools": ROOT / "tests" / "recipes" / "autotools" / "recipes" / "tally.toml",
}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mistakes(path: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(path, blocks_dir=BLOCKS)
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize("name", RECIPES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    recipe = load(RECIPES[name], blocks_dir=BLOCKS, hooks_dir=ROOT / "hooks")
    tables = dataclasses.asdict(recipe)
    tables["blocks"] = [block.name for block in recipe.blocks]
    tables["root"], tables["file"] = Path(recipe.root).name, Path(recipe.file).name
    seen = json.dumps(tables, indent=1) + "\n"
    golden = Path(__file__).parent / "golden" / f"{name}.json"
    if request.config.getoption("--update-golden"):
        golden.write_text(seen)
    assert seen == golden.read_text()


def test_paddle() -> None:
    recipe = load(PADDLE, blocks_dir=BLOCKS, hooks_dir=ROOT / "hooks")
    assert recipe.default_variant == "cpu"
    assert list(recipe.variants) == ["cpu", "noavx", "gpu", "gpu-noavx"]
    assert (recipe.root, recipe.source) == (ROOT.as_posix(), "examples/paddle")


@pytest.mark.parametrize("block", sorted(path.stem for path in BLOCKS.glob("*.toml")))
def test_shipped_blocks_and_their_hooks(block: str, tmp_path: Path) -> None:
    text = f'[project]\nname = "x1"\n[toolchain]\nblocks = ["{block}"]\n'
    loaded = load(write(tmp_path / "pdbuild.toml", text), blocks_dir=BLOCKS).blocks[-1]
    assert loaded.name == block
    for hook in filter(None, (loaded.check, loaded.install)):
        assert (ROOT / "hooks" / hook).is_file()


def test_the_smallest_recipe(tmp_path: Path) -> None:
    recipe = load(write(tmp_path / "pdbuild.toml", 'project.name = "x1"'), blocks_dir=BLOCKS)
    assert (recipe.source, recipe.root) == (".", tmp_path.as_posix())
    assert recipe.default_variant == "default"
    assert recipe.package is None and recipe.image is None and recipe.docs is None
    hash(recipe.project)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """In a recipe, in what it extends and in a block; lines are counted as ever."""
    mark = "\ufeff"
    block = 'description = "ours"\ncheck = "check/own"\n'
    write(tmp_path / "toolchain" / "own.toml", mark + block)
    write(tmp_path / "below.toml", mark + 'toolchain.blocks = ["own"]\n')
    path = write(tmp_path / "pdbuild.toml", mark + 'extends = "below.toml"\nproject.name = "x1"\n')
    assert load(find(tmp_path, None), blocks_dir=BLOCKS).blocks[0].description == "ours"
    path.write_text(mark + 'project.name = "X"\n')
    assert mistakes(path)[0].startswith(f"{path}:1: project.name: ")
    write(tmp_path / "recipes" / "one.toml", mark + 'project.name = "x1"\n')
    path.unlink()
    assert find(tmp_path, None).name == "one.toml"


def test_a_single_variant_is_the_default(tmp_path: Path) -> None:
    text = 'project.name = "x1"\noptions.A.default = "ON"\nvariants.only.A = "OFF"\n'
    assert load(write(tmp_path / "r.toml", text), blocks_dir=BLOCKS).default_variant == "only"


def test_a_projects_own_block_comes_first(tmp_path: Path) -> None:
    write(tmp_path / "toolchain" / "gcc.toml", 'description = "ours"\ncheck = "check/gcc"\n')
    path = write(tmp_path / "r.toml", '[project]\nname = "x1"\n[toolchain]\nblocks = ["gcc"]\n')
    assert load(path, blocks_dir=BLOCKS).blocks[0].description == "ours"


def test_blocks_bring_what_they_require_before_them(tmp_path: Path) -> None:
    def order(*named: str) -> list[str]:
        text = f'[project]\nname = "x1"\n[toolchain]\nblocks = {json.dumps(named)}\n'
        return [b.name for b in load(write(tmp_path / "r.toml", text), blocks_dir=BLOCKS).blocks]

    assert order("nvcc") == ["gcc", "python", "nvcc"]
    assert order("sphinx", "nvcc", "gcc") == ["sphinx", "gcc", "python", "nvcc"]
    for name, requires in (("top", '["nvcc", "left"]'), ("left", '["nvcc", "git"]')):
        text = f'description = "x"\ncheck = "check/x"\nrequires = {requires}\n'
        write(tmp_path / "toolchain" / f"{name}.toml", text)
    assert order("top") == ["gcc", "python", "nvcc", "git", "left", "top"]


def test_a_parameter_may_be_of_a_block_that_another_requires(tmp_path: Path) -> None:
    write(
        tmp_path / "toolchain" / "top.toml",
        'description = "x"\ncheck = "check/x"\nrequires = ["nvcc"]\n',
    )
    text = 'project.name = "x1"\ntoolchain = { blocks = ["top"], nvcc = { version = "12" } }\n'
    recipe = load(write(tmp_path / "r.toml", text), blocks_dir=BLOCKS)
    assert recipe.toolchain.parameters["nvcc"] == {"version": "12"}


def test_extends_merges_by_field(tmp_path: Path) -> None:
    write(
        tmp_path / "below.toml",
        """
        [toolchain]
        blocks = ["gcc", "python", "nvcc"]
        packages = ["a1", "b1"]
        nvcc = { version = "12" }
        [options]
        GPU = { default = "OFF", cmake = "WITH_GPU" }
        [variants]
        cpu = { GPU = "OFF", default = true }
        [build]
        arguments = ["-D", "A=1"]
        environment = { A = "1", B = "2" }
        [image]
        command = ["one"]
        expose = [80]
        """,
    )
    path = write(
        tmp_path / "r.toml",
        """
        extends = "below.toml"
        [project]
        name = "x1"
        [toolchain]
        packages = ["b1", "c1"]
        nvcc = { architectures = ["75"] }
        [options]
        GPU = { default = "ON" }
        [variants]
        gpu = { GPU = "ON" }
        [build]
        arguments = ["-D", "B=2"]
        environment = { B = "3" }
        [image]
        command = ["two"]
        expose = [80, 443]
        """,
    )
    recipe = load(path, blocks_dir=BLOCKS)
    assert recipe.toolchain.packages == ("a1", "b1", "c1")
    assert recipe.toolchain.parameters == {"nvcc": {"version": "12", "architectures": ("75",)}}
    assert (recipe.options["GPU"].default, recipe.options["GPU"].cmake) == ("ON", "WITH_GPU")
    assert list(recipe.variants) == ["cpu", "gpu"]
    assert recipe.build.arguments == ("-D", "A=1", "-D", "B=2")
    assert recipe.build.environment == {"A": "1", "B": "3"}
    assert recipe.image is not None
    assert (recipe.image.command, recipe.image.expose) == (("two",), (80, 443))


def test_extends_reads_a_shared_file_once_and_below_both(tmp_path: Path) -> None:
    write(tmp_path / "root.toml", 'base.suite = "a"\n')
    write(tmp_path / "left.toml", 'extends = "root.toml"\nbase.suite = "b"\n')
    write(tmp_path / "right.toml", 'extends = "root.toml"\n[docs]\nsource = "."\n')
    path = write(
        tmp_path / "r.toml", 'extends = ["left.toml", "right.toml"]\nproject.name = "x1"\n'
    )
    assert load(path, blocks_dir=BLOCKS).base.suite == "b"


def test_a_long_chain_of_extends_ends(tmp_path: Path) -> None:
    for number in range(50):
        write(tmp_path / f"{number}.toml", f'extends = "{number + 1}.toml"\nproject.name = "x1"\n')
    assert "extend one another" in " ".join(mistakes(tmp_path / "0.toml"))


def test_an_unknown_hook_of_pdbuild(tmp_path: Path) -> None:
    text = '[project]\nname = "x1"\n[build]\nhook = "biuld"\n'
    with pytest.raises(RecipeError) as caught:
        load(write(tmp_path / "r.toml", text), blocks_dir=BLOCKS, hooks_dir=ROOT / "hooks")
    assert caught.value.mistakes[0].hint == 'did you mean "build"?'


def test_files_that_cannot_be_recipes(tmp_path: Path) -> None:
    assert "no such file" in mistakes(tmp_path / "none.toml")[0]
    assert "is a folder" in mistakes(tmp_path)[0]
    assert "not a regular file" in mistakes(Path("/dev/null"))[0]
    large = write(tmp_path / "large.toml", "#" * (1 << 20) + "\n")
    assert "larger than 1 MiB" in mistakes(large)[0]
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    assert "cannot be read" in mistakes(loop)[0]
    assert "cannot be read" in mistakes(tmp_path / ("n" * 300 + ".toml"))[0]


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 200_000 + " = 1",
        "[a" + ".a" * 200_000 + "]",
        "x = " + "[" * 100_000,
        "x = " + "{a=" * 300 + "1" + "}" * 300,
        "project.name = " + "9" * 5000,
        "image.expose = [0x" + "f" * 5000 + "]",
        "image.expose = [-99999999999999999999, 1e400, nan]",
        "base.suite = 1979-13-01",
        'project.name = "' + "x" * 100_000 + '"',
        '"' + "k" * 100_000 + '" = 1',
        'project.source = "' + "x/" * 5000 + '"',
        'project.source = "\\u0000"',
        'extends = "\\u0000.toml"',
        'extends = "/dev/zero"',
        'extends = ["' + "x" * 5000 + '"]',
        'extends = ""',
        "variants = []",
        "variants.a.options = {}",
        "toolchain = { parameters = { a = 1 } }",
        'toolchain.gcc = { a = [["x"]] }',
        'blocks = ["gcc"]\nfile = "x"\nroot = 1\nsource = []',
    ],
)
def test_hostile_text_ends_in_mistakes(text: str, tmp_path: Path) -> None:
    for path in (tmp_path / "r.toml", tmp_path / "recipes" / "r.toml"):
        assert mistakes(write(path, text + "\n"))


def test_any_error_is_pdbuilds(tmp_path: Path) -> None:
    """Bytes cut off, changed, doubled and swapped: a recipe or a PdbuildError, never another."""
    import random

    random.seed(20240229)
    whole = PADDLE.read_bytes().replace(b"../examples/paddle", b".")
    path = tmp_path / "paddle.toml"
    (tmp_path / "docs").mkdir()
    loaded = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            at, to = sorted(random.choices(range(len(content) + 1), k=2))
            kind = random.randrange(5)
            if kind == 0:
                del content[at : min(to, at + 40)]
            elif kind == 1:
                content[at:at] = content[at : min(to, at + 60)]
            elif kind == 2:
                content[at:at] = random.choice(
                    [b'"', b"[", b"]", b"{}", b"=", b"\n", b"\xff", b"\0", b"1", b".", b"true"]
                )
            elif kind == 3 and at < len(content):
                content[at] ^= 1 << random.randrange(8)
            elif random.random() < 0.1:
                del content[to:]
        path.write_bytes(content)
        try:
            assert isinstance(load(path, blocks_dir=BLOCKS), Recipe)
            loaded += 1
        except PdbuildError as error:
            assert error.message
    assert 0 < loaded < 300
