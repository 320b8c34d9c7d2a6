"""The doctor's probes, with the disks, networks and programs that they are shown."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pdbuild import mounts, tools
from pdbuild.account import Account, Rung
from pdbuild.carried import Carried, Content
from pdbuild.container.host import Host
from pdbuild.dirs import Chosen
from pdbuild.doctor import disks, kernel, network, programs
from pdbuild.doctor.disks import Disk
from pdbuild.doctor.finding import State, fail
from pdbuild.doctor.network import Source
from pdbuild.errors import EngineError
from pdbuild.tools import Listed, Tool

GB = 10**9
LOCAL = Disk(path=Path("/c"), kind="ext4", options=frozenset({"rw"}), free=100 * GB, writable=True)
CACHE = Chosen(path=LOCAL.path, wanted=LOCAL.path, why="the default", variable="PDBUILD_CACHE_DIR")
A = Account(rung=Rung.A, why="a range")
B = Account(rung=Rung.B, why="no range", hint="usermod …")
C = Account(rung=Rung.C, why="forbidden", hint="sysctl …")


def test_a_line_says_what_is_wrong_what_it_costs_and_what_mends_it() -> None:
    line = str(fail("cache", "is full", cost="no bake", mend="rm -rf /x"))
    assert line == "fail  cache          is full; it costs: no bake; mend it: rm -rf /x"


@pytest.mark.parametrize(
    ("account", "proot", "state"),
    [(A, False, "ok"), (B, True, "warn"), (C, False, "fail"), (C, True, "warn")],
)
def test_rungs(account: Account, proot: bool, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = Tool(name="proot", path=Path("/proot"), version="", origin="system")
    monkeypatch.setattr(kernel.tools, "find", lambda name: tool if proot else None)
    found = kernel.user_namespaces(account)
    assert (found.state, found.mend) == (state, account.hint)
    assert f"rung {account.rung}" in found.text and account.why in found.text


@pytest.mark.parametrize(
    ("disk", "state", "word"),
    [
        (LOCAL, State.OK, "ext4"),
        (replace(LOCAL, kind="nfs4"), State.OK, "nfs4"),
        (replace(LOCAL, free=10 * GB), State.WARN, "20 GB"),
        (replace(LOCAL, free=GB), State.FAIL, "1.0 GB"),
        (replace(LOCAL, options=frozenset({"noexec"})), State.FAIL, "noexec"),
        (replace(LOCAL, writable=False), State.FAIL, "cannot be written"),
    ],
)
def test_disks(disk: Disk, state: State, word: str) -> None:
    found = disks.state("cache", CACHE, disk, least=20 * GB)
    assert found.state is state
    assert word in str(found)
    assert state is State.OK or "PDBUILD_CACHE_DIR" in found.mend


def test_options_of_the_mount_that_has_a_path() -> None:
    listed = (
        "1 0 8:1 / / rw,relatime - ext4 /dev/a rw\n"
        "2 1 8:2 / /scratch rw,noexec - xfs /dev/b rw\n"
        "3 2 8:3 / /scratch/a\\040b rw - nfs4 server:/x rw\n"
    )
    assert "noexec" in mounts.options(listed, "/scratch/x")
    assert "noexec" not in mounts.options(listed, "/scratch/a b/c")
    assert mounts.filesystem(listed, "/scratch/a b/c") == "nfs4"
    assert "noexec" not in mounts.options(listed, "/scratchy")


def test_a_directory_that_is_not_there_is_looked_for_above(tmp_path: Path) -> None:
    disk = disks.look(tmp_path / "a" / "b")
    assert disk.writable and disk.free > 0 and disk.kind
    assert not (tmp_path / "a").exists()


def runs(path: Path) -> Chosen:
    return replace(CACHE, path=path, wanted=path)


def test_what_had_to_move_is_a_warning() -> None:
    moved = replace(CACHE, moved="/home refuses locks", why="/home refuses locks")
    found = disks.state("cache", moved, LOCAL, least=20 * GB)
    assert found.state is State.WARN and "(/home refuses locks)" in found.text


def test_the_runtime_directory_is_private_and_short(tmp_path: Path) -> None:
    private = tmp_path / "p"
    private.mkdir(mode=0o700)
    assert disks.runtime(runs(private), 10).state is State.OK
    private.chmod(0o755)
    assert disks.runtime(runs(private), 10).state is State.FAIL
    long = disks.runtime(runs(tmp_path / ("n" * 90)), 30)
    assert long.state is State.FAIL and "104" in long.cost


def test_proxies_are_told_without_their_passwords() -> None:
    found = network.proxies({"https_proxy": "http://me:secret@proxy:1", "NO_PROXY": "localhost"})
    assert "secret" not in found.text
    assert "https_proxy=http://…@proxy:1" in found.text and "no_proxy=localhost" in found.text
    assert network.proxies({}).text == "none"


def test_a_bundle_that_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    for bundle in (None, broken, tmp_path / "absent.pem"):
        found = network.certificates(bundle)
        assert found.state is State.WARN and "SSL_CERT_FILE" in found.mend


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.mark.parametrize(
    ("answer", "state"), [("200", "ok"), ("401", "ok"), ("404", "fail"), ("503", "fail")]
)
def test_what_a_source_answers(
    server: str, answer: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    source = Source(what="archive", address=f"{server}/{answer}", named_by="[mirrors].apt")
    found = network.reach(source, None, needed=True)
    assert found.state == state
    if state == "fail":
        assert answer in found.text and "[mirrors]" in found.mend


def test_a_source_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    source = Source(what="archive", address="http://127.0.0.1:1/", named_by="default")
    assert network.reach(source, None, needed=True).state is State.FAIL
    assert network.reach(source, None, needed=False).state is State.WARN


def listed(name: str, version: str = "1.0", problem: str = "") -> Listed:
    tool = Tool(name=name, path=Path("/x"), version=version, origin="system")
    return Listed(name=name, tool=None if problem else tool, problem=problem, hint=f"get {name}")


def test_programs() -> None:
    names = {name for names in programs.ENGINE_PROGRAMS.values() for name in names}
    there = {name: listed(name) for name in names}
    assert programs.engine_programs("buildkit", there, A).state is State.OK
    missing = there | {"runc": listed("runc", problem="it is not installed")}
    found = programs.engine_programs("buildkit", missing, A)
    assert (found.state, found.mend) == (State.WARN, "get runc")
    assert "not for this account" in programs.engine_programs("buildkit", missing, B).text
    assert programs.engine_programs("buildah", missing, B).state is State.OK


def test_without_mmdebstrap_a_base_that_is_there_still_builds() -> None:
    absent = listed("mmdebstrap", problem="it is not installed")
    assert programs.bootstrap(absent, there=True).state is State.WARN
    assert programs.bootstrap(absent, there=False).state is State.FAIL


def test_no_engine_is_a_failure() -> None:
    def lacking(name: str) -> EngineError | None:
        return EngineError(f"no {name}", hint="get it")

    assert programs.engine(A, ("buildkit", "buildah"), lacking).state is State.FAIL
    assert programs.engine(A, ("buildkit", "buildah"), lambda _: None).state is State.OK


def test_what_was_carried_stands_in_the_place_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    there = Carried(tmp_path / "there")
    assert network.offline(there, "squares").state is State.FAIL
    there.add(Content(project="squares", machine="linux/amd64"), {})
    assert network.offline(there, "squares").state is State.OK
    assert network.offline(there, "").text.endswith("which has what squares needs")
    found = network.offline(there, "circles")
    assert "has nothing for circles" in found.text and "pdbuild fetch --to" in found.mend


def test_a_missing_runner_is_no_failure() -> None:
    def absent() -> Host:
        raise EngineError("podman is not installed", hint="apt install podman")

    found = programs.runner(A, absent)
    assert (found.state, found.mend) == (State.WARN, "apt install podman")
    assert programs.runner(A, lambda: Host(podman="podman", flags=("-x",))).state is State.OK


def test_without_namespaces_proot_runs_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Host:
        raise EngineError("cannot clone", hint="see podman's manual")

    proot = Tool(name="proot", path=Path("/usr/bin/proot"), version="", origin="system")
    for there, cost in ((None, "pdbuild run, shell"), (proot, "build, run and shell do")):
        monkeypatch.setattr(tools, "find", {"proot": there}.get)
        assert cost in programs.runner(C, refused).cost
    found = programs.runner(C, refused)
    assert (found.state, found.text) == (State.WARN, "proot (cannot clone)")
    assert found.mend == C.hint
