"""A bundle of `pdbuild save`, by Slurm's own `srun --container`."""

import json
import shutil
from pathlib import Path

from system.project import Project

from .conftest import IMAGE
from .slurm import Slurm

PROGRAM = """
import os
rank = os.environ["SLURM_PROCID"]
print(rank, os.getuid(), os.getcwd(), os.path.exists("/bin/busybox"))
open(f"written.{rank}", "w").write("here")
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
    words = ("srun", "--container=image", "--nodes=2", "--ntasks=2", "python3", "a.py")
    done = here.user.run(words, cwd=here.root, env=cluster.env, timeout=60)
    assert done.returncode == 0, f"{done.stderr}\n{cluster.logs()}"
    assert sorted(done.stdout.splitlines()) == [f"{n} 0 /work True" for n in range(2)]
    for rank in range(2):
        assert (here.root / f"written.{rank}").stat().st_uid == here.user.uid
    failed = here.user.run(
        ("srun", "--container=image", "sh", "-c", "exit 7"), cwd=here.root, env=cluster.env
    )
    assert failed.returncode == 7, failed.stderr
    shutil.rmtree(Path(f"/tmp/oci-{here.user.name}"), ignore_errors=True)
    shutil.rmtree(Path(f"/tmp/oci-{here.user.uid}"), ignore_errors=True)
