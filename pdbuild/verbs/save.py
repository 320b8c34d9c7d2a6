"""`pdbuild save`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

_FORMATS = ("oci", "docker", "dir", "squashfs", "sif", "bundle")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = "Write images of the store to a file. The same images give the same bytes."
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="this one, or all of its name")
    add("-o", "--out", required=True, metavar="FILE", help="where to; it must not be there")
    add(
        "--format",
        default="oci",
        choices=_FORMATS,
        help="oci: an archive with all platforms; docker: one image for one platform, as docker "
        "and podman load it; dir: a folder, an OCI layout; squashfs: one file system; sif: that "
        "as Apptainer runs it; bundle: a folder that runc, and `srun --container`, run (oci)",
    )
    add(
        "--platform",
        default="",
        metavar="OS/ARCH",
        help="which one, for docker, squashfs, sif and bundle (this machine's)",
    )


def run(arguments: Namespace) -> int:
    """Save."""
    from pdbuild import terminal
    from pdbuild.api.shipping import Save

    Save(
        images=tuple(arguments.images),
        out=Path(arguments.out),
        format=arguments.format,
        platform=arguments.platform,
    ).perform(terminal.audience(quiet=False))
    return 0
