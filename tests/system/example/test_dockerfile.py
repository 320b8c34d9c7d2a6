"""build/Dockerfile makes the example's production image, by podman."""

from typing import Any

from system.project import Project
from system.test_dockerfile import differences, documented, tree


def test_the_image_of_the_example_runs_its_program(
    paddle: Project, baked: dict[str, Any], version: str
) -> None:
    # "docker build -t paddle -f build/Dockerfile ."
    paddle.runs("podman", "build", "-t", "paddle", "-f", "build/Dockerfile", ".", timeout=600)
    argv = ["podman", "run", "--rm", "--network=none", "-v", f"{paddle.root}:/work"]
    assert "accuracy" in paddle.runs(*argv, "paddle", "/work/a.py")
    assert paddle.runs(*argv, "paddle").startswith(f"paddle {version} (")
    own = tree(paddle, f"localhost/paddle:{version}")
    assert differences(tree(paddle, "localhost/paddle"), own) == documented("paddle")
    paddle.runs("podman", "rmi", "localhost/paddle")
