"""The command line as a process sees it: text, exit codes, signals, pipes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pdbuild import cli, programs, verbs
from pdbuild.errors import EngineError, Interrupted, Mistake, RecipeError, UsageError
from pdbuild.verbs import VERBS

PDBUILD = (sys.executable, "-m", "pdbuild")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """State and a working directory of the test's own; the signals as they were after it."""
    folder = tmp_path / "state"
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(folder / name))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # as users have it
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield folder
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def run(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PDBUILD, *words],
        capture_output=True,
        text=True,
        check=False,
        **settings,  # type: ignore[call-overload]
    )


def recipe(text: str = "") -> None:
    head = 'project.name = "x1"\nproject.version = "1.0"\n'
    Path("pdbuild.toml").write_text(head + text)


def test_alone_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 0
    text = capsys.readouterr().out
    for verb, line in VERBS.items():
        assert re.search(rf"^  {verb} +{re.escape(line)}$", text, re.MULTILINE), verb
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([verb, "--help"])
    assert left.value.code == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: pdbuild {verb}") and not err
    assert all(len(line) < 200 for line in out.splitlines())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert re.fullmatch(r"pdbuild \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


USAGE = {
    "no such verb": (["bakr"], "no command 'bakr'", "did you mean 'bake'?"),
    "nothing like it": (["xyzzy"], "no command 'xyzzy'", "pdbuild --help"),
    "an option before the verb": (["--quiet", "bake"], "unrecognized arguments: --quiet", "--help"),
    "an unknown option": (
        ["bake", "--tragets"],
        "unrecognized arguments: --tragets",
        "bake --help",
    ),
    "an abbreviated option": (["bake", "--varia=x"], "unrecognized arguments: --varia=x", "--help"),
    "a missing value": (["bake", "--variant"], "argument --variant: expected one argument", ""),
    "a bad choice": (["bake", "--progress=loud"], "invalid choice: 'loud'", "bake --help"),
    "a missing argument": (["logs"], "arguments are required: ID", "pdbuild logs --help"),
    "no number": (["stop", "x", "--timeout=soon"], "invalid int value: 'soon'", ""),
    "no program": (["run"], "run: no program", "pdbuild run [OPTIONS] [IMAGE:TAG] PROGRAM"),
    "an unknown image": (["run", "x:1", "a"], "no image x:1 in the store", "pdbuild images lists"),
    "an unknown image's shell": (["shell", "x:1"], "no image x:1 in the store", "pdbuild images"),
    "an unknown image in the list": (["images", "x"], "there is no image x in the store", ""),
    "an image and a variant": (
        ["run", "x:1", "--variant=gpu", "a"],
        "x:1 is an image: --variant would choose another",
        "",
    ),
    "an image and nothing to run": (["run", "x:1"], "run: no program", "[IMAGE:TAG] PROGRAM"),
    "an image and a target": (["shell", "--at", "dev", "x:1"], "--at is about a target", ""),
    "a setting without a value": (["bake", "--set", "GPU"], "--set GPU: not OPTION=VALUE", ""),
    "a setting without a name": (["bake", "--set", "=ON"], "--set =ON: not OPTION=VALUE", ""),
    "a mount": (["run", "-v", "a", "x"], "-v a: not SOURCE:/TARGET", ""),
    "a mount of nothing": (["run", "-v", "/no/no:/x", "x"], "there is no /no/no", ""),
    "a variable without a name": (["run", "-e", "=1", "x"], "'=1' is not NAME=VALUE", ""),
    "no recipe": (["bake"], "no recipe in", "`pdbuild init` writes one"),
    "a recipe that is not there": (["bake", "--recipe=x"], 'there is no recipe "x"', ""),
    "no processors": (["bake", "--jobs=0"], "0 is not a number of at least one", ""),
    "a negative number": (["prune", "--keep=-1"], "--keep -1: not a number of versions", ""),
    "init of nothing": (["init"], "no CMakeLists.txt,", "go to the top of a project"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, message, hint = USAGE[case]
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    first, *rest = err.splitlines()
    assert not out and first.startswith("error: ") and message in first
    assert (hint in rest[0] and rest[0].startswith("  hint: ")) if hint else len(rest) < 2
    assert "Traceback" not in err


REQUESTS = {
    "target": (["bake", "binary-default", "--print"], "no target or group 'binary-default'"),
    "print what": (["bake", "--print=containrfile"], "no target or group 'containrfile'"),
    "variant": (["bake", "--variant=defaul", "--print"], "no variant 'defaul'"),
    "option": (["bake", "--set=TSET=ON", "--print"], "no option 'TSET'"),
    "value": (["bake", "--set=TEST=on", "--print"], "--set TEST=on: not a value"),
    "platform": (["bake", "--platform=amd64", "--print"], '"amd64" is not a platform\'s name'),
    "platform, bare": (["bake", "--platform=foo", "--print"], 'unknown platform "foo"'),
    "engine": (["bake", "--engine=docker"], "no engine 'docker'"),
    "run: no image": (["run", "x"], "has no [image]"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_what_the_recipe_does_not_have(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    recipe('[options]\nTEST = { default = "OFF" }\n')
    words, message = REQUESTS[case]
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert not out and message in err.splitlines()[0] and "  hint: " in err


def test_run_takes_one_variant(capsys: pytest.CaptureFixture[str]) -> None:
    recipe('options.A.default = "ON"\n[variants]\na.default = true\nb.A = "OFF"\n[image]\n')
    assert cli.main(["run", "--variant=a,b", "x"]) == 2
    assert cli.main(["run", "--variant=c", "x"]) == 2
    assert "no variant 'c'" in capsys.readouterr().err


def test_print_shows_both_texts_and_builds_nothing(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe()
    assert cli.main(["bake", "--print", "dev"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("{\n") and '"dev"' in out and '"binaries-default"' not in out
    assert "not bootstrapped" in err
    assert cli.main(["bake", "dev", "--print=containerfile"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# x1: generated by pdbuild from pdbuild.toml.")
    assert not Path("build").exists() and not (state / "DATA" / "images").exists()


def verb(monkeypatch: pytest.MonkeyPatch, error: BaseException | None, code: int = 0) -> list[str]:
    """A verb that ends so; `main` finds it as it finds the others."""

    def end(arguments: object) -> int:
        if error:
            raise error
        return code

    module = SimpleNamespace(configure=lambda parser: None, run=end)
    monkeypatch.setitem(VERBS, "end", "end at once")
    monkeypatch.setitem(sys.modules, "pdbuild.verbs.end", module)  # type: ignore[arg-type]
    return ["end"]


ENDS = {
    "done": (None, 0, ""),
    "known": (EngineError("it failed", hint="mend it"), 1, "error: it failed\n  hint: mend it\n"),
    "complete": (EngineError("error: a report\n  | line"), 1, "error: a report\n  | line\n"),
    "usage": (UsageError("wrong", hint="right"), 2, "error: wrong\n  hint: right\n"),
    "interrupted": (Interrupted("stopped"), 130, "error: stopped\n"),
    "ctrl-c": (KeyboardInterrupt(), 130, "error: interrupted\n"),
    "a full disk": (
        OSError(28, "No space left on device", "/x/y"),
        1,
        "error: /x/y: No space left on device\n",
    ),
    "a file that may not be read": (
        PermissionError(13, "Permission denied", "/x"),
        1,
        "error: /x: Permission denied\n",
    ),
    "mistakes": (
        RecipeError((Mistake("b.toml", 2, "k", "bad"), Mistake("a.toml", 0, "", "gone", "look"))),
        1,
        "error: a.toml: gone\n  hint: look\nerror: b.toml:2: k: bad\n",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_ends(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error, code, text = ENDS[case]
    assert cli.main(verb(monkeypatch, error)) == code
    said = capsys.readouterr().err
    if case == "a full disk":  # how much is free, and where, is the machine's
        said, _, hint = said.partition("  hint: ")
        assert "free; `pdbuild prune --caches` frees" in hint
    assert said == text


def test_a_programs_own_code_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(verb(monkeypatch, None, code=77)) == 77


@pytest.mark.parametrize(
    "error",
    [RuntimeError("no\nway"), KeyError("x"), OSError(9, "Bad file descriptor"), MemoryError()],
)
def test_a_bug_leaves_a_log_and_no_traceback(
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: Path,
) -> None:
    assert cli.main(verb(monkeypatch, error)) == 3
    err = capsys.readouterr().err
    assert err.startswith("error: this is a bug in pdbuild: ") and "Traceback" not in err
    (log,) = (state / "CACHE").glob("bug-*.log")
    assert str(log) in err
    assert "Traceback" in log.read_text() and type(error).__name__ in log.read_text()


def test_a_bug_with_no_place_for_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert cli.main(verb(monkeypatch, RuntimeError("no way"))) == 3
    err = capsys.readouterr().err
    assert "this is a bug in pdbuild: RuntimeError: no way" in err and "Traceback" not in err


# The same through a real process, whose last words are the interpreter's.


def test_exit_codes_of_a_process() -> None:
    recipe()
    seen = run("bake", "--print=containerfile")
    assert (seen.returncode, seen.stderr) == (0, "")
    Path("pdbuild.toml").write_text("[projcet]\n")
    seen = run("bake")
    assert seen.returncode == 1 and seen.stderr.startswith("error: pdbuild.toml")
    assert run("bakr").returncode == 2
    assert run().returncode == 0


_BUG = """
import sys, types
from pdbuild import cli, programs, verbs
verbs.VERBS["boom"] = "fail"
def run(arguments): raise ZeroDivisionError("by design")
sys.modules["pdbuild.verbs.boom"] = types.SimpleNamespace(configure=lambda p: None, run=run)
sys.exit(cli.main(["boom"]))
"""


def test_a_bug_in_a_process(state: Path) -> None:
    seen = subprocess.run([sys.executable, "-c", _BUG], capture_output=True, text=True, check=False)
    assert seen.returncode == 3 and seen.stdout == ""
    assert seen.stderr.splitlines()[0] == (
        "error: this is a bug in pdbuild: ZeroDivisionError: by design"
    )
    assert "Traceback" not in seen.stderr and list((state / "CACHE").glob("bug-*.log"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_verb(number: signal.Signals, tmp_path: Path) -> None:
    """`init` asks git for the user's name; git waits for its configuration, a named pipe."""
    Path("Makefile").touch()
    pipe = tmp_path / "gitconfig"
    os.mkfifo(pipe)
    running = subprocess.Popen(
        [*PDBUILD, "init"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": str(pipe)},
    )  # fmt: skip
    with running, pipe.open("w"):  # opens when git has come so far
        running.send_signal(number)
        out, err = running.communicate(timeout=20)
        pipe.unlink()
        pipe.touch()  # git reads its configuration twice, and would wait for ever
    assert (running.returncode, out, err) == (130, "", "error: interrupted\n")
    assert not Path("pdbuild.toml").exists()


@pytest.mark.parametrize(
    "words", [["--help"], ["bake", "--help"], ["bake", "--print=containerfile"]]
)
def test_nobody_reads(words: list[str]) -> None:
    """As in `pdbuild … | head -1` when head has gone."""
    recipe()
    read, write = os.pipe()
    os.close(read)
    try:
        seen = subprocess.run(
            [*PDBUILD, *words], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert (seen.returncode, seen.stderr) == (141, "")


def test_the_disk_is_full() -> None:
    recipe()
    with Path("/dev/full").open("w") as full:
        seen = subprocess.run(
            [*PDBUILD, "bake", "--print=containerfile"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (seen.returncode, seen.stderr) == (1, "error: No space left on device\n")


def test_output_is_closed() -> None:
    recipe()
    seen = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *PDBUILD, "bake", "--print=containerfile"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (seen.returncode, seen.stderr) == (0, "")


def imports(*arguments: str) -> set[str]:
    """The modules that a Python process with these arguments imports."""
    seen = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in seen.stderr.splitlines()}


def test_a_verb_is_one_file() -> None:
    files = {path.stem for path in Path(verbs.__file__).parent.glob("[!_]*.py")}
    assert files == set(VERBS)


_HELPS = """
import contextlib, io, os, sys
from pdbuild import cli
for verb in sys.argv[1:]:
    if os.fork() == 0:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            cli.main([verb, "--help"])
        print(verb, *(name for name in sys.modules if name.startswith("pdbuild")), flush=True)
        os._exit(0)
    os.wait()
"""


def test_help_imports_little_more_than_arguments() -> None:
    """What a verb needs is imported when it is used."""
    seen = subprocess.run(
        [sys.executable, "-c", _HELPS, *VERBS], capture_output=True, text=True, check=True
    )
    imported = {verb: set(names) for verb, *names in map(str.split, seen.stdout.splitlines())}
    assert set(imported) == set(VERBS)
    light = {"", "choices", "cli", "container", "errors", "looks", "options", "pages", "verbs"}
    allowed = {f"pdbuild.{name}".rstrip(".") for name in light}
    for verb, ours in imported.items():
        assert ours - allowed <= {f"pdbuild.verbs.{verb}"}, verb


PARTS = "baking container.direct container.loading container.podman engine.buildkit inner.inside"


def test_what_is_heavy_is_imported_when_it_is_used() -> None:
    """What a bake, a build or a run imports, whether there is something to do or not."""
    found = imports("-c", "; ".join(f"import pdbuild.{part}" for part in PARTS.split()))
    assert "pdbuild.whales" in found and "pdbuild.programs" in found
    assert not {"python_on_whales", "plumbum", "tree_sitter"} & found


def test_a_run_of_what_is_known_to_be_up_to_date_imports_little() -> None:
    """It has a third of the time that podman takes to start a container."""
    parts = ("cli", "verbs.run", "lastrun", "container.podman")
    found = imports("-c", "; ".join(f"import pdbuild.{part}" for part in parts))
    heavy = {"plumbum", "pydantic", "python_on_whales", "tomli", "pdbuild.plan", "pdbuild.recipe"}
    assert not (heavy | {"pdbuild.store", "pdbuild.account", "pdbuild.engine"}) & found


@pytest.mark.parametrize(
    "words", ["-v bake --print", "bake -v --print", "bake --print --verbose", "bake --print"]
)
def test_verbose_stands_anywhere(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe()
    asked: list[bool] = []
    monkeypatch.setattr(programs, "tell", lambda: asked.append(True))
    monkeypatch.setenv("PDBUILD_DEBUG", "")
    assert cli.main(words.split()) == 0
    assert bool(asked) == bool(os.environ["PDBUILD_DEBUG"]) == ("-v" in words)


def test_verbose_tells_what_is_started() -> None:
    recipe()
    git = f"+ git -C {Path.cwd()} log -1 --no-show-signature '--format=%H %ct'\n"
    seen = run("bake", "--print", "-v")
    assert seen.returncode == 0 and seen.stdout.startswith("{") and seen.stderr.startswith(git)
    by_variable = run("bake", "--print", env={**os.environ, "PDBUILD_DEBUG": "1"})
    assert by_variable.stderr.startswith(git)
    assert "\n+ " not in f"\n{run('bake', '--print').stderr}"


@pytest.mark.parametrize("words", ["--help", "bake --help", "run --help", "bake --print"])
def test_nothing_heavy_is_imported_for_what_does_without(words: str) -> None:
    """Each of these takes longer to import than all that is needed here."""
    heavy = {"python_on_whales", "plumbum", "tree_sitter", "tree_sitter_toml"}
    if "--help" in words:
        heavy.add("pydantic")  # which checks recipes
    recipe()
    found = imports("-m", "pdbuild", *words.split())
    assert "argparse" in found and ("--help" in words or "pdbuild.render.bakefile" in found)
    assert not {name for name in found if name.partition(".")[0] in heavy}


def test_the_command_line_alone_imports_little() -> None:
    ours = {name for name in imports("-c", "import pdbuild.cli") if name.startswith("pdbuild")}
    assert ours == {"pdbuild", "pdbuild.cli", "pdbuild.errors", "pdbuild.verbs"}
