"""What an editor on the host gets: a real clangd reads every file without an error."""

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .project import Project

# What clangd says of a mistake in the code: `E[time] [code] Line 3: message`.
MISTAKE = re.compile(r"^E\[.*\] \[[\w-]+\] Line \d+: ")


@pytest.fixture(scope="session")
def clangd() -> str:
    """The newest clangd of this host."""
    names = [f"clangd-{n}" for n in range(30, 13, -1)] + ["clangd"]
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("NOT RUN: there is no clangd here (apt install clangd)")
    return found


def mistakes(clangd: str, project: Project, file: Path) -> list[str]:
    """What clangd finds wrong with a file, found by it as by an editor: from the file's folder."""
    argv = [clangd, f"--check={file}", "--check-lines=1-1", "--log=info"]
    done = project.user.run(argv, cwd=project.root, timeout=300)
    assert "All checks completed" in done.stderr, done.stderr[-2000:]
    # An inferred command is fine; none at all is not.
    assert "Generic fallback command" not in done.stderr, f"{file}: no compile command"
    return [line for line in done.stderr.splitlines() if MISTAKE.match(line)]


def commands(project: Project) -> dict[str, list[str]]:
    entries = json.loads((project.root / "build/compile_commands.json").read_text())
    return {entry["file"]: entry["arguments"] for entry in entries}


def sysroots(project: Project) -> list[Path]:
    return sorted((project.user.home / ".cache/pdbuild/sysroots").glob(f"{project.root.name}-*"))


def test_clangd_reads_a_small_project(hello: Project, clangd: str) -> None:
    hello.succeeds("build")
    known = commands(hello)
    assert sorted(known) == [f"{hello.root}/src/{n}" for n in ("main.cc", "words.c", "words.h")]
    words = [word for arguments in known.values() for word in arguments]
    assert "ccache" not in " ".join(words)
    for before, word in itertools.pairwise(words):
        if before in ("-I", "-isystem", "-idirafter"):
            assert word.startswith(str(hello.user.home)), f"{word} is not the host's"
            assert before != "-isystem" or Path(word).is_dir()
    sources = sorted((hello.root / "src").glob("*.[ch]*"))
    sources = [s for s in sources if s.suffix != ".in"]
    assert len(sources) == 3
    assert {str(s): mistakes(clangd, hello, s) for s in sources} == {str(s): [] for s in sources}
    # The test sees mistakes: without the image's headers, and in a file that has one.
    (root,) = sysroots(hello)
    (root / "root").rename(root / "gone")
    try:
        assert mistakes(clangd, hello, hello.root / "src/main.cc")
    finally:
        (root / "gone").rename(root / "root")
    wrong = hello.written("src/wrong.cc", "int f() { return undeclared; }\n")
    assert any("undeclared" in line for line in mistakes(clangd, hello, wrong))
    wrong.unlink()


def test_the_headers_come_once_and_old_ones_go(hello: Project) -> None:
    hello.succeeds("build")
    (first,) = sysroots(hello)
    database = hello.root / "build/compile_commands.json"
    before = database.stat()
    hello.succeeds("build")
    assert (database.stat().st_mtime_ns, sysroots(hello)) == (before.st_mtime_ns, [first])
    # Deleted, both come back, though nothing is compiled.
    shutil.rmtree(first)
    database.unlink()
    hello.succeeds("build")
    assert database.exists() and sysroots(hello) == [first]
    assert database.stat().st_uid == hello.user.uid


def test_a_source_that_does_not_compile_is_what_an_editor_is_for(hello: Project) -> None:
    main = hello.root / "src/main.cc"
    text = main.read_text()
    (hello.root / "build/compile_commands.json").unlink(missing_ok=True)
    try:
        main.write_text(f"#error no\n{text}")
        assert hello.pdbuild("build").returncode != 0
        assert str(main) in commands(hello)
    finally:
        main.write_text(text)


def test_init_writes_a_clangd_file_only_when_there_is_none(hello: Project) -> None:
    folder = hello.user.home / "fresh"
    for name in ("clangd", "devcontainer"):
        place = folder / name
        shutil.copytree(hello.root, place, ignore=shutil.ignore_patterns("build", "pdbuild.toml"))
        subprocess.run(["chown", "-R", hello.user.name, folder], check=True)
        mine = "# mine\n"
        if name == "devcontainer":
            (place / ".clangd").write_text(mine)
        argv = [hello.program, "init", *(["--devcontainer"] if name == "devcontainer" else [])]
        done = hello.user.run(argv, cwd=place)
        assert done.returncode == 0, done.stderr
        text = (place / ".clangd").read_text()
        assert (text == mine) == (name == "devcontainer")
        assert text == mine or "CompilationDatabase: build" in text
        assert (place / ".devcontainer").exists() == (name == "devcontainer")
    shutil.rmtree(folder)


def test_a_devcontainer_opens_in_the_dev_image_and_files_are_the_callers(hello: Project) -> None:
    """Starts podman with what the file says, as VS Code does, and works in there as it does."""
    file = hello.root / ".devcontainer/devcontainer.json"
    if not file.exists():
        hello.succeeds("init", "--devcontainer")
    lines = [line for line in file.read_text().splitlines() if not line.startswith("//")]
    text = "\n".join(lines).replace("${localWorkspaceFolder}", str(hello.root))
    said = json.loads(text)
    name = f"devcontainer-{os.getpid()}"
    # A command line of pdbuild's brings the image; that one is the user's too.
    program, *words = said["initializeCommand"].split()
    assert program == "pdbuild"
    hello.succeeds(*words)
    hello.runs(
        *("podman", "run", "--detach", f"--name={name}", f"--mount={said['workspaceMount']}"),
        *(f"--env={k}={v}" for k, v in said["containerEnv"].items()),
        *said["runArgs"],
        *("--entrypoint", "/bin/sh", said["image"], "-c", "sleep 600"),
    )
    try:
        inside = ["podman", "exec", f"--user={said['remoteUser']}"]
        inside += [f"--workdir={said['workspaceFolder']}", name]
        hello.runs(*inside, "touch", "by-devcontainer")
        assert (hello.root / "by-devcontainer").stat().st_uid == hello.user.uid
        built = hello.runs(*inside, "bash", "/usr/lib/pdbuild/hooks/develop")
        assert "build/quiet/" in built
        tree = hello.root / "build/dev/quiet/compile_commands.json"
        assert str(hello.root / "src/main.cc") in tree.read_text()
        assert (hello.root / "build/quiet/bin/hello").stat().st_uid == hello.user.uid
    finally:
        hello.runs("podman", "rm", "--force", "--time=0", name)
