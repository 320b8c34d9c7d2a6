"""What mmdebstrap is told, by whichever way it runs."""

import re
from pathlib import Path

# 1980-01-01: mmdebstrap clamps every time to it, so that the same packages give the same
# bytes; it is the oldest that zip files, and so Python's wheels, can hold.
EPOCH = "315532800"

#: What Debian's own slim images leave out. It holds for packages installed later, too.
DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
)

# The mirror serves the bootstrap alone: the image keeps the sources that mmdebstrap writes
# for upstream.
_TO_MIRROR = r"""
cp "$1/etc/apt/sources.list" "$1/etc/apt/sources.list.upstream"
sed -i -E \
    -e "s#^(deb) [^ ]*/debian-security/? #\1 ${PDBUILD_APT_MIRROR%/}-security #" \
    -e "s#^(deb) [^ ]*/debian/? #\1 ${PDBUILD_APT_MIRROR%/} #" "$1/etc/apt/sources.list"
"""
_FROM_MIRROR = r"""
mv "$1/etc/apt/sources.list.upstream" "$1/etc/apt/sources.list"
rm -rf "$1"/var/lib/apt/lists/*
"""


def default_archive(mmdebstrap: Path) -> str:
    """The archive that mmdebstrap takes when it is told none: it stands in the program."""
    found = re.search(r"'(https?://[^'\s]+/debian)'", mmdebstrap.read_text(errors="replace"))
    return found[1] if found else ""


def arguments(architecture: str) -> list[str]:
    """The options of every base, without the mode."""
    return [
        "--variant=apt",
        "--format=tar",
        f"--architectures={architecture}",
        "--skip=output/dev",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
    ]


def mirror_hooks(mirror: str) -> list[str]:
    """The options that have packages come from `mirror`, which may be empty."""
    if not mirror:
        return []
    return [f"--setup-hook={_TO_MIRROR}", f"--customize-hook={_FROM_MIRROR}"]
