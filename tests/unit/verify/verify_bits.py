"""Images made of a few files, and small ELF files that gcc makes, for the checks of claims."""

import hashlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pdbuild import content
from pdbuild.content import Content, Layer
from pdbuild.oci import Config
from pdbuild.recipe.tables.verify import Verify
from pdbuild.verify.finding import Finding, Verdict
from pdbuild.verify.subject import Ran, Subject

TRIPLET = "x86_64-linux-gnu"


@dataclass(frozen=True)
class At:
    """A file of an image, or a link, with what is special about it."""

    data: bytes = b""
    link: str = ""
    mode: int = 0o644
    uid: int = 0
    owner: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def layer(files: Mapping[str, bytes | str | At]) -> Layer:
    """A layer of these files; folders above them are there, too. A text is a link's target."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folders: set[str] = set()
        for path, what in files.items():
            for parent in reversed(Path(path).parents):
                if str(parent) not in folders and str(parent) != "/":
                    folders.add(str(parent))
                    archive.addfile(_member(str(parent), tarfile.DIRTYPE, 0o755))
            at = what if isinstance(what, At) else _at(what)
            member = _member(path, tarfile.SYMTYPE if at.link else tarfile.REGTYPE, at.mode)
            member.linkname, member.size = at.link, len(at.data)
            member.uid, member.uname, member.pax_headers = at.uid, at.owner, at.headers
            archive.addfile(member, io.BytesIO(at.data))
    data = out.getvalue()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return Layer(digest, data, tuple(content.entries(archive)))


def _at(what: bytes | str) -> At:
    return At(data=what) if isinstance(what, bytes) else At(link=what)


def _member(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.type, member.mode = kind, mode
    return member


def image(*layers: Mapping[str, bytes | str | At]) -> Content:
    """An image of these layers."""
    return content.merged(tuple(map(layer, layers)))


def subject(*layers: Mapping[str, bytes | str | At], **facts: Any) -> Subject:
    """An image of these layers as a check is given it; what its topmost layer has, it ships."""
    config = {
        "digest": "", "platform": "linux/amd64", "created": "", "labels": {}, "env": (),
        "entrypoint": (), "cmd": (), "workdir": "/work", "user": "",
    } | facts.pop("config", {})  # fmt: skip
    told = {"reference": "localhost/thing:1.0", "project": "thing", "variant": "plain"} | facts
    return Subject(content=image(*layers), config=Config(**config), **told)


def claims(**keys: Any) -> Verify:
    """A table `[verify]`."""
    return Verify(**keys)


def one(findings: Iterator[Finding], words: str) -> Finding:
    """The finding whose claim has these words."""
    (found,) = (f for f in findings if words in f.claim)
    return found


def holds(findings: Iterator[Finding], words: str) -> None:
    """That claim holds."""
    found = one(findings, words)
    assert found.verdict is Verdict.HOLDS, found


def fails(findings: Iterator[Finding], words: str, *told: str) -> None:
    """That claim fails, and it is told where."""
    found = one(findings, words)
    assert found.verdict is Verdict.FAILS, found
    for text in told:
        assert any(text in line for line in found.details), found


@cache
def compiled(source: str, *flags: str, language: str = "c") -> bytes:
    """What gcc makes of a text; `-shared` for a library. Hardened as dpkg-buildflags has it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "made")
        subprocess.run(
            ["gcc", "-x", language, "-", "-x", "none", "-o", made, *flags],
            input=source, text=True, check=True, cwd=folder,
        )  # fmt: skip
        return made.read_bytes()


HARDENED = (
    "-O2", "-fPIC", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro", "-Wl,-z,now",
)  # fmt: skip


@dataclass
class FakeMachine:
    """Says what it is told to, and keeps what it was asked."""

    answers: Mapping[str, Ran]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def run(self, words: Any, *, cpu: str = "") -> Ran:
        self.asked.append((" ".join(words), cpu))
        return self.answers[" ".join(words)]
