"""What Buildah is given: the golden command line, the adapted text, and keys."""

from dataclasses import replace
from pathlib import Path

import pytest

from pdbuild.engine.buildah.graph import Node
from pdbuild.engine.buildah.text import (
    Call,
    Isolation,
    adapted,
    argv,
    containerfile,
    has_layers,
    key,
)
from pdbuild.engine.buildah.version import Dialect
from pdbuild.plan.instructions import (
    Arg,
    Bind,
    Comment,
    Copy,
    Run,
    Secret,
    Stage,
    Tmpfs,
    Workdir,
)
from pdbuild.render.containerfile import render_stage

OLD, MIDDLE, NEW = (Dialect(version=v) for v in ((1, 28, 2), (1, 39, 3), (1, 44, 0)))

STAGE = Stage(
    name="build",
    base="toolchain",
    comment="Builds.",
    instructions=(
        Arg(name="VERSION", default="0"),
        Comment(text="a comment"),
        Run(
            argv=("bash", "x"),
            mounts=(
                Bind(source="src", target="/src"),
                Bind(stage="hooks", source="/x", target="/run/hooks/x"),
                Secret(id="ca"),
                Secret(id="network"),
                Tmpfs(target="/tmp"),
            ),
        ),
        Workdir(path="/work"),
    ),
)
NODE = Node(
    id="build",
    stage=STAGE,
    args={"VERSION": "1.2 beta"},
    needs={"toolchain": "toolchain"},
    folders={"hooks": "/h"},
    labels={"org.example.title": 'a "b" $c'},
    timestamp="1700000000",
)


def call() -> Call:
    return Call(
        node=NODE,
        isolation=Isolation(kind="rootless", runtime="/usr/sbin/runc"),
        layers=True,
        containerfile=Path("/run/1/Containerfile"),
        context=Path("/project"),
        ignorefile=Path("/store/nothing"),
        policy=Path("/store/policy.json"),
        iidfile=Path("/run/1/image"),
        limits=("--ulimit=nofile=1:2",),
        contexts={"toolchain": "container-image://abc", "hooks": "/h"},
        secrets={"ca": "/etc/ssl/ca.pem", "unused": "/x"},
    )


def test_what_is_copied_from_a_folder_belongs_to_root() -> None:
    copies = (
        Copy(stage="hooks", source="/", target="/h"),
        Copy(stage="made", source="/", target="/m"),
    )
    stage = Stage(name="x", base="scratch", comment="X.", instructions=copies)
    made = adapted(stage, OLD, lambda run: "", folders={"hooks"})
    assert [copy.owner for copy in made.instructions if isinstance(copy, Copy)] == ["0:0", ""]
    assert "COPY --from=hooks --chown=0:0 / /h\n" in render_stage(made)


def test_the_command_line() -> None:
    assert argv(call()) == [
        "build",
        "--isolation=rootless",
        "--runtime=/usr/sbin/runc",
        "--network=host",
        "--ulimit=nofile=1:2",
        "--format=oci",
        "--identity-label=false",
        "--http-proxy=false",
        "--pull=never",
        "--force-rm",
        "--layers=true",
        "--file=/run/1/Containerfile",
        "--ignorefile=/store/nothing",
        "--signature-policy=/store/policy.json",
        "--iidfile=/run/1/image",
        "--target=build",
        "--build-arg", "VERSION=1.2 beta",
        "--timestamp", "1700000000",
        "--secret", "id=ca,src=/etc/ssl/ca.pem",
        "--build-context", "hooks=/h",
        "--build-context", "toolchain=container-image://abc",
        "/project",
    ]  # fmt: skip


def test_what_is_for_another_platform_is_said_in_the_command_and_its_key() -> None:
    foreign = replace(NODE, platform="linux/arm64")
    assert "--platform=linux/arm64" in argv(replace(call(), node=foreign))
    assert not [word for word in argv(call()) if word.startswith("--platform")]
    assert key(foreign, STAGE, OLD, {}) != key(NODE, STAGE, OLD, {})
    # Old ones misread it there, and the node has a platform of its own.
    stage = adapted(replace(STAGE, platform="$BUILDPLATFORM"), OLD, lambda run: "")
    assert "FROM toolchain AS build\n" in render_stage(stage)


def test_the_text_is_the_stage_with_what_an_old_buildah_lacks() -> None:
    stage = adapted(STAGE, OLD, lambda run: "0123abcd")
    assert containerfile(NODE, stage) == (
        "# Builds.\n"
        "FROM toolchain AS build\n"
        "ARG VERSION=0\n"
        "ARG PDBUILD_BOUND=0123abcd\n"
        "RUN --mount=type=bind,source=src,target=/.pdbuild-2f737263 \\\n"
        "    --mount=type=bind,from=hooks,source=/x,"
        "target=/.pdbuild-2f72756e2f686f6f6b732f78 \\\n"
        "    --mount=type=secret,id=ca \\\n"
        "    --mount=type=secret,id=network \\\n"
        "    --mount=type=tmpfs,target=/.pdbuild-2f746d70 \\\n"
        '    ["bash", "x"]\n'
        "COPY --from=pdbuild-folders /plain/ /work/\n"
        "WORKDIR /work\n"
        'LABEL "org.example.title"="a \\"b\\" \\$c"\n'
    )


@pytest.mark.parametrize(("dialect", "injects"), [(OLD, True), (MIDDLE, True), (NEW, False)])
def test_only_versions_that_look_away_are_told_what_is_bound(
    dialect: Dialect, injects: bool
) -> None:
    stage = adapted(STAGE, dialect, lambda run: "0123")
    names = [i.name for i in stage.instructions if isinstance(i, Arg)]
    assert ("PDBUILD_BOUND" in names) is injects


def test_without_a_runtime_mounts_stay_where_they_are() -> None:
    stage = adapted(STAGE, NEW, lambda run: "", moved=False)
    assert STAGE.instructions[2] in stage.instructions


def test_a_key_depends_on_all_that_is_read_and_on_nothing_else() -> None:
    stage = adapted(STAGE, OLD, lambda run: "0123")
    before = key(NODE, stage, OLD, {"toolchain": "abc"})
    assert key(NODE, stage, OLD, {"toolchain": "abc"}) == before
    assert key(NODE, stage, OLD, {"toolchain": "abd"}) != before
    assert key(NODE, adapted(STAGE, OLD, lambda run: "4567"), OLD, {"toolchain": "abc"}) != before
    assert key(NODE, stage, MIDDLE, {"toolchain": "abc"}) != before
    told = replace(STAGE, comment="Else.", instructions=(Comment(text="x"), *STAGE.instructions))
    same = adapted(told, OLD, lambda run: "0123")
    assert key(NODE, same, OLD, {"toolchain": "abc"}) == before


def test_one_step_needs_no_layers() -> None:
    assert not has_layers(STAGE)
    two = (*STAGE.instructions, Copy(source="a", target="/b"))
    assert has_layers(Stage(name="s", base="b", comment="", instructions=two))
