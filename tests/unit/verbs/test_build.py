"""`pdbuild build`: what makes it another build, without an engine."""

from pathlib import Path

import pytest

from pdbuild import shipped
from pdbuild.verbs import build


def test_other_hooks_are_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are mounted into the image, whose digest does not tell of them."""
    monkeypatch.setattr(shipped, "hooks_dir", lambda: tmp_path)
    hook = tmp_path / "build"
    hook.write_text("one")
    what, work = ("localhost/x:dev", "sha256:1", "A=ON", "1.0"), build._Work()
    first = build._key(what, work)
    assert build._key(what, work) == first
    hook.write_text("other")
    assert build._key(what, work) != first
