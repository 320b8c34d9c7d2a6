"""An application's image on top of a production image, built as docs/images.md says."""

import re
import shutil
from pathlib import Path
from typing import Any

from .conftest import CHECKOUT
from .project import Project, give

BOOK = """
import os
import paddle
from tabulate import tabulate
print(tabulate([[paddle.__version__, os.getcwd()]]))
"""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def here(folder: Path) -> tuple[str, ...]:
    """This machine's CA, which only the host trusts; elsewhere the command is the page's."""
    configuration = folder.with_name("pip.conf")
    configuration.write_text(f"[global]\ncert = {AUTHORITIES}\n")
    volumes = (f"{AUTHORITIES}:{AUTHORITIES}:ro", f"{configuration}:/etc/pip.conf:ro")
    return ("--network=host", *(f"--volume={volume}" for volume in volumes))


def test_an_application_is_built_on_a_production_image(
    paddle: Project, baked: dict[str, Any], version: str
) -> None:
    text = (CHECKOUT / "docs/images.md").read_text()
    (containerfile,) = re.findall(r"```dockerfile\n(.*?)```", text, re.DOTALL)
    book = paddle.user.home / "book"
    book.mkdir()
    (book / "Dockerfile").write_text(containerfile)
    (book / "book.py").write_text(BOOK)
    give(paddle.user, book)
    (build,) = re.findall(r"^podman (build -t book .*)$", text, re.MULTILINE)
    words = build.replace("VERSION=VERSION", f"VERSION={version}").split()
    done = paddle.user.run(["podman", *words, *here(book)], cwd=book, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    done = paddle.user.run(["podman", "run", "--rm", "--network=host", "book"], timeout=120)
    assert done.returncode == 0, done.stderr
    assert version in done.stdout and "/book" in done.stdout
    paddle.user.run(["podman", "rmi", "--force", "book"])
    shutil.rmtree(book)
