"""The steps that download, for what is carried to where there is no network: collecting, and back.

Collecting runs each step that downloads with $PDBUILD_FETCHED set: its hook puts there what it
would have used, and does no more. That stage starts from less than the step itself, so nothing has
to be compiled for it. Putting it back fills the cache mounts in which the same steps look first.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from pdbuild.carried import Mount
from pdbuild.plan.instructions import Arg, Bind, Cache, Copy, Env, Instruction, Run, Secret, Stage
from pdbuild.plan.steps import HOOKS, strict
from pdbuild.plan.toolchain import PYTHON
from pdbuild.plan.types import Form, Plan, Target

#: The named context of what is put back.
CONTEXT = "carried"
FETCHED = "/fetched"
_PLACE = "/run/carried"
_NONCE = "PDBUILD_NONCE"
_NAME = "carry"
_DONE = "/filled"
# In $PDBUILD_FETCHED, what belongs to the cache mount with this target.
_PARTS = {"/run/apt/cache": "apt", "/run/apt/state": "lists", "/root/.cache/pip": "pip"}
# What these need is what is in the stage before them.
_AS_THEY_ARE = ("cross-install", "cross-wheels")
_FETCH = f'mkdir -p {FETCHED}; exec "$@"'
# Downloads that are there stay. Lists are those that were carried, and no others.
_FILL = (
    "n=0; for folder; do "
    f'if [ -d "{_PLACE}/$n/lists" ]; then rm -rf "$folder/lists"; fi; '
    f'tar -C "{_PLACE}/$n" -cf - . | tar --skip-old-files --no-same-owner -C "$folder" -xf -; '
    f"n=$((n + 1)); done; : > {_DONE}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """A plan whose target yields what steps download.

    `mounts` are the cache mounts that it belongs to. `folders` say in which folder of the output
    the files of each mount are, by its number.
    """

    plan: Plan
    mounts: tuple[Mount, ...]
    folders: tuple[tuple[str, int], ...]


def fetching(plan: Plan) -> Fetching | None:
    """How to collect what the plan's steps download; None when none does."""
    stages: list[Stage] = []
    mounts: dict[str, Mount] = {}
    folders: list[tuple[str, int]] = []
    seen: set[object] = set()
    known = {"", "hooks", *(s.name for s in plan.stages if s.needs == ("base",))}
    for stage, run in _downloading(plan):
        fetch = _fetch(stage, run, f"{_NAME}-{len(stages)}", known)
        what = (fetch.base, fetch.instructions)
        if what in seen:
            continue
        seen.add(what)
        for cache in run.mounts:
            if isinstance(cache, Cache) and cache.target in _PARTS:
                # It is collected and put back for this machine: both names are one mount's.
                mount = cache.id.replace("$TARGETARCH", "$BUILDARCH")
                new = Mount(number=len(mounts), id=mount, target=cache.target)
                number = mounts.setdefault(mount, new).number
                folders.append((f"{len(stages)}/{_PARTS[cache.target]}", number))
        stages.append(fetch)
    if not stages:
        return None
    copies = (
        Copy(stage=s.name, source=f"{FETCHED}/", target=f"/{n}/") for n, s in enumerate(stages)
    )
    out = Stage(
        name=_NAME, base="scratch", comment="What was downloaded, alone.", instructions=(*copies,)
    )
    return Fetching(
        plan=_plan(plan, *stages, out), mounts=tuple(mounts.values()), folders=tuple(folders)
    )


def filling(plan: Plan, mounts: Sequence[Mount]) -> Plan:
    """The plan of a target that puts what the context has into the mounts."""
    apart = [f"/run/caches/{mount.number}" for mount in mounts]
    caches = (Cache(id=m.id, target=place) for m, place in zip(mounts, apart, strict=True))
    brought = Bind(stage=CONTEXT, source="/", target=_PLACE)
    step = Run(argv=(*strict(_FILL), _NAME, *apart), mounts=(*caches, brought))
    fill = Stage(
        name=f"{_NAME}-fill",
        base="base",
        comment="The cache mounts are filled with what was carried here.",
        instructions=(*_arguments(), step),
    )
    # Without the base, which an engine would write out.
    out = Stage(
        name=_NAME,
        base="scratch",
        comment="That it was done.",
        instructions=(Copy(stage=fill.name, source=_DONE, target="/"),),
    )
    return _plan(plan, fill, out)


def _downloading(plan: Plan) -> Iterator[tuple[Stage, Run]]:
    for stage in plan.stages:
        for step in stage.instructions:
            if isinstance(step, Run) and Secret(id="network") in step.mounts:
                yield stage, step


def _fetch(stage: Stage, run: Run, name: str, known: Collection[str]) -> Stage:
    """The stage in which a step's hook collects what the step would download."""
    hook = next(word for word in run.argv if _hook(word) and _hook(word) != "attempt")
    as_it_is = _hook(hook) in _AS_THEY_ARE
    base = "base"
    if as_it_is or stage.base.startswith("base"):
        base = stage.base
    elif any(isinstance(m, Cache) and _PARTS.get(m.target) == "pip" for m in run.mounts):
        base = PYTHON
    before: list[Instruction] = [i for i in stage.instructions if isinstance(i, Arg | Env)]
    # Others than the hooks, the source and words of the recipe would have to be made first.
    mounts = (m for m in run.mounts if not isinstance(m, Bind) or m.stage in known)
    fetch = Run(argv=(*strict(_FETCH), _NAME, *run.argv), mounts=(*mounts,))
    return Stage(
        name=name,
        base=base,
        comment=f"What {stage.name} downloads.",
        instructions=(
            *before,
            *(i for i in _arguments() if i not in before),
            Env(name="PDBUILD_FETCHED", value=FETCHED),
            fetch,
        ),
    )


def _hook(word: str) -> str:
    return word.removeprefix(f"{HOOKS}/") if word.startswith(f"{HOOKS}/") else ""


def _arguments() -> tuple[Arg, ...]:
    return (Arg(name="TARGETARCH"), Arg(name="BUILDARCH"), Arg(name=_NONCE, default=""))


def _plan(plan: Plan, *stages: Stage) -> Plan:
    target = Target(
        name=_NAME,
        stage=_NAME,
        kind="",
        platform=plan.request.machine.name,
        form=Form.ARCHIVE,
        description="",
        args={_NONCE: str(time.time_ns())},  # the mounts decide nothing, for an engine
    )
    kept = _needed((*plan.stages, *stages), stages)
    return replace(plan, stages=kept, targets=(target,), groups={}, outcomes=(), claims=())


def _needed(every: Sequence[Stage], wanted: Sequence[Stage]) -> tuple[Stage, ...]:
    names = {stage.name for stage in wanted}
    for stage in reversed(every):
        if stage.name in names:
            names.update(stage.needs)
    return tuple(stage for stage in every if stage.name in names)
