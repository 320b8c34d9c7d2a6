"""Renders a plan as a bake file (JSON) for `docker buildx bake`.

Only keys that buildx has had since 0.10, options as CSV strings: 0.13 and later read it alike.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pdbuild.plan.types import Form, Plan, Target, contexts_of


def render(
    plan: Plan,
    *,
    containerfile: str,
    contexts: Mapping[str, str],
    secrets: Mapping[str, str],
    private: Sequence[str] = (),
) -> str:
    """The bake file's text.

    `containerfile` is the absolute path of the rendered Containerfile, `contexts` the named
    contexts (absolute paths or `oci-layout://…`), `secrets` files by their id, `private` the ids of
    those that are in the builder's environment, by `variable`. Images have no
    `output`: whoever builds chooses `--load`, `--push` or `--set`.
    """
    given = [_csv(f"id={name}", f"src={path}") for name, path in secrets.items()]
    given += [_csv(f"id={name}", f"env={variable(name)}") for name in private]
    targets = {
        target.name: _target(plan, target, containerfile, contexts, given)
        for target in plan.targets
    }
    groups = {name: {"targets": list(members)} for name, members in plan.groups.items()}
    groups["default"] = {"targets": [target.name for target in plan.targets]}
    bake = {"group": groups, "target": targets}
    text = json.dumps(bake, indent=2, ensure_ascii=False)
    # Bake reads JSON strings as HCL templates. Nothing else in the text can look like one.
    return text.replace("${", "$${").replace("%{", "%%{") + "\n"


def variable(secret: str) -> str:
    """The environment variable that holds a secret which is in no file."""
    return f"PDBUILD_SECRET_{secret.upper().replace('-', '_')}"


def _target(
    plan: Plan,
    target: Target,
    containerfile: str,
    contexts: Mapping[str, str],
    secrets: Sequence[str],
) -> dict[str, Any]:
    fields = {
        # bake resolves relative paths against its working directory, not the file's folder.
        "context": plan.root,
        "contexts": contexts_of(target, plan.base, contexts),
        "dockerfile": containerfile,
        "target": target.stage,
        "args": target.args,
        "labels": target.labels,
        "tags": _tags(plan, target),
        "platforms": [target.platform] if target.platform else [],
        "secret": list(secrets),
        "output": _output(plan, target),
    }
    return {key: value for key, value in fields.items() if value}


def _tags(plan: Plan, target: Target) -> list[str]:
    """The target's; bake knows no way to make one image of several targets."""
    foreign = target.platform not in ("", plan.request.machine.name)
    suffix = f"-{target.platform.replace('/', '-')}" if foreign else ""
    return [f"{tag}{suffix}" for tag in target.tags]


def _output(plan: Plan, target: Target) -> list[str]:
    if target.form is Form.IMAGE:
        return []
    kind = "tar" if target.form is Form.ARCHIVE else "local"
    return [_csv(f"type={kind}", f"dest={plan.root}/{target.destination}")]


def _csv(*fields: str) -> str:
    """Fields as buildx reads them: CSV, in which a path may hold commas and quotes."""
    return ",".join(
        '"' + field.replace('"', '""') + '"' if set(field) & set(',"') else field
        for field in fields
    )
