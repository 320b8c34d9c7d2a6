"""What VS Code needs to open the project in the dev image."""

import json
from pathlib import Path
from typing import Any

from pdbuild.errors import UsageError
from pdbuild.inner.session import DEBUGGING
from pdbuild.recipe.types import Recipe

FILE = ".devcontainer/devcontainer.json"

_HEAD = """\
// Written by `pdbuild init --devcontainer`; yours to change. It opens the project in the image
// that `pdbuild bake dev` makes, by podman: set "dev.containers.dockerPath": "podman" in VS Code.
//
// Root inside is you outside, as podman runs without root: files belong to you. With a docker
// that runs as root, that is not so: set "remoteUser" to a user of the image's.
"""


def write(recipe: Recipe) -> Path:
    """Write the file below the project's root; its path. UsageError when there is one."""
    path = Path(recipe.root, FILE)
    if path.exists():
        raise UsageError(f"there is a {FILE} already")
    path.parent.mkdir(exist_ok=True)
    path.write_text(_HEAD + json.dumps(_content(recipe), indent=2) + "\n")
    return path


def _content(recipe: Recipe) -> dict[str, Any]:
    # The project is where it is on the host, so that paths in build/ are right in both.
    here = "${localWorkspaceFolder}"
    return {
        "name": recipe.project.name,
        "image": f"localhost/{recipe.project.name}:dev",
        "initializeCommand": "pdbuild bake dev --quiet",
        "workspaceMount": f"source={here},target={here},type=bind",
        "workspaceFolder": here,
        "overrideCommand": True,
        "remoteUser": "root",
        "updateRemoteUserUID": False,
        "containerEnv": {"PDBUILD_PROJECT": here},
        "runArgs": ["--network=host", "--security-opt=label=disable", *DEBUGGING],
        "customizations": {
            "vscode": {
                "extensions": ["llvm-vs-code-extensions.vscode-clangd"],
                "settings": {
                    "clangd.arguments": [
                        f"--compile-commands-dir={here}/build/dev/{recipe.default_variant}",
                        "--query-driver=/**",
                    ]
                },
            }
        },
    }
