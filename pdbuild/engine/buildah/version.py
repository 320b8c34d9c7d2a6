"""What differs between Buildah's versions, as far as our Containerfiles touch it."""

from dataclasses import dataclass

from pdbuild.tools import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one version of Buildah reads a Containerfile. Seen: 1.28.2, 1.39.3 and 1.43.2."""

    version: Version

    @property
    def label(self) -> str:
        """Names the storage: another version's layers and caches are not read."""
        return ".".join(map(str, self.version[:2]))

    @property
    def knows_what_is_bound(self) -> bool:
        """Whether a step runs again when the content of its bind mounts has changed.

        1.39 does for contexts and images, and for stages since 1.44 (buildah PR 6845); before,
        a hash of the content must be in the step's own key.
        """
        return self.version >= (1, 44)

    @property
    def keeps_folders(self) -> bool:
        """Whether folders of the image that a step mounts over are still there after it.

        1.28 deletes them, 1.39 only what it made. Our runtime keeps them for both; without a
        runtime, isolated by chroot, nobody does.
        """
        return self.version >= (1, 39)
