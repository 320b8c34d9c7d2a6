"""The commands that the project promises for Docker, as they are written, by a user of its group.

In their order: the first makes the development image, the next ones use it. What differs from the
text is what is nobody's here (the name of somebody's repository) and what the network of this
machine needs.
"""

import json
import subprocess
import urllib.request

from system.project import Project, give

from .conftest import typed


def test_the_development_image_is_built(project: Project, dev: str) -> None:
    assert project.runs("docker", "image", "ls", "--quiet", "paddle:dev")


def test_it_builds_and_tests_the_project_with_options(project: Project, built: str) -> None:
    assert "100% tests passed" in built
    build = project.root / "build"
    (package,) = build.glob("paddle-[0-9]*.deb")
    assert (build / "Dockerfile").exists()
    owners = {path.lstat().st_uid for path in (build, *build.rglob("*"))}
    assert owners == {project.user.uid}
    listed = subprocess.run(
        ["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True
    ).stdout
    assert "/usr/bin/paddle" in listed


def test_it_builds_the_project_in_a_terminal(project: Project, built: str) -> None:
    typed(project, "docker run -it -v $PWD:/paddle paddle:dev")
    assert list((project.root / "build").glob("paddle-[0-9]*.deb"))


def test_the_production_image_is_built(project: Project, production: str) -> None:
    assert project.runs("docker", "run", "--rm", "paddle", "paddle", "version").strip()


def test_a_program_runs_in_a_terminal(project: Project, production: str) -> None:
    assert "accuracy" in typed(project, "docker run -it -v $PWD:/work paddle /work/a.py")


def test_a_program_runs_detached(project: Project, production: str) -> None:
    container = typed(project, "docker run -d -v $PWD:/work paddle /work/a.py").strip()
    assert project.runs("docker", "wait", container).strip() == "0"
    assert "accuracy" in project.runs("docker", "logs", container)
    project.written("fails.py", "import sys\nsys.exit(7)\n")
    failing = typed(project, "docker run -d -v $PWD:/work paddle /work/fails.py").strip()
    assert project.runs("docker", "wait", failing).strip() == "7"
    project.runs("docker", "rm", container, failing)


def test_an_application_is_built_and_tagged_and_pushed(
    project: Project, production: str, registry: str
) -> None:
    some = project.root / "some"
    some.mkdir()
    (some / "Dockerfile").write_text('FROM paddle\nCOPY a.py /book/\nCMD ["/book/a.py"]\n')
    give(project.user, some)
    typed(project, "docker build -f some/Dockerfile -t myapp .")
    # "me" is nobody's here, and a push needs a name, which the text leaves out.
    name = f"{registry}/me/myapp"
    typed(project, f"docker tag myapp {name}")
    typed(project, f"docker push {name}")
    with urllib.request.urlopen(f"http://{registry}/v2/me/myapp/tags/list") as answer:
        assert json.load(answer) == {"name": "me/myapp", "tags": ["latest"]}
    project.runs("docker", "image", "rm", name, "myapp")
    assert "accuracy" in project.runs("docker", "run", "--rm", name)
