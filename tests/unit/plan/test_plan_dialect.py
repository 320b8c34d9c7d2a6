"""Every golden text keeps to what BuildKit and Buildah read alike, and to bake's own rules."""

import itertools
import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden_bits import CASES, GOLDEN, bake, plan, recipe

from pdbuild.plan.instructions import Bind, Cache, Copy, Mount, Run
from pdbuild.plan.types import Plan

# What a line may begin with.
INSTRUCTIONS = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "USER",
    "WORKDIR",
}  # fmt: skip


def instructions(case: str) -> list[str]:
    """The instructions of a golden Containerfile, each on one line, without comments."""
    text = (GOLDEN / case / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line for line in joined.splitlines() if line]


def mounts(made: Plan) -> Iterator[tuple[str, Mount]]:
    for stage in made.stages:
        for instruction in stage.instructions:
            if isinstance(instruction, Run):
                yield from ((stage.name, mount) for mount in instruction.mounts)


@pytest.mark.parametrize("case", CASES)
def test_only_known_instructions(case: str) -> None:
    text = (GOLDEN / case / "Containerfile").read_text()
    assert {line.split()[0] for line in instructions(case)} <= INSTRUCTIONS
    assert "<<" not in text
    assert not re.search(r"^\s*#\s*(syntax|escape|check)\s*=", text, re.MULTILINE | re.IGNORECASE)
    assert text.endswith("\n") and not text.endswith("\n\n") and "\n\n\n" not in text
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


@pytest.mark.parametrize("case", CASES)
def test_steps_are_in_exec_form(case: str) -> None:
    for line in instructions(case):
        word, _, rest = line.partition(" ")
        if word == "RUN":
            flags, _, argv = rest.partition("[")
            assert all(flag.startswith("--mount=type=") for flag in flags.split())
            rest = f"[{argv}"
        if word in ("RUN", "CMD", "ENTRYPOINT"):
            words = json.loads(rest)
            assert words and all(isinstance(part, str) for part in words)


@pytest.mark.parametrize("case", CASES)
def test_no_writable_bind_and_no_flag_that_one_engine_lacks(case: str) -> None:
    known = {
        "bind": {"type", "from", "source", "target"},
        "cache": {"type", "id", "target"},
        "tmpfs": {"type", "target"},
        "secret": {"type", "id"},
    }
    for line in instructions(case):
        for flag in re.findall(r"--mount=(\S+)", line):
            pairs = dict(part.split("=", 1) for part in flag.split(","))
            assert pairs.keys() <= known[pairs["type"]], flag
        if line.startswith("COPY"):
            assert set(re.findall(r"--(\w+)", line.partition(" ")[2].split(" /")[0])) <= {"from"}


@pytest.mark.parametrize("case", CASES)
def test_one_target_per_cache_id_and_none_twice_in_a_step(case: str) -> None:
    """Locked mounts are taken in order of their targets: two orders would be a deadlock."""
    targets = defaultdict(set)
    made = plan(case)
    for _, mount in mounts(made):
        if isinstance(mount, Cache):
            targets[mount.id].add(mount.target)
    assert all(len(found) == 1 for found in targets.values()), targets
    for stage in made.stages:
        for instruction in stage.instructions:
            if isinstance(instruction, Run):
                there = [getattr(mount, "target", mount) for mount in instruction.mounts]
                assert len(there) == len(set(there)), (stage.name, there)


@pytest.mark.parametrize("case", CASES)
def test_a_mount_is_never_split_by_its_own_text(case: str) -> None:
    for _, mount in mounts(plan(case)):
        for name in mount.__slots__:
            value = getattr(mount, name)
            assert not set(value) & set(" ,\"'\\"), mount
            if name == "target":
                assert value.startswith("/"), mount


@pytest.mark.parametrize("case", CASES)
def test_dev_is_last_and_each_stage_follows_what_it_needs(case: str) -> None:
    made = plan(case)
    assert made.stages[-1].name == ("app-default" if recipe(case).only_app else "dev")
    assert made.stages[0].base == made.base
    app = recipe(case).app
    seen = {"scratch", made.base, *([app.image] if app else ())}
    for stage in made.stages:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", stage.name)
        assert set(stage.needs) <= seen, stage.name
        assert stage.name not in seen
        seen.add(stage.name)
    assert {target.stage for target in made.targets} <= seen


@pytest.mark.parametrize("case", CASES)
def test_every_option_of_a_variant_is_an_argument_of_its_step(case: str) -> None:
    """`--set` reaches a step only by an ARG of its stage."""
    loaded = recipe(case)
    lines = instructions(case)
    for variant, chosen in loaded.variants.items() if not loaded.only_app else ():
        start = lines.index(f"FROM compile AS build-{variant}")
        stage = list(itertools.takewhile(lambda x: not x.startswith("FROM"), lines[start + 1 :]))
        for name, option in loaded.options.items():
            value = chosen.options.get(name, option.default)
            assert f"ARG {name}={value}" in stage


@pytest.mark.parametrize("case", CASES)
def test_own_scripts_come_from_the_source_and_ours_from_hooks(case: str) -> None:
    hooks = GOLDEN.parents[1] / "hooks"
    for stage, mount in mounts(plan(case)):
        if isinstance(mount, Bind) and mount.stage == "hooks":
            path = hooks / mount.source.lstrip("/")
            assert path.is_file() or mount.source == "/", (stage, mount)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *strings(inner))
    else:
        for inner in value:
            yield from strings(inner)


@pytest.mark.parametrize("case", CASES)
def test_bake_rules(case: str) -> None:
    read = json.loads((GOLDEN / case / "docker-bake.json").read_text())
    assert read.keys() == {"group", "target"}
    for name in (*read["group"], *read["target"]):
        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
    for group in read["group"].values():
        assert group["targets"] and set(group["targets"]) <= read["target"].keys()
    assert read["group"]["default"]["targets"] == list(read["target"])
    for target in read["target"].values():
        places = [target["context"], target["dockerfile"]]
        places += [c.removeprefix("oci-layout://") for c in target["contexts"].values()]
        for field in (*target.get("output", ()), *target["secret"]):
            places += re.findall(r"(?:dest|src)=([^,]*)", field)
        assert all(place.startswith("/") for place in places), places
        # Interpolated by bake unless doubled.
        for text in strings(target):
            assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", text), text
        assert not {"no-cache", "entitlements", "network", "dockerfile-inline"} & target.keys()


def test_hostile_strings_are_escaped_for_bake() -> None:
    target = json.loads(bake(plan("beacon")))["target"]["image-secure"]
    assert target["labels"]["org.opencontainers.image.source"].endswith("?a=1&b=$${2}")


def test_paths_with_commas_and_quotes_stay_one_field() -> None:
    import csv
    import dataclasses

    from pdbuild.render import bakefile

    odd = dataclasses.replace(plan("smallest"), root='/home/a,b/it"s ${x}')
    text = bakefile.render(odd, containerfile="/c", contexts={}, secrets={"ca": "/etc/a,b.pem"})
    target = json.loads(text)["target"]["binaries-default"]
    assert next(csv.reader(target["secret"])) == ["id=ca", "src=/etc/a,b.pem"]
    (output,) = csv.reader(target["output"])
    assert output == ["type=local", 'dest=/home/a,b/it"s $${x}/build/default']


def words(case: str, stage: str, **variables: str) -> list[str]:
    """What the hook of a build step gets as arguments, by the real shell."""
    (found,) = (s for s in plan(case).stages if s.name == stage)
    (run,) = (i for i in found.instructions if isinstance(i, Run))
    *shell, script = run.argv
    assert shell == ["bash", "-euo", "pipefail", "-c"]
    build, _, rest = script.rpartition("; ")
    assert build[0] == "(" and build[-1] == ")" and rest.endswith("bash /run/hooks/strip")
    called = re.sub(r'^(.*?)exec bash \S+( "\$PDBUILD_SOURCE[^\s)]+)?', r"\1printf '%s\\0'", build)
    ran = subprocess.run(
        [*shell, called], env={**os.environ, **variables}, capture_output=True, check=True
    )
    return ran.stdout.decode().split("\0")[:-1]


def test_words_of_the_step_are_words_of_the_shell() -> None:
    """A build argument is one word in the step, and $NAME in it is a variable."""
    seen = words("beacon", "build-secure", SSL="none", COLOR="green", TRACE="1", VERSION="1.2")
    assert seen == [
        "-DBEACON_TLS=none",
        "-DLAMP_COLOR=green",
        "-DSHARED=ON",
        '-DMOTTO=a %{b} "c" 1.2',
        "-DTRACE=1",
    ]
    seen = words("ledger", "build-default", b="; echo no")
    assert seen[0] == "--mode=double entry" and seen[-1] == "back`tick`"


def test_only_what_a_target_ships_is_copied_from_a_stage() -> None:
    for case in CASES:
        for stage in plan(case).stages:
            for instruction in stage.instructions:
                if isinstance(instruction, Copy) and instruction.stage:
                    assert instruction.source.startswith("/") and Path(instruction.target)
