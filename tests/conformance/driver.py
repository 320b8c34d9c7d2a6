"""Builds cases with one engine, as whoever runs it, and prints what came out as JSON.

    python -m conformance.driver ENGINE WORK [CASE...]

Run from the folder above this one; WORK is a folder for the contexts and outputs.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.cases import BASE, CASES, Case, Step
from pdbuild import base, definition, shipped
from pdbuild.choices import Mode
from pdbuild.engine import daemon
from pdbuild.engine.buildah import Buildah
from pdbuild.engine.buildkit import BuildKit
from pdbuild.engine.contract import Build, Built, Engine, Output
from pdbuild.oci import Layout
from pdbuild.plan.types import Form, Plan, Target
from pdbuild.progress import Solve, view
from pdbuild.progress.names import brief
from pdbuild.version import Version

Tree = dict[str, dict[str, Any]]

# What every image says differently, and nobody reads: when, by which commands, which layers.
_UNCOMPARED = ("history", "rootfs", "created", "moby.buildkit.buildinfo.v1")

_layers: dict[str, Tree] = {}


def build_case(
    case: Case, engine: Engine, work: Path, progress: Mode = "quiet"
) -> list[dict[str, Any]]:
    """What each build of the case gave: the first, then one after each of its steps."""
    shutil.rmtree(work, ignore_errors=True)
    context, named = work / "context", work / "named"
    for root, files in ((context, case.files), (named, case.named)):
        root.mkdir(parents=True)
        for name, text in files.items():
            write(root, name, text)
    if case.ignored:
        write(context, ".dockerignore", case.ignored)
    results = [build(case, engine, work, progress, case.private)]
    for step in case.steps:
        change(work, step)
        result = build(case, engine, work, progress, step.private)
        results.append(result | {"step": step.what})
    shutil.rmtree(work)  # each output has the whole base in it
    return results


def build(
    case: Case, engine: Engine, work: Path, progress: Mode, private: dict[str, str]
) -> dict[str, Any]:
    plan = plan_of(case, work / "context")
    secrets = {name: work / f"secret-{name}" for name in case.secrets}
    for name, path in secrets.items():
        path.write_text(case.secrets[name])
    made = base.find("trixie", os.uname().machine.replace("x86_64", "amd64"))
    assert made
    contexts = {BASE: made.context}
    if case.named:
        contexts["named"] = str(work / "named")
    if any(stage.name == "hooks" for stage in case.stages):
        contexts["hooks"] = str(shipped.hooks_dir())
    defined = definition.write(
        plan,
        recipe="case",
        contexts=contexts,
        network={},
        ca=secrets.get("ca"),
        private=private,
    )
    request = Build(
        plan=plan,
        definition=defined,
        exports=work / "exports",
        keep_going=case.keep_going,
    )
    with view(progress, sys.stderr, targets=[t.name for t in plan.targets]) as shown:
        built = engine.build(request, shown)
    return {
        "targets": {output.target.name: output_of(output) for output in built.outputs},
        "unfinished": [target.name for target in built.unfinished],
        "failures": failures(built, plan),
        "ran": ran(shown.solve, plan),
    }


def plan_of(case: Case, root: Path) -> Plan:
    names = case.targets or (case.stages[-1].name,)
    targets = tuple(
        Target(
            name=name,
            stage=name,
            kind="image",
            form=Form.IMAGE,
            description=name,
            tags=(f"localhost/conformance:{name}",),
            labels=case.labels,
            args=case.args,
            platform=case.platform,
        )
        for name in names
    )
    return Plan(
        project="conformance",
        version=Version("1"),
        root=str(root),
        base=BASE,
        platforms=("linux/amd64",),
        stages=case.stages,
        targets=targets,
        groups={},
    )


def write(root: Path, name: str, text: str | None) -> None:
    path = root / name.rstrip("*")
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        path.unlink()
    elif text.startswith("-> "):
        path.symlink_to(text.removeprefix("-> "))
    else:
        path.write_text(text)
        path.chmod(0o755 if name.endswith("*") else 0o644)


def change(work: Path, step: Step) -> None:
    context = work / "context"
    for name, text in step.write.items():
        root, _, inside = name.rpartition(":")
        write(work / root if root else context, inside, text)
    if step.touch:
        later = time.time() + 2
        os.utime(context / step.touch, (later, later))
    if step.chmod:
        (context / step.chmod).chmod(0o755)
    if step.rename:
        (context / step.rename[0]).rename(context / step.rename[1])


def failures(built: Built, plan: Plan) -> list[dict[str, Any]]:
    """The failures as a report tells them."""
    return [
        {
            "targets": sorted(failure.targets),
            "stage": failure.stage or plan.stages[-1].name,
            "number": failure.number,
            "instruction": brief(failure.instruction),
            "exit code": failure.exit_code,
            "lines": sorted(failure.lines),
        }
        for failure in built.failures
    ]


def ran(solve: Solve, plan: Plan) -> dict[str, str]:
    """Which steps ran: by stage and number, the cheapest word that is true for all targets."""
    found: dict[str, str] = {}
    for step in solve.steps:
        if step.name.position and not step.name.text.startswith("FROM "):
            # BuildKit leaves out the name of a stage that stands alone.
            stage = step.name.stage or plan.stages[-1].name
            found[f"{stage} {step.name.position}"] = step.state
    return dict(sorted(found.items()))


def output_of(output: Output) -> dict[str, Any]:
    """An image's configuration and its file tree."""
    layout = Layout(output.layout)
    manifest = layout.manifests(layout.describe(output.digest))[0]
    config = json.loads(layout.blob(manifest.config.digest).read_bytes())
    tree: Tree = {}
    for layer in manifest.layers:
        apply(tree, layer_of(layout.blob(layer.digest)))
    return {
        "config": {k: v for k, v in config.items() if k not in _UNCOMPARED},
        "created": config.get("created", "")[:19],
        "tree": tree,
    }


def layer_of(path: Path) -> Tree:
    if path.name not in _layers:
        _layers[path.name] = dict(entries(path))
    return _layers[path.name]


def entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.strip("/").removeprefix("./") or "."
            found: dict[str, Any] = {
                "type": "file" if member.isreg() or member.islnk() else member.type.decode(),
                "mode": f"{member.mode & 0o7777:o}",
                "owner": f"{member.uid}:{member.gid}",
            }
            if member.issym():
                found["link"] = member.linkname
                del found["mode"]
            if member.islnk():
                found["same"] = member.linkname.strip("/").removeprefix("./")
            elif member.isreg():
                file = archive.extractfile(member)
                assert file
                found["content"] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            if member.pax_headers.get("SCHILY.xattr.security.capability"):
                found["capabilities"] = True
            yield name, found


def apply(tree: Tree, layer: Tree) -> None:
    """Lay a layer over a tree (OCI image-spec, layer.md: whiteouts)."""
    for name in layer:
        folder, _, file = name.rpartition("/")
        if file == ".wh..wh..opq":
            remove(tree, folder, inside=True)
        elif file.startswith(".wh."):
            remove(tree, f"{folder}/{file[4:]}".strip("/"))
    for name, entry in layer.items():
        if name.rpartition("/")[2].startswith(".wh."):
            continue
        if entry["type"] != "5":
            remove(tree, name)
        if "same" in entry:
            twin = tree[entry["same"]]
            # A hard link is an equal file; which of the names came first is nobody's business.
            entry = {**twin, "links": True}
            tree[layer[name]["same"]] = entry
        tree[name] = entry


def remove(tree: Tree, name: str, *, inside: bool = False) -> None:
    for other in [n for n in tree if n.startswith(f"{name}/") or (n == name and not inside)]:
        del tree[other]


def main(argv: list[str]) -> int:
    engine_name, work, wanted = argv[0], Path(argv[1]), argv[2:]
    engine: Engine = BuildKit() if engine_name == "buildkit" else Buildah()
    engine.check()
    results: dict[str, Any] = {}
    holds = daemon.join() if engine_name == "buildkit" else contextlib.nullcontext()
    with holds:
        for case in CASES:
            if not wanted or case.name in wanted:
                began = time.monotonic()
                try:
                    results[case.name] = build_case(case, engine, work / case.name)
                except Exception as error:
                    results[case.name] = [{"raised": f"{type(error).__name__}: {error}"}]
                took = time.monotonic() - began
                print(f"{engine_name} {case.name}: {took:.1f} s", file=sys.stderr, flush=True)
    json.dump(results, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
