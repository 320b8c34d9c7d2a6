"""`import pdbuild` in a user's programs, on the real engine: what docs/api.md shows."""

import re
from pathlib import Path

from .conftest import CHECKOUT
from .project import Project, give, left_over


def examples() -> list[str]:
    """The programs of the page."""
    text = (CHECKOUT / "docs/api.md").read_text().partition("<!-- reference")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def ran(project: Project, program: str, *words: str) -> str:
    """What a program prints that runs beside the project's folder, which it calls `greet`."""
    beside = project.root.parent / f"beside-{project.root.name}"
    if not beside.exists():
        beside.mkdir()
        (beside / "greet").symlink_to(project.root)
        give(project.user, beside)
    python = project.program.parent / "python"
    argv = [python, "-c", program, *words]
    done = project.user.run(argv, cwd=beside, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_examples_of_the_page(greet: Project) -> None:
    # Of this test alone: what another has compiled for this account is not compiled again.
    text = (greet.root / "src/main.c").read_text()
    greet.written("src/main.c", f"/* {greet.root.name} */\n{text}")
    first, _, failing, _ = (f"import pdbuild\n{example}" for example in examples())
    said = ran(greet, first).splitlines()
    assert said[:2] == ["greet english french", "image-english image-french"]
    assert any(re.match(r"\d+ of \d+: RUN .*build\.sh", line) for line in said)
    made = dict(line.split(maxsplit=1) for line in said if line.startswith(("image-", "deb-")))
    assert made["image-french"] == "localhost/greet:1.2.0-french"
    assert (greet.root / made["deb-english"]).is_file()
    assert "0 Bonjour, Ann!" in said

    greet.written("src/main.c", "int main(void) { return undeclared; }\n")
    said = ran(greet, failing).splitlines()
    assert re.match(r"(binaries|image|deb)-\S+.* RUN .*build\.sh.* 2 /\S+\.log$", said[0]), said
    assert "undeclared (first use" in " ".join(said)
    assert "undeclared (first use" in Path(said[0].split()[-1]).read_text()
    greet.written("pdbuild.toml", '[project]\nnmae = "x"\n')
    said = ran(greet, failing).splitlines()
    assert any(re.search(r"/pdbuild.toml:2: project.nmae: ", line) for line in said), said
    assert left_over(greet.user) == []
