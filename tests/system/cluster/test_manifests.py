"""`pdbuild submit` to Kubernetes: what is pushed, and what kubectl is given, a stand-in here.

The real one, and a real API, are in tests/system/kubernetes.
"""

from pathlib import Path

import kubernetes_validate
import yaml

from system.project import Project
from system.small import registry

from .conftest import IMAGE

KUBECTL = """\
#!/bin/sh
printf '%s\\n' "$*" >>asked
case $* in
*current-context) echo here ;;
*create*) echo "Service a 1 team"; echo "Job a 2 team" ;;
esac
"""


def test_the_image_is_pushed_and_named_by_its_digest(here: Project, tmp_path: Path) -> None:
    with registry(tmp_path) as served:
        to = f"{served.address}/team/tiny"
        here.written(
            "pdbuild.toml", f'[project]\nname = "tiny"\n[image]\n[registry]\nto = "{to}"\n'
        )
        here.written("a.py", "print(1)\n")
        here.written("bin/kubectl", KUBECTL).chmod(0o755)
        words = ("submit", "--to=kubernetes", "--nodes=2", "--insecure", "--detach", IMAGE, "a.py")
        env = {"PATH": f"{here.root}/bin:{here.user.env['PATH']}"}
        done = here.pdbuild(*words, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("kubernetes-a-py-")
        (path,) = here.root.glob("build/submit/*/job.yaml")
        _, create, owned = (here.root / "asked").read_text().splitlines()
        assert create.startswith(f"--context=here create --filename={path} ")
        assert owned.startswith("--context=here patch Service/a ")
        manifests = list(yaml.safe_load_all(path.read_text()))
        for manifest in manifests:
            kubernetes_validate.validate(manifest, "1.36", strict=True)
        (container,) = manifests[-1]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == f"{to}@{served.digest('team/tiny', '0.1.0-cpu')}"
