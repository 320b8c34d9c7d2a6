"""What a node reads, as digests: the keys of its result, and of steps with bind mounts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pdbuild.engine.buildah import content
from pdbuild.engine.buildah.graph import Node, binds, reads
from pdbuild.engine.buildah.ignore import Ignored
from pdbuild.plan.instructions import Run

_NOTHING = Ignored(rules=())


@dataclass(slots=True)
class Inputs:
    """The state of everything that nodes read, as this run sees it first.

    `images` are the ids of base images by their source, `built` those of finished nodes by
    their ids; `root` is the build context and `ignored` what it leaves out.
    """

    root: Path
    ignored: Ignored
    images: Mapping[str, str]
    built: dict[str, str] = field(default_factory=dict)
    _listings: dict[tuple[str, str], content.Listing] = field(default_factory=dict)
    _digests: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, node: Node) -> dict[str, str]:
        """The digests of all that a node reads."""
        found = {name: self.image(node, name) for name in (*node.needs, *node.images)}
        for name, paths in reads(node.stage).items():
            if not name or name in node.folders:
                for path in paths:
                    found[f"{name}:{path}"] = self._digest(node, name, path)
        return found

    def bound(self, node: Node, run: Run) -> str:
        """A digest of what a step binds."""
        total = hashlib.sha256()
        for bind in binds(run):
            inside = not bind.stage or bind.stage in node.folders
            digest = (
                self._digest(node, bind.stage, bind.source)
                if inside
                else self.image(node, bind.stage)
            )
            total.update(f"{bind.target}\0{digest}\0".encode())
        return total.hexdigest()[:32]

    def image(self, node: Node, name: str) -> str:
        """The id of the image that a node's text calls `name`."""
        if name in node.needs:
            return self.built[node.needs[name]]
        return self.images[node.images[name]]

    def context(self, node: Node) -> tuple[content.Listing, ...]:
        """The parts of the build context that a node reads."""
        return tuple(self._listing(node, "", path) for path in reads(node.stage).get("", ()))

    def _listing(self, node: Node, name: str, path: str) -> content.Listing:
        root = Path(node.folders[name]) if name else self.root
        part = "" if set(path) & set("*?[") else path
        key = (str(root), part)
        if key not in self._listings:
            ignored = _NOTHING if name else self.ignored
            self._listings[key] = content.listing(root, part, ignored)
        return self._listings[key]

    def _digest(self, node: Node, name: str, path: str) -> str:
        seen = self._listing(node, name, path)
        key = (str(seen.root), path)
        if key not in self._digests:
            self._digests[key] = content.digest(seen)
        return self._digests[key]
