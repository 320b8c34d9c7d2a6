"""Devices: by their nodes, and by CDI descriptions."""

import json
from pathlib import Path

import pytest

from .accounts import Account, container


def test_a_device_is_there_by_its_node(account: Account) -> None:
    given = ("sh", "-c", "test -c /dev/fuse")
    assert account.run(*given).returncode == 1
    assert account.run(*given, devices=["/dev/fuse"]).returncode == 0


def test_a_device_is_given_by_a_fake_cdi_description(account: Account) -> None:
    described = {
        "cdiVersion": "0.3.0",
        "kind": "pdbuild.test/gpu",
        "devices": [{"name": "all", "containerEdits": {"env": ["DRIVER=580"]}}],
        "containerEdits": {
            "deviceNodes": [{"path": "/dev/fuse"}],
            "mounts": [
                {"hostPath": "/etc/os-release", "containerPath": "/lib/libcuda.so.1",
                 "options": ["ro", "bind"]}
            ],
        },
    }  # fmt: skip
    file = Path("/etc/cdi/pdbuild-test.json")
    file.parent.mkdir(exist_ok=True)
    try:
        file.write_text(json.dumps(described))
        script = "test -c /dev/fuse && test -s /lib/libcuda.so.1 && echo $DRIVER"
        done = account.run("sh", "-c", script, devices=["pdbuild.test/gpu=all"])
        assert (done.returncode, done.stdout) == (0, "580\n"), done.stderr
    finally:
        file.unlink()


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_device_that_nothing_describes_is_an_error_with_the_mend(
    account: Account, verb: str
) -> None:
    done = account.do(verb, container("true", devices=["pdbuild.test/none=all"]))
    assert done.returncode == 71
    assert "describes the device pdbuild.test/none=all" in done.stderr
    assert "nvidia-ctk cdi generate" in done.stderr
    assert account.podman("ps", "--all", "--quiet") == ""
