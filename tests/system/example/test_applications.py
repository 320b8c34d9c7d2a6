"""Applications: the example's book, by pdbuild and in a browser, and by plain tools alone."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from system.conftest import CHECKOUT, User
from system.project import Project, checkout, give, left_over

from .test_pages import Reader, reader

__all__ = ["reader"]  # a fixture

BOOK = """
import os
import paddle
from tabulate import tabulate
print(tabulate([[paddle.__version__, os.getcwd()]]))
"""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# How many colours a picture on the page has, and how wide it is.
LOOK = """
const [picture, done] = arguments;
const paper = document.createElement("canvas");
paper.width = picture.naturalWidth || picture.width;
paper.height = picture.naturalHeight || picture.height;
const context = paper.getContext("2d");
context.drawImage(picture, 0, 0);
const colours = new Uint32Array(context.getImageData(0, 0, paper.width, paper.height).data.buffer);
done([new Set(colours).size, paper.width]);
"""


def here(folder: Path) -> tuple[str, ...]:
    """This machine's CA, which only the host trusts; elsewhere the command is the page's."""
    configuration = folder.with_name("pip.conf")
    configuration.write_text(f"[global]\ncert = {AUTHORITIES}\n")
    volumes = (f"{AUTHORITIES}:{AUTHORITIES}:ro", f"{configuration}:/etc/pip.conf:ro")
    return ("--network=host", *(f"--volume={volume}" for volume in volumes))


@pytest.fixture(scope="module")
def book(paddle: Project, baked: dict[str, Any]) -> Iterator[Project]:
    """The example's book on two variants, in the graph of all the rest, which is there already.

    On two: each takes two gigabytes in the places of engines, of pdbuild and of podman.
    """
    rows = paddle.bake("all", "--recipe=book", "--variant=cpu", "--variant=noavx")
    version = rows["image-cpu"]["where"].rpartition(":")[2]
    for variant, suffix in {"cpu": "", "noavx": "-noavx"}.items():
        assert rows[f"app-{variant}"]["where"] == f"localhost/book:{version}{suffix}"
    assert all(row["cached"] for name, row in rows.items() if name in baked)
    yield paddle
    paddle.pdbuild("app", "stop")


def started(project: Project, *words: str) -> str:
    """Start it in the background; its address."""
    done = project.pdbuild("app", "run", "-d", *words)
    assert done.returncode == 0, done.stderr
    (address, *_) = re.findall(r"book is at (http://\S+)", done.stderr)
    return address


def test_a_notebook_trains_and_draws(book: Project, reader: Reader) -> None:
    address = started(book)
    try:
        assert re.search(r"/\?token=[0-9a-f]{48}$", address)
        reader.driver.get(address.replace("/?", "/notebooks/moons.ipynb?"))
        reader.see("css selector", ".jp-CodeCell")
        reader.see(
            "xpath", "//*[contains(@class, 'lm-MenuBar-itemLabel') and text()='Run']"
        ).click()
        reader.see("css selector", "[data-command='runmenu:run-all']").click()
        picture = reader.see("css selector", ".jp-OutputArea-output img")
        colours, width = reader.driver.execute_async_script(LOOK, picture)
        assert colours > 100 and width > 500
        said = reader.driver.find_element("css selector", ".jp-Notebook").text
        (accuracy,) = re.findall(r"accuracy ([01]\.\d+)", said)
        assert float(accuracy) > 0.9
        # Without its token nobody gets in.
        reader.driver.delete_all_cookies()
        reader.driver.get(address.partition("?")[0] + "tree")
        reader.see("css selector", "#password_input, [name='password']")
    finally:
        book.succeeds("app", "stop")
    assert left_over(book.user) == []


def test_a_page_asks_the_trained_model(book: Project, reader: Reader) -> None:
    address = started(book, "-p", "8000", "serve.py")
    try:
        reader.driver.get(address)
        plane = reader.see("css selector", "canvas[data-drawn]")
        colours, _ = reader.driver.execute_async_script(LOOK, plane)
        assert colours > 20
        plane.click()
        answer = reader.see("xpath", "//p[@id='answer' and text()]").text
        assert re.fullmatch(r"moon [01], with probability [01]\.\d{3}", answer)
        assert "accuracy" in book.succeeds("app", "logs")
    finally:
        book.succeeds("app", "stop")


def test_exit_codes_uid_and_files(book: Project) -> None:
    program = "import os, sys; print(os.getuid(), os.getcwd()); sys.exit(7)"
    done = book.pdbuild("app", "run", "python3", "-c", program)
    assert done.returncode == 7, done.stderr
    assert done.stdout.split() == [str(book.user.uid), "/book"]
    assert book.pdbuild("app", "run", "no-such-program").returncode == 127
    # No compiler has come with the packages, and only what was asked for.
    listing = "import os; print(*os.listdir('/usr/local/bin'), *os.listdir('/book'))"
    listed = book.succeeds("app", "run", "python3", "-c", listing)
    assert {"jupyter", "moons.ipynb", "serve.py"} <= set(listed.split())
    for tool in ("gcc", "cc", "ld"):
        assert book.pdbuild("app", "run", tool, "--version").returncode == 127


def test_the_variant_that_fits(book: Project) -> None:
    made = {
        "cpu": "GPU=OFF AVX=ON",
        "noavx": "GPU=OFF AVX=OFF",
        "gpu": "GPU=ON AVX=ON",
        "gpu-noavx": "GPU=ON AVX=OFF",
    }
    asks = ("python3", "-c", "import paddle; print(paddle.build_options())")
    said = book.succeeds("app", "run", "--variant=noavx", "--no-bake", *asks)
    assert said.strip() == made["noavx"]
    done = book.pdbuild("app", "run", "--variant=auto", *asks)
    assert done.returncode == 0, done.stderr
    (chosen,) = re.findall(r"^variant (\S+): ", done.stderr, re.MULTILINE)
    assert done.stdout.strip() == made[chosen]


def test_plain_tools_build_the_same_from_a_dockerfile(
    paddle: Project, baked: dict[str, Any], version: str
) -> None:
    """The design's own: `pip install` on a production image, by podman."""
    flags = " ".join(here(paddle.root))
    script = paddle.root / "examples/book/.tools/build_docker.sh"
    env = {"BUILDER": "podman", "BUILD_FLAGS": flags}
    done = paddle.user.run([script, version], env=env, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    image = f"localhost/book:{version}"
    assert f"built {image}" in done.stdout
    run = ["podman", "run", "--rm", "--network=host", image, "jupyter", "notebook", "--version"]
    done = paddle.user.run(run, timeout=120)
    assert done.returncode == 0 and re.match(r"\d+\.", done.stdout), done.stderr
    paddle.user.run(["podman", "rmi", "--force", image])


def test_the_dockerfile_of_the_page(paddle: Project, baked: dict[str, Any], version: str) -> None:
    """The page's commands as they stand."""
    text = (CHECKOUT / "docs/applications.md").read_text()
    (containerfile,) = re.findall(r"```dockerfile\n(.*?)```", text, re.DOTALL)
    folder = paddle.user.home / "book"
    folder.mkdir()
    (folder / "Dockerfile").write_text(containerfile)
    (folder / "book.py").write_text(BOOK)
    give(paddle.user, folder)
    (build,) = re.findall(r"^podman (build -t book .*)$", text, re.MULTILINE)
    words = build.replace("VERSION=VERSION", f"VERSION={version}").split()
    done = paddle.user.run(["podman", *words, *here(folder)], cwd=folder, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    done = paddle.user.run(["podman", "run", "--rm", "--network=host", "book"], timeout=120)
    assert done.returncode == 0, done.stderr
    assert version in done.stdout and "/book" in done.stdout
    paddle.user.run(["podman", "rmi", "--force", "book"])
    shutil.rmtree(folder)


def test_apt_installs_in_an_image_that_has_it(greet: Project) -> None:
    """Its database is one that dpkg goes on with."""
    recipe = (greet.root / "pdbuild.toml").read_text()
    recipe = recipe.replace("[image]\n", '[image]\npackages = ["apt"]\n').replace("60MB", "300MB")
    greet.written("pdbuild.toml", recipe.replace("1.2.0", "1.2.8"))  # no other test's
    greet.bake("image-english")
    lines = ("FROM localhost/greet:1.2.8", "RUN apt-get update && apt-get install -y adduser tree")
    greet.written("more/Dockerfile", "\n".join(lines))
    greet.runs("podman", "build", "--network=host", "-t", "more", "more")
    look = "greet world && tree --version && dpkg --audit && dpkg -s adduser | grep Status"
    said = greet.runs("podman", "run", "--rm", "--network=host", "more", "sh", "-c", look)
    assert "tree v" in said and "Status: install ok installed" in said
    greet.user.run(["podman", "rmi", "--force", "more"])


@pytest.mark.long
def test_buildah_bakes_it_with_all_the_rest(newcomer: User, pdbuild_python: Path) -> None:
    """The whole graph to its end, by the second engine.

    In an account of its own: it would take the place of the others' images.
    """
    made = checkout(newcomer, pdbuild_python, "paddle")
    words = ("all", "--recipe=book", "--variant=cpu", "--variant=noavx", "--engine=buildah")
    rows = made.bake(*words)
    names = {
        f"{kind}-{v}" for kind in ("binaries", "deb", "image", "app") for v in ("cpu", "noavx")
    }
    assert names | {"docs"} <= set(rows)
    version = rows["image-cpu"]["where"].rpartition(":")[2]
    uses = "import matplotlib, notebook, paddle; print(paddle.build_options())"
    for suffix, options in (("", "GPU=OFF AVX=ON"), ("-noavx", "GPU=OFF AVX=OFF")):
        said = made.succeeds("run", f"book:{version}{suffix}", "python3", "-c", uses)
        assert said.strip() == options
    assert all(row["cached"] for row in made.bake(*words).values())
