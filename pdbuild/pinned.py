"""The lock of an application's Python packages: each file of them by its checksum.

uv resolves and writes it, in the form of requirements that pip reads. The first line says what it
was made from, so that one which is out of date is found without asking any index.
"""

import hashlib
import importlib
import os
import shutil
import tempfile
from pathlib import Path

from pdbuild import network, programs, whole
from pdbuild.errors import EngineError, UsageError
from pdbuild.recipe.types import App, Recipe

_MADE = "# By `pdbuild app lock`, from {name} with sha256 {digest}.\n"


def refuse_stale(recipe: Recipe) -> None:
    """Raise UsageError when an application's lock is missing, or made from something else."""
    if problem := stale(recipe):
        raise UsageError(problem, hint=f"pdbuild app lock --recipe {recipe.file}")


def stale(recipe: Recipe) -> str:
    """What is wrong with the lock; "" when nothing is, or there is nothing to lock."""
    if recipe.app is None or not recipe.app.requirements:
        return ""
    path = Path(recipe.root, recipe.lock)
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline()
    except FileNotFoundError:
        return f"{recipe.lock} is not there: the Python packages of {recipe.app.name} are not fixed"
    if first != _heading(recipe, recipe.app):
        return f"{recipe.app.requirements} has changed since {recipe.lock} was made"
    return ""


def make(recipe: Recipe, *, upgrade: bool = False) -> Path:
    """Resolve the packages and write the lock; its path.

    What is locked stays at its version where it still fits, unless `upgrade`. Raises UsageError
    when there is nothing to lock, EngineError without uv and when it finds no solution.
    """
    app = recipe.app
    if app is None or not app.requirements:
        raise UsageError(
            f"{recipe.file} has no Python packages to lock", hint="[app].requirements names them"
        )
    path = Path(recipe.root, recipe.lock)
    heading = _heading(recipe, app)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "requirements.txt")
        if path.exists() and not upgrade:
            shutil.copyfile(path, made)  # uv takes the versions in it
        done = programs.run(
            *(_uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-config"),
            *("--universal", f"--python-version={_python(recipe, app)}", "--generate-hashes"),
            *("--only-binary=:all:", f"--output-file={made}", app.requirements),
            cwd=Path(recipe.root, app.source),
            env=os.environ | _environment(recipe),
        )
        if done.code:
            raise EngineError(f"the packages of {app.name} cannot be locked:\n{done.err.strip()}")
        lines = made.read_text(encoding="utf-8").splitlines(keepends=True)
    whole.write(path, heading + "".join(line for line in lines if not line.startswith("#")))
    return path


def _heading(recipe: Recipe, app: App) -> str:
    content = Path(recipe.root, app.source, app.requirements).read_bytes()
    digest = hashlib.sha256(_python(recipe, app).encode() + b"\0" + content).hexdigest()
    return _MADE.format(name=app.requirements, digest=digest)


def _python(recipe: Recipe, app: App) -> str:
    return app.python_of(recipe.base.suite)


def _environment(recipe: Recipe) -> dict[str, str]:
    """How uv reaches the index: as the steps of a bake do."""
    given = {}
    if bundle := network.ca_bundle():
        given["SSL_CERT_FILE"] = str(bundle)
    if recipe.mirrors.pip:
        given["UV_DEFAULT_INDEX"] = recipe.mirrors.pip
    return given


def _uv() -> str:
    """uv from PATH, else from its package in this Python's environment."""
    if found := shutil.which("uv"):
        return found
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise EngineError(
            "uv, which locks Python packages, is not there",
            hint="pip install 'pdbuild[lock]', or put uv on PATH",
        ) from None
