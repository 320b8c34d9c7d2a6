"""Images get into podman, once."""

import os
import shutil
from pathlib import Path

from .accounts import Account, load
from .images import IMAGE, layout


def test_loading_costs_nothing_twice_and_survives_rmi(
    account: Account, exported: tuple[Path, str], tmp_path: Path
) -> None:
    assert load(account, exported) == "False"
    account.podman("rmi", IMAGE)
    assert load(account, exported) == "True"
    account.podman("tag", IMAGE, "localhost/mine:1")
    assert load(account, exported) == "False"
    # A new image under the reference; the old one has another name and stays.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    newer = layout(tmp_path / "e", label="second")
    assert load(account, (tmp_path / "e", newer)) == "True"
    labels = account.podman("image", "inspect", "--format={{.Labels.made}}", IMAGE)
    assert labels == "second"
    assert account.podman("image", "exists", "localhost/mine:1") == ""
    account.podman("rmi", "localhost/mine:1")
    # And back; the newer one has no name any more, and goes.
    assert load(account, exported) == "True"
    assert account.podman("images", "--filter=dangling=true", "--quiet") == ""
    assert account.run("true").returncode == 0


def test_without_skopeo_podman_loads(
    account: Account, exported: tuple[Path, str], tmp_path: Path
) -> None:
    tools = account.user.home / "tools"
    tools.mkdir()
    for directory in ("/usr/bin", "/usr/sbin"):
        for tool in Path(directory).iterdir():
            if tool.name != "skopeo" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    account.podman("rmi", IMAGE)
    account.env["PATH"] = str(tools)
    try:
        assert load(account, exported) == "True"
    finally:
        del account.env["PATH"]
        shutil.rmtree(tools)
    assert account.podman("images", "--format={{.Repository}}:{{.Tag}}") == IMAGE
    assert account.run("true").returncode == 0
