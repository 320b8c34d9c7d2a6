"""What to do about a daemon that does not start."""

from pathlib import Path

import pytest

from pdbuild.engine import trouble

LOG = Path("/cache/0.34.log")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("failed to compute uid/gid map: No subuid ranges found for user 1002", "--add-subuids"),
        ("failed to start the child: fork/exec: no space left on device", "max_user_namespaces"),
        ("failed to start the child: fork/exec: operation not permitted", "unprivileged_userns"),
        ("unshare: unshare failed: Operation not permitted", "unprivileged_userns"),
        ("newuidmap 12 0 1000 1 failed: Operation not permitted", "setuid root"),
        ("could not lock /x/buildkitd.lock, another instance running?", "stop it"),
        ("write /x/cache.db: no space left on device", "PDBUILD_CACHE_DIR"),
        ("something else", "see /cache/0.34.log"),
        ("", "see /cache/0.34.log"),
    ],
)
def test_hint(said: str, hint: str) -> None:
    assert hint in trouble.not_started(said, LOG).hint


def test_only_the_last_lines_are_told() -> None:
    said = "\n".join(f"line {number}" for number in range(100))
    message = trouble.not_started(said, LOG).message
    assert message.startswith("buildkitd did not start:\nline 88\n")
    assert message.endswith("line 99")
