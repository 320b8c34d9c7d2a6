"""Blocks that are built from a source: made beside the rest, proved, or left out aloud.

KDAB's codebrowser itself cannot be had without GitHub. `tests/system/codebrowser` stands in for
it: the same programs, options and files, linked with Clang's libraries. The block's own install
and check hooks run on it. What may fail is tried on a block that is made in no time.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import CHECKOUT, User
from .project import Project, give

STAND_IN = Path(__file__).with_name("codebrowser")
RECIPE = """\
[project]
name = "browsed"
version = "1.0"
[toolchain]
blocks = [{blocks}]
[build]
hook = "./build.sh"
hardening = false
"""
# Only as many files as it takes to have something baked into build/.
HOOK = '#!/bin/bash\nmkdir -p "$PDBUILD_OUTPUT/usr"\necho 1 >"$PDBUILD_OUTPUT/usr/file"\n'
TOOL = """\
description = "a tool"
path = ["/opt/tool/bin"]
install = "tool/install"
check = "tool/check"
optional = true
[source]
git = "{address}"
commit = "{commit}"
"""
INSTALL = "#!/bin/bash\nset -e\nmkdir -p /opt/tool/bin\ncp /run/source/tool /opt/tool/bin/\n"
CHECK = '#!/bin/bash\nset -e\n[ "$(tool)" = works ]\n'
FAILS = "#!/bin/bash\necho some words\necho 'tool.c:7: error: no luck'\necho the end\nexit 3\n"


@pytest.fixture
def browsed(user: User, pdbuild_python: Path, engines: Path) -> Iterator[Project]:
    """A project whose base is all that it needs, and whose one block is `tool`."""
    root = user.home / "browsed"
    (root / "toolchain").mkdir(parents=True)
    (root / "tool").mkdir()
    (root / "pdbuild.toml").write_text(RECIPE.format(blocks='"tool"'))
    (root / "build.sh").write_text(HOOK)
    (root / "tool/install").write_text(INSTALL)
    (root / "tool/check").write_text(CHECK)
    give(user, root)
    yield Project(user=user, root=root, program=pdbuild_python.parent / "pdbuild")
    shutil.rmtree(root)


@pytest.fixture
def tool(browsed: Project) -> Iterator[str]:
    """The text of the block `tool`, whose source can be had."""
    folder = browsed.user.home / "tool-source"
    folder.mkdir()
    (folder / "tool").write_text("#!/bin/sh\necho works\n")
    (folder / "tool").chmod(0o755)
    yield TOOL.format(address=f"file://{folder}", commit=committed(browsed.user, folder))
    shutil.rmtree(folder)


def committed(user: User, folder: Path) -> str:
    """The commit of a folder that becomes a git repository of the user's."""
    give(user, folder)
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "1"]):
        assert user.run([*git, *words]).returncode == 0
    return user.run([*git, "rev-parse", "HEAD"]).stdout.strip()


def labels(project: Project) -> dict[str, str]:
    argv = ["podman", "image", "inspect", "--format={{json .Labels}}", "localhost/browsed:dev"]
    done = subprocess.run(
        ["setpriv", f"--reuid={project.user.uid}", f"--regid={project.user.uid}",
         "--clear-groups", *argv],
        env=project.user.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout) or {})


def left_out(project: Project, *words: str) -> tuple[str, str]:
    """Why a bake that must succeed left `tool` out, and what it said.

    The reason is in the result, the manifest and the image's labels, and the log is there.
    """
    done = project.pdbuild("bake", "--json", "dev", "binaries", *words)
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert [row["target"] for row in report["rows"]] == ["binaries-default", "dev"]
    why = str(report["left_out"]["tool"])
    reason, _, log = why.removesuffix(")").rpartition(" (log: ")
    assert Path(log).read_text()
    manifest = json.loads((project.root / "build/artifacts.json").read_text())
    assert manifest["left_out"] == {"tool": why}
    found = labels(project)
    assert found["org.pdbuild.left-out"] == "tool"
    assert found["org.pdbuild.left-out.tool"] == reason
    return why, done.stderr


def test_a_block_that_cannot_be_fetched_is_left_out_aloud(browsed: Project) -> None:
    block = TOOL.format(address="https://tool.invalid/x", commit="1" * 40)
    browsed.written("toolchain/tool.toml", block)
    # Nothing is fetched for what does not need it.
    assert "tool" not in browsed.pdbuild("bake", "binaries").stderr
    why, said = left_out(browsed)
    assert why.startswith(
        "fetching it failed: the source of tool is wanted from tool.invalid, and there is no way"
    )
    assert said.count("fetching the source of tool") == 1
    assert left_out(browsed)[0] == why
    assert "fetching" not in left_out(browsed)[1]
    assert "fetching the source of tool" in left_out(browsed, "--retry-blocks")[1]
    done = browsed.pdbuild("bake", "dev", "--strict")
    assert done.returncode == 1 and "tool: fetching it failed" in done.stderr
    # Work goes on in the image that is there, and asks for nothing.
    shell = browsed.pdbuild("shell", "true")
    assert shell.returncode == 0 and "fetching" not in shell.stderr
    browsed.written("toolchain/tool.toml", block.replace("optional = true", "optional = false"))
    done = browsed.pdbuild("bake", "dev")
    assert done.returncode == 1 and "block tool cannot be built" in done.stderr


@pytest.mark.parametrize(
    ("engine", "hook", "reason"),
    [
        ("buildkit", "install", "compiling it failed (exit code 3): tool.c:7: error: no luck"),
        ("buildkit", "check", "its check failed (exit code 3): tool.c:7: error: no luck"),
        ("buildah", "check", "its check failed (exit code 3): tool.c:7: error: no luck"),
    ],
)
def test_a_block_that_fails_is_left_out_aloud(
    browsed: Project, tool: str, engine: str, hook: str, reason: str
) -> None:
    browsed.written("toolchain/tool.toml", tool)
    browsed.written(f"tool/{hook}", FAILS)
    choice = f"--engine={engine}"
    done = browsed.pdbuild("bake", "--strict", "dev", choice)
    assert done.returncode == 1 and f"tool: {reason} (log: " in done.stderr
    why, said = left_out(browsed, choice)
    assert why.startswith(reason)
    log = Path(why.removesuffix(")").rpartition(" (log: ")[2]).read_text()
    assert "some words" in log and "the end" in log
    # It is known by now: not tried again before it is another block, or somebody asks.
    assert "left out: tool" not in said
    again, said = left_out(browsed, choice, "--retry-blocks")
    assert again.startswith(f"{reason.partition(' failed')[0]}, try 2 failed")
    assert said.count("left out: tool: ") == 1
    assert "left out: tool: " not in left_out(browsed, choice)[1]
    summary = browsed.succeeds("bake", "dev", choice)
    assert len(re.findall(r"^LEFT OUT of the toolchain: tool: ", summary, re.MULTILINE)) == 1
    browsed.written(f"tool/{hook}", INSTALL if hook == "install" else CHECK)
    report = json.loads(browsed.succeeds("bake", "--json", "--strict", "dev", choice))
    assert report["left_out"] == {} and "org.pdbuild.left-out" not in labels(browsed)
    assert browsed.runs("podman", "run", "--rm", "localhost/browsed:dev", "tool") == "works\n"


@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_a_failing_check_fails_the_build_and_names_its_block(
    browsed: Project, tool: str, engine: str
) -> None:
    choice = f"--engine={engine}"
    browsed.written("toolchain/tool.toml", tool.replace("optional = true", "optional = false"))
    browsed.written("tool/check", FAILS)
    done = browsed.pdbuild("bake", "binaries", choice)
    assert done.returncode == 1
    assert re.search(r"error: binaries-default: step 1/1 of stage check-tool failed", done.stderr)
    assert "tool.c:7: error: no luck" in done.stderr
    assert not (browsed.root / "build/default").exists()
    browsed.written("tool/check", CHECK)
    browsed.succeeds("bake", "binaries", choice)
    # The stamp of a check that is done again is the same: nothing behind it is.
    browsed.written("tool/check", CHECK + "true\n")
    said = browsed.pdbuild("bake", "binaries", choice, "--progress=plain").stderr
    assert re.search(r"check-tool 1/1 RUN .*: \d", said)
    assert re.search(r" 1/2 COPY --from=checked .*: cached", said)


def test_the_code_browser_is_built_and_proves_itself(browsed: Project) -> None:
    folder = browsed.user.home / "stand-in"
    shutil.copytree(STAND_IN, folder)
    text = (CHECKOUT / "recipes/toolchain/woboq.toml").read_text()
    pinned = f'git = "https://codebrowser.invalid/x"\ncommit = "{committed(browsed.user, folder)}"'
    text, count = re.subn(r"^git = .*\n(#.*\n)?commit = .*$", pinned, text, flags=re.MULTILINE)
    assert count == 1
    browsed.written("toolchain/woboq.toml", text)
    recipe = RECIPE.format(blocks='"clang", "cmake", "woboq"')
    named = recipe.replace("[build]", 'woboq = { source = "../stand-in" }\n[browse]\n[build]')
    browsed.written("pdbuild.toml", named)
    browsed.written("main.cc", "int answer() { return 42; }\nint main() { return answer(); }\n")
    report = json.loads(browsed.succeeds("bake", "--json", "--strict", "dev", "browse"))
    assert report["left_out"] == {} and "org.pdbuild.left-out" not in labels(browsed)
    assert [row["generator"] for row in report["rows"]] == ["woboq", ""]
    pages = browsed.root / "build/browse"
    page = (pages / "browsed/main.cc.html").read_text()
    assert 'href=".././data/qtcreator.css"' in page and "answer" in page
    assert (pages / "data/qtcreator.css").exists()
    assert "l='2'" in (pages / "refs/_Z6answerv").read_text()
    run = ("podman", "run", "--rm", "localhost/browsed:dev")
    assert "codebrowser_generator" in browsed.runs(*run, "ls", "/opt/woboq/bin")
    # What only compiling it takes is not there.
    assert browsed.user.run([*run, "dpkg", "-s", "libclang-dev"], timeout=100).returncode != 0
    # The plain text does not depend on it: plain tools can build it without.
    text = browsed.succeeds("bake", "--print=containerfile", "dev")
    assert "source-woboq" not in text and "# woboq: left out" in text
    shutil.rmtree(folder)
