"""The command lines of a run: building a node, looking into its image, exporting it."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pdbuild.context import content
from pdbuild.engine import emulators
from pdbuild.engine.buildah import text
from pdbuild.engine.buildah.graph import Node, binds, has_steps
from pdbuild.engine.buildah.images import Images
from pdbuild.engine.buildah.inputs import Inputs
from pdbuild.engine.contract import Build
from pdbuild.limits import limits
from pdbuild.plan.instructions import Run, Stage


@dataclass(slots=True)
class Commands:
    """Makes commands, and the files that they read, in the run's folder."""

    build: Build
    images: Images
    inputs: Inputs
    isolation: text.Isolation
    _count: int = field(default=0, init=False)
    _emulating: list[str] | None = field(default=None, init=False)

    def node(self, node: Node, stage: Stage) -> tuple[list[str], Path]:
        """The command that builds a node, and the file to which it writes the image's id."""
        place = self.images.place
        self._count += 1
        folder = self.images.run / f"{self._count}"
        folder.mkdir()
        containerfile = folder / "Containerfile"
        containerfile.write_text(text.containerfile(node, stage))
        contexts = {text.FOLDERS: str(place.folder / "folders"), **self._folders(node, folder)}
        for name in (*node.needs, *node.images):
            contexts[name] = f"container-image://{self.inputs.image(node, name)}"
        call = text.Call(
            node=node,
            isolation=self._isolation(),
            layers=text.has_layers(node.stage),
            containerfile=containerfile,
            context=self._context(node, folder),
            ignorefile=place.folder / "nothing",
            policy=place.folder / "policy.json",
            iidfile=folder / "image",
            limits=limits(),
            contexts=contexts,
            secrets=self.build.definition.secrets,
            private=tuple(self.build.definition.private),
            profile=place.profile(self.images.run),
        )
        return place.inside(
            *self._emulators(node), *place.command(), *text.argv(call)
        ), call.iidfile

    def _emulators(self, node: Node) -> list[str]:
        """The words that let a node's steps run what is for another platform of this bake."""
        native = self.build.plan.request.machine.name
        foreign = any(t.platform not in ("", native) for t in self.build.plan.targets)
        if not (foreign and has_steps(node)):
            return []
        # Once: what runs by now may be reading the file that they name.
        if self._emulating is None:
            self._emulating = emulators.words(self.images.run)
        return self._emulating

    def look(self, image: str, paths: Sequence[str]) -> list[str]:
        """The command that prints digests of paths in an image, as a JSON object."""
        place = self.images.place
        program = Path(__file__).with_name("treehash.py")
        words = [str(place.folder / "root"), place.driver, place.layer(image)]
        point = str(place.folder / "folders" / "plain")
        return place.inside(sys.executable, "-I", "-S", str(program), *words, point, *paths)

    def export(self, image: str, layout: Path) -> list[str]:
        """The command that writes an image into a layout."""
        self.images.prepare_export(image, layout)
        return self.images.export_words(image, layout)

    def _isolation(self) -> text.Isolation:
        """The isolation, with our program in the runtime's place."""
        runtime = self.isolation.runtime
        if not runtime:
            return self.isolation
        wrapper = self.images.run / "runtime" / Path(runtime).name
        if not wrapper.exists():
            program = Path(__file__).with_name("runtime.py")
            notes = wrapper.parent / "notes"
            words = [sys.executable, "-I", "-S", str(program), runtime, str(notes)]
            wrapper.parent.mkdir()
            # Its other commands (start, state, kill) need nothing of us.
            wrapper.write_text(
                f'#!/bin/sh\ncase " $* " in *" create "* | *" delete "*) '
                f'exec {shlex.join(words)} "$@" ;; esac\nexec {shlex.quote(runtime)} "$@"\n'
            )
            wrapper.chmod(0o700)
        return replace(self.isolation, runtime=str(wrapper))

    def _context(self, node: Node, folder: Path) -> Path:
        """The build context: the project itself, or what a node reads of it, filtered."""
        seen = self.inputs.context(node)
        if not seen:
            return self.images.place.folder / "folders" / "plain"
        root = Path(self.build.plan.root)
        ours = _is_writable(node, "", root)
        if ours and not any(part.filtered for part in seen):
            return root
        for part in seen:
            content.copy(part, folder / "context", links=ours)
        return folder / "context"

    def _folders(self, node: Node, folder: Path) -> dict[str, str]:
        """The named contexts that are folders, or what a node reads of them, as our own files."""
        found = dict(node.folders)
        for name, path in node.folders.items():
            if not _is_writable(node, name, Path(path)):
                copied = folder / "folders" / name
                for part in self.inputs.folder(node, name):
                    content.copy(part, copied, links=False)
                found[name] = str(copied)
        return found


def _is_writable(node: Node, name: str, root: Path) -> bool:
    """Whether we may write the files of a context that a step of a node binds.

    Buildah opens them for writing (1.39, internal/volumes/bind_linux.go), which is refused for
    the hooks of a pdbuild that an administrator has installed.
    """
    runs = (step for step in node.stage.instructions if isinstance(step, Run))
    sources = (bind.source for run in runs for bind in binds(run) if bind.stage == name)
    files = (root / source.lstrip("/") for source in sources)
    return all(os.access(file, os.W_OK) for file in files if file.is_file())
