"""A podman of which nothing stays, also where one that it has left behind is slow."""

import subprocess
from pathlib import Path

import pytest

from pdbuild.container import storage


def test_what_podman_has_left_to_do_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with storage.trial() as scratch:
        root = scratch.flags[0].removeprefix("--root=")
        # As conmon starts `podman --root … container cleanup` when `podman run` has ended.
        words = ["sh", "-c", 'sleep 1; mkdir -p "$1/overlay"', "podman", root]
        late = subprocess.Popen(words)
    assert late.wait() == 0
    assert list(tmp_path.iterdir()) == []
