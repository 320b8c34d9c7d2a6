"""Ubuntu's restriction of user namespaces, with planted files of /proc and its `unshare`'s words.

No such kernel was there: AppArmor lets anybody make a user namespace and takes its capabilities
away, so that what is tried in it fails.
"""

import os
from pathlib import Path

import pytest

from pdbuild import account
from pdbuild.account import Rung, namespaces
from pdbuild.doctor import kernel, site
from pdbuild.engine import choice, trouble
from pdbuild.errors import EngineError

# As of Ubuntu 24.04: the namespace is there, and its ids cannot be written.
_UNSHARE = """#!/bin/sh
echo "unshare: write failed /proc/self/uid_map: Operation not permitted" >&2
exit 1
"""
_CURE = "kernel.apparmor_restrict_unprivileged_userns=0"


@pytest.fixture
def restricted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "user/max_user_namespaces": "63000",
        "kernel/unprivileged_userns_clone": "1",
        "kernel/apparmor_restrict_unprivileged_userns": "1",
    }.items():
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text(f"{value}\n")
    (tmp_path / "bin").mkdir()
    for name, text in (("unshare", _UNSHARE), ("newuidmap", "#!/bin/sh\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setattr(namespaces, "_PLACE", tmp_path / "sys")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for kind in ("CACHE", "DATA"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))


@pytest.mark.usefixtures("restricted")
def test_it_is_recognised_and_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = namespaces.refused_one()
    assert refusal and _CURE in refusal.hint and "Operation not permitted" in refusal.reason
    here = account.Account(rung=Rung.C, why=refusal.reason, hint=refusal.hint)
    monkeypatch.setattr(kernel.tools, "find", lambda name: None)
    found = kernel.user_namespaces(here)
    assert found.state == "fail" and _CURE in found.mend
    assert "sysctl --system" in site.commands(found)
    with pytest.raises(EngineError) as raised:
        choice.choose(here, ("buildkit", "buildah"), lambda name: EngineError("none"))
    assert _CURE in raised.value.hint


def test_a_daemon_that_fails_for_it_says_so(tmp_path: Path) -> None:
    said = "[rootlesskit:parent] error: failed to start the child: fork/exec: permission denied"
    assert _CURE in trouble.not_started(said, tmp_path / "log").hint
