"""The rungs' pure parts: ranges, refusals, the choice of an engine, and the fake-owner filter."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pdbuild import limits
from pdbuild.account import Account, Rung, namespaces, quash
from pdbuild.engine import choice, flatten
from pdbuild.errors import EngineError

A = Account(rung=Rung.A, why="user namespaces with a range of user ids")
B = Account(rung=Rung.B, why="you have no range", hint="usermod")
C = Account(rung=Rung.C, why="user namespaces are forbidden", hint="sysctl")
NAMES = ("buildkit", "buildah")


def test_ranges_of_a_name_and_of_a_uid() -> None:
    text = "ann:100000:65536\n1000:200000:10\nann:300000:5\nbob:1:2\n# a note\nann:x:1\nann:1:0\n"
    assert namespaces.in_ranges(text, ("ann", "1000")) == (
        (100000, 65536), (200000, 10), (300000, 5),
    )  # fmt: skip
    assert namespaces.in_ranges(text, ("an",)) == ()


@pytest.mark.parametrize(
    ("said", "settings", "mend"),
    [
        ("No space left on device", {"user.max_user_namespaces": "0"}, "max_user_namespaces"),
        ("No space left on device", {"user.max_user_namespaces": "9"}, "max_user_namespaces"),
        ("Operation not permitted", {"kernel.unprivileged_userns_clone": "0"}, "userns_clone=1"),
        (
            "Operation not permitted",
            {"kernel.apparmor_restrict_unprivileged_userns": "1"},
            "apparmor_restrict_unprivileged_userns=0",
        ),
        ("Operation not permitted", {"user.max_user_namespaces": "9"}, "seccomp"),
    ],
)
def test_a_refusal_names_its_own_cause(said: str, settings: dict[str, str], mend: str) -> None:
    refusal = namespaces.explained(f"unshare: unshare failed: {said}", settings)
    assert mend in refusal.hint
    assert said in refusal.reason


def nothing(name: str) -> EngineError | None:
    return None


def no_buildkit(name: str) -> EngineError | None:
    return EngineError("no buildx", hint="install it") if name == "buildkit" else None


def none_at_all(name: str) -> EngineError | None:
    return EngineError(f"no {name}", hint=f"apt install {name}")


def test_auto_takes_buildkit_with_a_range_and_buildah_with_one_id() -> None:
    assert choice.choose(A, NAMES, nothing) == choice.Choice(engine="buildkit", why=A.why)
    chosen = choice.choose(B, NAMES, nothing)
    assert chosen.engine == "buildah" and B.why in chosen.why


def test_auto_says_what_the_better_engine_lacks() -> None:
    chosen = choice.choose(A, NAMES, no_buildkit)
    assert chosen == choice.Choice(engine="buildah", why="buildkit cannot: no buildx; install it")


def test_auto_asks_no_engine_that_it_does_not_need() -> None:
    asked: list[str] = []

    def lacking(name: str) -> EngineError | None:
        asked.append(name)
        return None

    choice.choose(A, NAMES, lacking)
    choice.choose(B, NAMES, lacking)
    assert asked == ["buildkit", "buildah"]


@pytest.mark.parametrize(
    ("account", "words"), [(A, ("no buildkit", "no buildah")), (B, ("no buildah",)), (C, (C.why,))]
)
def test_auto_without_an_engine_says_why(account: Account, words: tuple[str, ...]) -> None:
    with pytest.raises(EngineError) as raised:
        choice.choose(account, NAMES, none_at_all)
    assert all(word in raised.value.message for word in words)
    assert raised.value.hint


def test_an_explicit_engine_that_cannot_work_is_refused() -> None:
    refused = choice.refusal("buildkit", B)
    assert refused and B.why in refused.message and "--engine buildah" in refused.hint
    assert choice.refusal("buildah", B) is None
    assert choice.refusal("buildkit", A) is None
    assert all(choice.refusal(name, C) for name in NAMES)


def test_the_seccomp_rule_is_added_to_the_profile_and_replaces_nothing_else() -> None:
    profile: dict[str, object] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "archMap": ["x"],
        "syscalls": [
            {"names": ["read", "chown", "mknod"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["setuid"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
        ],
    }
    before = json.dumps(profile)
    merged = flatten.merged(profile)
    assert json.dumps(profile) == before
    assert (merged["defaultAction"], merged["archMap"]) == ("SCMP_ACT_ERRNO", ["x"])
    rules = merged["syscalls"]
    assert isinstance(rules, list)
    assert rules[:2] == [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    ]
    succeeding = [rule for rule in rules if rule.get("errnoRet") == 0]
    assert all(rule["action"] == "SCMP_ACT_ERRNO" for rule in succeeding)
    assert {"chown", "setuid", "capset"} <= set(succeeding[0]["names"])
    # Devices are left out, what is no device is made.
    devices = [rule["args"][0]["valueTwo"] for rule in succeeding[1:] if "mknod" in rule["names"]]
    assert devices == [0o020000, 0o060000]


@pytest.mark.parametrize("which", ["files", "everything"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_well_formed(machine: str, which: str) -> None:
    code = quash.program(machine, which)
    words = list(struct.iter_unpack("HBBI", code))
    for place, (operation, true, false, _) in enumerate(words):
        if operation == 0x15:  # every jump lands on an instruction
            assert place + 1 + max(true, false) < len(words)
    assert words[-1] == (0x06, 0, 0, 0x00050000)
    assert words[-2] == (0x06, 0, 0, 0x7FFF0000)


TRIAL = """
import os, sys
def outcome(call, *given):
    try:
        call(*given)
        return "done"
    except OSError:
        return "refused"
with open(sys.argv[1], "w"):
    print(outcome(os.chown, sys.argv[1], 12345, 54321), outcome(os.setuid, 12345),
          os.stat(sys.argv[1]).st_uid == os.getuid())
"""


@pytest.mark.parametrize(
    ("which", "said"), [("files", "done refused True"), ("everything", "done done True")]
)
def test_under_the_filter_owners_are_given_in_vain(which: str, said: str, tmp_path: Path) -> None:
    # In a user namespace with one id, for root too.
    namespace = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT RUN: no user namespaces here")
    filtered = [sys.executable, "-I", os.fspath(quash.__file__), which]
    argv = [*namespace, *filtered, sys.executable, "-c", TRIAL, str(tmp_path / "file")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == said, done.stderr


def test_limits_are_the_callers_and_no_more_than_podman_can_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits.resource, "getrlimit", lambda _: (-1, -1))
    monkeypatch.setattr(limits, "_highest_pid", lambda: 32768)
    nofile, nproc = limits.limits()
    assert nofile == "--ulimit=nofile=1048576:1048576"
    assert nproc == "--ulimit=nproc=32768:32768"
    monkeypatch.setattr(limits.resource, "getrlimit", lambda _: (1024, 4096))
    assert limits.limits() == ("--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096")
