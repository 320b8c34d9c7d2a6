"""`pdbuild submit` to Kubernetes: what is pushed, and what is written."""

from pathlib import Path

import kubernetes_validate
import yaml

from system.project import Project
from system.small import registry

from .conftest import IMAGE


def test_the_image_is_pushed_and_named_by_its_digest(here: Project, tmp_path: Path) -> None:
    with registry(tmp_path) as served:
        to = f"{served.address}/team/tiny"
        here.written(
            "pdbuild.toml", f'[project]\nname = "tiny"\n[image]\n[registry]\nto = "{to}"\n'
        )
        here.written("a.py", "print(1)\n")
        words = ("submit", "--to=kubernetes", "--nodes=2", "--insecure", IMAGE, "a.py")
        done = here.pdbuild(*words)
        assert done.returncode == 0, done.stderr
        (path,) = here.root.glob("build/submit/*/job.yaml")
        assert done.stdout.endswith(f"Send the job: kubectl create --filename {path}\n")
        manifests = list(yaml.safe_load_all(path.read_text()))
        for manifest in manifests:
            kubernetes_validate.validate(manifest, "1.36", strict=True)
        (container,) = manifests[-1]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == f"{to}@{served.digest('team/tiny', '0.1.0-cpu')}"
