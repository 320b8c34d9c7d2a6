"""The kinds of targets: one module each, with all that pdbuild knows of it."""

from pdbuild.targets.app import App
from pdbuild.targets.binaries import Binaries
from pdbuild.targets.browse import Browse
from pdbuild.targets.deb import Deb
from pdbuild.targets.dev import Dev
from pdbuild.targets.docs import Docs
from pdbuild.targets.image import Image
from pdbuild.targets.kind import Kind
from pdbuild.targets.rootfs import Rootfs
from pdbuild.targets.verify import Verify

__all__ = ["KINDS", "Kind"]

_ALL: tuple[Kind, ...] = (
    Binaries(),
    Deb(),
    Image(),
    App(),
    Docs(),
    Browse(),
    Rootfs(),
    Verify(),
    Dev(),
)

#: By name, in the order of the Containerfile. Plain tools build its last stage when nobody
#: names one, so `dev` ends it.
KINDS = {kind.name: kind for kind in _ALL}
