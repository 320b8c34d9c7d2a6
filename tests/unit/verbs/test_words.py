"""How the verbs' words become values: `run`'s splitting as a table, and the shared options."""

import argparse
import contextlib
import shutil
import types
from pathlib import Path

import pytest

from pdbuild import baking, options
from pdbuild.choices import Access
from pdbuild.errors import EngineError, UsageError
from pdbuild.transfer import push
from pdbuild.verbs import bake, run
from pdbuild.verify import report


def split(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    run.configure(parser)
    return run.parse(parser, list(words))


# Words → the program's words, and what of our options is not as without any.
SPLITS: dict[str, tuple[list[str], dict[str, object]]] = {
    "a.py": (["a.py"], {}),
    "a.py one two": (["a.py", "one", "two"], {}),
    "--variant gpu a.py": (["a.py"], {"variant": ["gpu"]}),
    "--variant=gpu a.py": (["a.py"], {"variant": ["gpu"]}),
    "a.py --variant gpu": (["a.py"], {"variant": ["gpu"]}),
    "a.py --variant=gpu x --variant=y": (["a.py", "x", "--variant=y"], {"variant": ["gpu"]}),
    "a.py x --variant gpu": (["a.py", "x", "--variant", "gpu"], {}),
    "a.py -it x": (["a.py", "x"], {"interactive": True, "tty": True}),
    "-it a.py": (["a.py"], {"interactive": True, "tty": True}),
    "-itd a.py": (["a.py"], {"interactive": True, "tty": True, "detach": True}),
    "-e A=1 -e B=2 a.py": (["a.py"], {"env": ["A=1", "B=2"]}),
    "-eA=1 a.py": (["a.py"], {"env": ["A=1"]}),
    "--env=A=1=2 a.py": (["a.py"], {"env": ["A=1=2"]}),
    "a.py -e A=1 -v /a:/b --set T=ON": (
        ["a.py"],
        {"env": ["A=1"], "volume": ["/a:/b"], "set": ["T=ON"]},
    ),
    # The first word that is none of ours begins the program's own.
    "a.py --epochs 3 --variant gpu": (["a.py", "--epochs", "3", "--variant", "gpu"], {}),
    "a.py -x": (["a.py", "-x"], {}),
    "a.py -itx": (["a.py", "-itx"], {}),
    "python3 -c pass": (["python3", "-c", "pass"], {}),
    "python3 -": (["python3", "-"], {}),
    # An image may stand before the program.
    "x:1 a.py --variant gpu": (["x:1", "a.py"], {"variant": ["gpu"]}),
    "x:1 --variant gpu a.py -d b -d": (
        ["x:1", "a.py", "b", "-d"],
        {"variant": ["gpu"], "detach": True},
    ),
    "a.py x:1 -d": (["a.py", "x:1", "-d"], {}),
    # Two hyphens end ours.
    "-- a.py --variant gpu": (["a.py", "--variant", "gpu"], {}),
    "a.py -- -d --variant gpu": (["a.py", "-d", "--variant", "gpu"], {}),
    "a.py -- --": (["a.py", "--"], {}),
    "a.py -d -- -- x": (["a.py", "--", "x"], {"detach": True}),
    "--": ([], {}),
    "": ([], {}),
    "--variant gpu": ([], {"variant": ["gpu"]}),
}


@pytest.mark.parametrize("line", SPLITS)
def test_options_and_program(line: str) -> None:
    program, ours = SPLITS[line]
    seen, default = vars(split(*line.split())), vars(split())
    assert seen.pop("program") == program
    assert {name: value for name, value in seen.items() if value != default[name]} == ours


@pytest.mark.parametrize(
    "words", [["--nope", "a.py"], ["--variant"], ["a.py", "-e"], ["-z"], ["-"]]
)
def test_what_is_neither_ours_nor_a_program(words: list[str]) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        split(*words)


def test_words_of_the_program_arrive_as_they_are() -> None:
    odd = ["a b.py", "", "--x=y z", "é", "$HOME", "*", "\n"]
    assert split(odd[0], "--", *odd[1:]).program == odd


IMAGES = ("x:1", "localhost/paddle:0.1-gpu", "host.example:5000/a/b:c", "a:5000/x:1")
PROGRAMS = ("a.py", "python3", "./x:1", "x:", ":1", "X:1", "a b:c", "/x:1", "http://x", "here:1")


def test_a_name_with_a_tag_is_an_image_unless_it_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here:1").touch()
    for image in IMAGES:
        assert options.image_and_program(split(image, "a.py")) == (image, ("a.py",))
    for program in PROGRAMS:
        assert options.image_and_program(split(program, "a.py")) == ("", (program, "a.py"))


def test_a_bare_variable_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDBUILD_TEST_X", "a=b")
    assert options.pair("PDBUILD_TEST_X") == ("PDBUILD_TEST_X", "a=b")
    assert options.pair("X=") == ("X", "")
    assert options.pair("X=a=b c") == ("X", "a=b c")


def test_choices() -> None:
    parser = argparse.ArgumentParser()
    bake.configure(parser)
    words = "--variant=a,b --variant c --set A=1=2 --set B= --platform=linux/amd64,linux/arm64 t u"
    arguments = parser.parse_intermixed_args(words.split())
    choices = options.choices(arguments, tuple(arguments.target))
    assert choices.variants == ("a", "b", "c")
    assert choices.settings == {"A": "1=2", "B": ""}
    assert choices.platforms == ("linux/amd64", "linux/arm64")
    assert choices.targets == ("t", "u")


def test_what_nobody_watches_keeps_going(monkeypatch: pytest.MonkeyPatch) -> None:
    def keeps_going(*words: str) -> bool:
        parser = argparse.ArgumentParser()
        bake.configure(parser)
        return options.building(parser.parse_args(words)).keep_going

    monkeypatch.delenv("CI", raising=False)
    assert keeps_going()
    assert not keeps_going("--no-keep-going")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert not keeps_going()
    assert keeps_going("--keep-going")
    monkeypatch.setenv("CI", "true")
    assert keeps_going()
    monkeypatch.setenv("CI", "false")
    assert not keeps_going()


def test_building(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    parser = argparse.ArgumentParser()
    bake.configure(parser)
    made = options.building(parser.parse_args(["-q", "--progress=plain", "--keep-going"]))
    assert (made.progress, made.keep_going) == ("quiet", True)
    made = options.building(parser.parse_args(["--builder=mine", "--progress=json"]))
    assert (made.progress, made.builder, made.keep_going) == ("json", "mine", False)


def test_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert options.mount("data:/data").source == tmp_path / "data"
    mount = options.mount(f"{tmp_path}:/x y:ro")
    assert (mount.target, mount.read_only) == ("/x y", True)
    assert not options.mount("data:/data:rw").read_only
    for wrong in ("data", "data:", ":/x", "data:x", "data:/x:rx", "data:/x:ro:z", "none:/x"):
        with pytest.raises(UsageError):
            options.mount(wrong)


def test_a_device_is_a_node_or_a_name_of_cdi() -> None:
    for right in ("nvidia.com/gpu=all", "nvidia.com/gpu=1:0", "/dev/null", "/dev/null:/dev/x:r"):
        assert options.device(right) == right
    for wrong in ("", "gpu", "all", "nvidia.com/gpu", "nvidia.com/gpu=", "a b/c=d", "/dev/none"):
        with pytest.raises(UsageError):
            options.device(wrong)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "a.example.org/x"), "are about --push"),
        (("--insecure",), "are about --push"),
        (("--push",), r"pdbuild.toml has no \[registry\] to"),
        (("--push", "--to", "x"), "begins with no registry"),
        (("--push", "--to", "a.example.org/x", "dev"), "no production image is asked for"),
    ],
)
def test_what_cannot_be_pushed_is_said_before_the_bake(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(__file__).parents[2] / "recipes/make", tmp_path / "make")
    monkeypatch.chdir(tmp_path / "make")
    parser = argparse.ArgumentParser(exit_on_error=False)
    bake.configure(parser)
    with pytest.raises(UsageError, match=said):
        bake.run(parser.parse_args(words))


@pytest.mark.parametrize("holds", [True, False])
def test_images_are_pushed_when_they_are_baked_and_judged(
    holds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(__file__).parents[2] / "recipes/make", tmp_path / "make")
    monkeypatch.chdir(tmp_path / "make")
    monkeypatch.setenv("PDBUILD_DATA_DIR", str(tmp_path / "data"))
    done: list[object] = []
    result = types.SimpleNamespace(judged=("a claim",), rows=())
    monkeypatch.setattr(baking, "engine_for", lambda options: None)
    monkeypatch.setattr(baking, "bake_plan", lambda *_, **__: done.append("baked") or result)

    def refuse(judged: object, *, strict: bool) -> None:
        done.append("judged")
        if not holds:
            raise EngineError("a claim does not hold")

    def sent(store: object, references: object, to: str, access: Access, **_: object) -> tuple[()]:
        done.append((references, to, access))
        return ()

    monkeypatch.setattr(report, "refuse", refuse)
    monkeypatch.setattr(push, "push", sent)
    parser = argparse.ArgumentParser(exit_on_error=False)
    bake.configure(parser)
    words = ("-q", "images", "binaries", "--push", "--to=a.example.org/x", "--insecure")
    with contextlib.nullcontext() if holds else pytest.raises(EngineError):
        assert bake.run(parser.parse_intermixed_args(words)) == 0
    tags = ("localhost/greet:1.2.0", "localhost/greet:1.2.0-french")
    pushed = [(tags, "a.example.org/x", Access(insecure=True))] if holds else []
    assert done == ["baked", "judged", *pushed]
