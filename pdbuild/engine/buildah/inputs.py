"""What a node reads, as digests: the keys of its result, and of steps with bind mounts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pdbuild.context import content
from pdbuild.context.ignore import Ignored
from pdbuild.engine.buildah.graph import Node, binds
from pdbuild.plan.instructions import Run

_NOTHING = Ignored(rules=())


@dataclass(frozen=True, slots=True)
class Result:
    """A node's image, by its id, and digests of the paths in it that other nodes read."""

    image: str
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> "Result":
        """The result as it was recorded."""
        return cls(str(recorded["image"]), dict(recorded.get("digests") or {}))


@dataclass(slots=True)
class Inputs:
    """The state of everything that nodes read, as this run sees it first.

    `images` are the ids of base images by their source, `built` the results of finished nodes
    by their ids; `root` is the build context and `ignored` what it leaves out.
    """

    root: Path
    ignored: Ignored
    images: Mapping[str, str]
    built: dict[str, Result] = field(default_factory=dict)
    _listings: dict[tuple[str, str], content.Listing] = field(default_factory=dict)
    _digests: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, node: Node) -> dict[str, str]:
        """The digests of all that a node reads: of images as a whole where it starts from one."""
        base = node.stage.base
        found = {base: self.image(node, base)} if base in {*node.needs, *node.images} else {}
        for name, paths in node.stage.reads.items():
            for path in paths:
                found[f"{name}:{path}"] = self._digest(node, name, path)
        return found

    def bound(self, node: Node, run: Run) -> str:
        """A digest of what a step binds."""
        total = hashlib.sha256()
        for bind in binds(run):
            digest = self._digest(node, bind.stage, bind.source)
            total.update(f"{bind.target}\0{digest}\0".encode())
        return total.hexdigest()[:32]

    def image(self, node: Node, name: str) -> str:
        """The id of the image that a node's text calls `name`."""
        if name in node.needs:
            return self.built[node.needs[name]].image
        return self.images[node.images[name]]

    def context(self, node: Node) -> tuple[content.Listing, ...]:
        """The parts of the build context that a node reads."""
        return self.folder(node, "")

    def folder(self, node: Node, name: str) -> tuple[content.Listing, ...]:
        """The parts of a named context, a folder, that a node reads."""
        return tuple(self._listing(node, name, path) for path in node.stage.reads.get(name, ()))

    def _listing(self, node: Node, name: str, path: str) -> content.Listing:
        root = Path(node.folders[name]) if name else self.root
        part = "" if set(path) & set("*?[") else path
        key = (str(root), part)
        if key not in self._listings:
            ignored = _NOTHING if name else self.ignored
            self._listings[key] = content.listing(root, part, ignored)
        return self._listings[key]

    def _digest(self, node: Node, name: str, path: str) -> str:
        if name in node.needs:
            result = self.built[node.needs[name]]
            return result.digests.get(path, result.image)
        if name in node.images:
            return self.image(node, name)
        seen = self._listing(node, name, path)
        key = (str(seen.root), path)
        if key not in self._digests:
            self._digests[key] = content.digest(seen)
        return self._digests[key]
