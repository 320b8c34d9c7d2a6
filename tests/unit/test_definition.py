"""Where the rendered texts lie, and what reaches steps as secrets."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from pdbuild import definition, network, shipped
from pdbuild.definition import Definition
from pdbuild.plan.types import Plan, Request
from pdbuild.recipe.load import load
from pdbuild.recipe.types import Mirrors
from pdbuild.resolve import resolve
from pdbuild.version import Version


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "root"
    root.mkdir()
    (root / "pdbuild.toml").write_text('project.name = "x1"\n')
    recipe = load(root / "pdbuild.toml", blocks_dir=shipped.toolchain_dir())
    return resolve(recipe, Request(version=Version("1.0")))


def write(plan: Plan, net: Mapping[str, str] = {}, ca: Path | None = None) -> Definition:
    return definition.write(plan, recipe="pdbuild.toml", contexts={}, network=net, ca=ca)


def test_the_same_text_is_the_same_file(plan: Plan) -> None:
    one, other = write(plan), write(plan)
    assert one == other
    assert one.bakefile.read_text() == one.bakefile_text
    assert json.loads(one.bakefile_text)["target"]["dev"]["dockerfile"] == str(one.containerfile)
    changed = write(replace(plan, version=Version("2.0"), targets=plan.targets[:1]))
    assert changed.bakefile != one.bakefile


def test_files_are_complete_at_any_moment(plan: Plan) -> None:
    """Nothing of a half-written file is ever found under the final name, or left."""
    made = write(plan, {"APT_MIRROR": "http://x"})
    names = {path.name for path in made.containerfile.parent.iterdir()}
    assert names == {
        "Containerfile", "Containerfile.dockerignore", "network", made.bakefile.name,
    }  # fmt: skip


def test_what_is_no_context(plan: Plan) -> None:
    ignored = write(plan).containerfile.with_name("Containerfile.dockerignore")
    assert ignored.read_text().split() == [".git", ".venv", "**/__pycache__", "build"]
    (Path(plan.root) / ".dockerignore").write_bytes(b"data\n\xff\n")
    ignored = write(plan).containerfile.with_name("Containerfile.dockerignore")
    assert ignored.read_text().splitlines()[4] == "data"


def test_secrets_are_files_that_only_the_user_reads(plan: Plan, tmp_path: Path) -> None:
    assert all("secret" not in t for t in json.loads(write(plan).bakefile_text)["target"].values())
    with ExitStack() as until:
        made = definition.write(
            plan,
            recipe="pdbuild.toml",
            contexts={},
            network={"https_proxy": "http://me:pass,word@proxy:3128"},
            ca=tmp_path / "ca.pem",
            until=until,
        )
        secret = made.containerfile.with_name("network-private")
        assert secret.stat().st_mode & 0o777 == 0o600
    assert "pass" not in made.bakefile_text and "pass" not in made.containerfile.read_text()
    for target in json.loads(made.bakefile_text)["target"].values():
        assert target["secret"] == [f"id=ca,src={tmp_path}/ca.pem", f"id=network,src={secret}"]


HOSTILE = "it's $(touch pwned) `touch pwned`; \"\\ $HOME # x\ty"


def test_values_reach_the_shell_of_a_step_as_they_are(plan: Plan, tmp_path: Path) -> None:
    """hooks/network sources the file; here as a step does, with the file in its place."""
    secret = write(plan, {"APT_MIRROR": HOSTILE, "no_proxy": "a,b"}).containerfile.with_name(
        "network"
    )
    script = 'set -a; . "$1"; set +a; exec env -0'
    ran = subprocess.run(
        ["bash", "-euc", script, "bash", secret], cwd=tmp_path, capture_output=True, check=True
    )
    seen = dict(pair.split("=", 1) for pair in ran.stdout.decode().split("\0")[:-1])
    assert (seen["APT_MIRROR"], seen["no_proxy"]) == (HOSTILE, "a,b")
    assert not (tmp_path / "pwned").exists()


def test_the_hook_reads_the_secrets_that_steps_are_given(plan: Plan) -> None:
    """One name on both sides."""
    text = (shipped.hooks_dir() / "network").read_text()
    made = write(plan, {"APT_MIRROR": "x"}, Path("/ca"))
    given = {
        field.partition(",")[0].removeprefix("id=")
        for field in json.loads(made.bakefile_text)["target"]["dev"]["secret"]
    }
    assert given == {"ca", "network"}
    for name in given:
        assert f"/run/secrets/{name}" in text
    known = {
        word.split("/")[-1] for word in text.replace('"', " ").split() if "/run/secrets/" in word
    }
    assert {name.rstrip(";]") for name in known} == given


def test_mirrors_and_proxies_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    assert network.settings(Mirrors()) == {}
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("no_proxy", "localhost")
    assert network.settings(Mirrors(apt="http://a", git="http://g", pip="http://p")) == {
        "APT_MIRROR": "http://a",
        "GIT_MIRROR": "http://g",
        "PIP_INDEX_URL": "http://p",
        "https_proxy": "http://proxy:1",
        "HTTPS_PROXY": "http://proxy:1",
        "no_proxy": "localhost",
        "NO_PROXY": "localhost",
    }


def test_the_callers_bundle_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert network.ca_bundle() != bundle  # it is not there
    bundle.touch()
    assert network.ca_bundle() == bundle


PROXY = {"https_proxy": "http://ann:secret@proxy.example:3128"}


def passwords(plan: Plan, until: ExitStack | None) -> Path:
    made = definition.write(
        plan, recipe="pdbuild.toml", contexts={}, network=PROXY, ca=None, until=until
    )
    return Path(made.secrets["network"])


def test_passwords_of_proxies_are_gone_after_the_last_that_uses_them(plan: Plan) -> None:
    with ExitStack() as first:
        with ExitStack() as second:
            file = passwords(plan, first)
            assert passwords(plan, second) == file
            definition.forget_passwords()  # as another bake does when it begins
            assert "secret" in file.read_text()
            assert file.stat().st_mode & 0o777 == 0o600
        assert file.exists()
    assert not file.exists()
    everything = [path for path in (file.parents[1]).rglob("*") if path.is_file()]
    assert everything
    assert not any("secret@" in path.read_text() for path in everything)


def test_passwords_that_a_killed_one_left_go_with_the_next(plan: Plan) -> None:
    with ExitStack() as until:
        file = passwords(plan, until)
        text = file.read_text()
    file.write_text(text)  # as if it had not come to the end
    definition.forget_passwords()
    assert not file.exists()


def test_what_is_only_printed_leaves_no_password(plan: Plan) -> None:
    made = write(plan, PROXY | {"APT_MIRROR": "http://a"})
    assert Path(made.secrets["network"]).read_text() == "APT_MIRROR=http://a\n"
    assert "secret@" not in made.bakefile_text
    assert "network" not in write(plan, PROXY).secrets
    files = [path for path in made.containerfile.parents[1].rglob("*") if path.is_file()]
    assert files and not any("secret@" in path.read_text() for path in files)
    assert definition.with_passwords(PROXY | {"APT_MIRROR": "http://a"}) == ("https_proxy",)


def test_a_mirror_without_a_password_stays(plan: Plan) -> None:
    with ExitStack() as until:
        made = definition.write(
            plan, recipe="p", contexts={}, network={"APT_MIRROR": "http://a"}, ca=None, until=until
        )
    assert Path(made.secrets["network"]).exists()
