"""Configures a copy of a project with the host's CMake and asks its file API what came of it."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pdbuild import programs
from pdbuild.errors import EngineError

_LONGEST_SECONDS = 90
_LARGEST_BYTES = 300_000_000
_NOT_SOURCE = (".git", ".venv", "build", "__pycache__", "node_modules")
_QUERY = {"requests": [{"kind": kind, "version": 1} for kind in ("toolchains",)]
          + [{"kind": kind, "version": 2} for kind in ("cache", "codemodel")]}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What CMake made of a project: its cache variables, languages and installed programs."""

    settings: dict[str, str]
    languages: frozenset[str]
    programs: tuple[str, ...]


def configure(folder: Path) -> Configured | str:
    """CMake's view of the project in `folder`, or why there is none.

    The source is copied first: a project may write beside its files while it is configured.
    Nothing is downloaded by FetchContent.
    """
    if _size(folder) > _LARGEST_BYTES:
        return "the source is large"
    with TemporaryDirectory(prefix="pdbuild-init-") as scratch:
        source, build = Path(scratch, folder.name or "source"), Path(scratch, "pdbuild-build")
        try:
            shutil.copytree(
                folder, source, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_SOURCE)
            )
        except OSError:
            return "the source cannot be copied"
        query = build / ".cmake/api/v1/query/client-pdbuild"
        query.mkdir(parents=True)
        (query / "query.json").write_text(json.dumps(_QUERY))
        try:
            done = programs.run(
                "cmake", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release",
                "-DFETCHCONTENT_FULLY_DISCONNECTED=ON", timeout=_LONGEST_SECONDS,
            )  # fmt: skip
        except programs.NotInstalled:
            return "cmake is not installed"
        except EngineError:
            return "cmake did not end"
        replies = build / ".cmake/api/v1/reply"
        if done.code or not replies.is_dir():
            return "cmake could not configure it on this machine"
        return read(replies)


def read(replies: Path) -> Configured:
    """The values of a folder of CMake's replies."""
    index = _json(max(replies.glob("index-*.json")))
    answers = index["reply"]["client-pdbuild"]["query.json"]["responses"]
    files = {answer["kind"]: replies / answer["jsonFile"] for answer in answers}
    targets = [
        _json(replies / target["jsonFile"])
        for target in _json(files["codemodel"])["configurations"][0]["targets"]
    ]
    return Configured(
        settings={e["name"]: e["value"] for e in _json(files["cache"])["entries"]},
        languages=frozenset(
            toolchain["language"] for toolchain in _json(files["toolchains"])["toolchains"]
        ),
        programs=tuple(
            target.get("nameOnDisk", target["name"])
            for target in targets
            if target["type"] == "EXECUTABLE" and "install" in target
        ),
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _size(folder: Path) -> int:
    total = 0
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_SOURCE]
        total += sum(Path(base, name).lstat().st_size for name in files)
    return total
