"""Sends a job: what it needs in one folder, and what is remembered of it."""

import contextlib
import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pdbuild import whole
from pdbuild.jobs import Job, kept, kubernetes, manifests, script, slurm
from pdbuild.jobs.kept import Sent
from pdbuild.store import Store

#: Below the project, or the working directory: where jobs have their folders.
PLACE = Path("build", "submit")


def folder_for(root: Path, name: str) -> Path:
    """The folder of a job that is sent now; it is made when it is."""
    now = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    safe = "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
    return root / PLACE / f"{safe}-{now}-{os.urandom(2).hex()}"


def to_slurm(store: Store, job: Job, platform: str) -> Sent:
    """Send it; what is remembered.

    Jobs of the same image share its file. Raises EngineError when the image cannot be written
    or Slurm refuses the job, and leaves nothing then.
    """
    from pdbuild.jobs import tree  # which `--print` does not need, and waits for

    images = job.folder.parent / "images"
    form = job.place.format
    file = tree.write(store, job.image, platform, images, form=form, workdir=job.workdir)
    job.folder.mkdir(parents=True)
    try:
        _linked(file, job.folder / f"image{file.suffix}")
        path = job.folder / "job.sh"
        whole.write(path, script.render(job))
        path.chmod(0o755)
        number = slurm.submit(path)
    except BaseException:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise
    sent = _described(job, "slurm", number)
    kept.keep(sent)
    _forget_unused(images)
    return sent


def rendered(job: Job, image: str) -> str:
    """The manifests of a job for Kubernetes, with the image as its nodes pull it.

    Raises UsageError for what a job there cannot have.
    """
    program = manifests.checked(job)
    return manifests.render(replace(job, name=_there(job), image=image), program)


def to_kubernetes(job: Job, image: str) -> Sent:
    """Send it; what is remembered.

    Raises EngineError when there is no kubectl, or the cluster refuses, and leaves nothing then.
    """
    text = rendered(job, image)
    sent = _described(job, "kubernetes", _there(job))
    sent = replace(sent, context=job.place.context or kubernetes.context())
    job.folder.mkdir(parents=True)
    try:
        path = job.folder / "job.yaml"
        whole.write(path, text)
        sent = replace(sent, namespace=kubernetes.create(path, sent))
    except BaseException:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise
    kept.keep(sent)
    return sent


def _there(job: Job) -> str:
    """A job's name on Kubernetes. Sent twice, it is two: what ends its folder's name is in it."""
    return manifests.name_of(job.name, job.folder.name[-20:])


def _described(job: Job, kind: str, number: str) -> Sent:
    return Sent(
        to=job.to,
        kind=kind,
        number=number,
        folder=str(job.folder),
        program=job.name,
        nodes=job.place.nodes,
        submitted=datetime.now(UTC).isoformat(timespec="seconds"),
        namespace=job.place.namespace,
    )


def _linked(file: Path, name: Path) -> None:
    try:
        name.hardlink_to(file)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, name)


def _forget_unused(images: Path) -> None:
    """Images that no job's folder has any more, of days before: another may be sent just now."""
    for file in (*images.glob("*.tar"), *images.glob("*.sqfs")):
        with contextlib.suppress(OSError):
            status = file.stat()
            if status.st_nlink == 1 and status.st_mtime < time.time() - 86400:
                file.unlink()
