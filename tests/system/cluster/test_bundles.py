"""A bundle of `pdbuild save`, by Slurm's own `srun --container`."""

import json
import shutil
from pathlib import Path

from system.project import Project

from .conftest import IMAGE
from .slurm import Slurm

PROGRAM = """
import os
print(os.environ["SLURM_STEP_NODELIST"], os.getuid(), os.getcwd(), os.path.exists("/bin/busybox"))
open("written", "a").write("here")
"""


def test_srun_starts_a_bundle(here: Project, cluster: Slurm) -> None:
    here.written("a.py", PROGRAM)
    here.succeeds("save", "--format=bundle", "--out=image", IMAGE)
    file = here.root / "image/config.json"
    settings = json.loads(file.read_text())
    # The image has no Python: it has that of the machine, as anybody may write who needs more.
    python = {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}
    settings["mounts"].append(python)
    file.write_text(json.dumps(settings))
    image = f"--container={here.root}/image"
    words = ("srun", image, "--nodes=2", "--ntasks=2", "python3", "a.py")
    done = here.user.run(words, cwd=here.root, env=cluster.env, timeout=60)
    assert done.returncode == 0, f"{done.stderr}\n{cluster.logs()}"
    assert done.stdout.splitlines() == ["n[1-2] 0 /work True"] * 2
    written = here.root / "written"
    assert (written.read_text(), written.stat().st_uid) == ("herehere", here.user.uid)
    failed = here.user.run(("srun", image, "sh", "-c", "exit 7"), cwd=here.root, env=cluster.env)
    assert failed.returncode == 7, failed.stderr
    shutil.rmtree(Path(f"/tmp/oci-{here.user.name}"), ignore_errors=True)
    shutil.rmtree(Path(f"/tmp/oci-{here.user.uid}"), ignore_errors=True)
