"""What a pull asks of skopeo, and what it refuses: with a registry that is another store."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdbuild.choices import Access
from pdbuild.errors import EngineError, UsageError
from pdbuild.oci import Layout
from pdbuild.store import Store
from pdbuild.transfer.pull import pull
from pdbuild.transfer.skopeo import Skopeo

sys.path.insert(0, str(Path(__file__).parents[2]))
from system import small


@dataclass(frozen=True, slots=True, kw_only=True)
class Faked(Skopeo):
    """skopeo that copies from a layout; `fails` after the first blob, if it is set."""

    layout: Path
    fails: bool = False
    asked: list[str] = field(default_factory=list)

    def copy(self, *words: str, failing: str, moved: Callable[[int], None] = print) -> None:
        self.asked.extend(words)
        made = Path(words[-1].removeprefix("oci:").removesuffix(":image"))
        for number, blob in enumerate((self.layout / "blobs/sha256").iterdir()):
            if self.fails and number:
                raise EngineError(f"{failing}: broke off")
            (made / "blobs/sha256" / blob.name).write_bytes(blob.read_bytes())
        (made / "index.json").write_bytes((self.layout / "index.json").read_bytes())


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / name))
    small.image(Store(tmp_path / "theirs"), tmp_path / "made", "localhost/x:1", b"x")
    return tmp_path / "made"


def test_it_is_named_as_in_the_registry(layout: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    faked = Faked(host="a.example.org", layout=layout)
    assert pull(store, "a.example.org/x", Access(), skopeo=faked) == (
        "a.example.org/x:latest",
        True,
    )
    assert "--all" in faked.asked and "docker://a.example.org/x:latest" in faked.asked
    assert store.platforms("a.example.org/x:latest") == ("linux/amd64", "linux/arm64")
    assert Layout(store.path).index()[0].digest == Layout(layout).index()[0].digest
    assert not pull(store, "a.example.org/x", Access(), skopeo=faked)[1]


def test_what_broke_off_leaves_the_store_as_it_was(layout: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    faked = Faked(host="a.example.org", layout=layout, fails=True)
    with pytest.raises(EngineError, match=r"cannot pull a.example.org/x:1: broke off"):
        pull(store, "a.example.org/x:1", Access(), skopeo=faked)
    assert store.images() == ()
    # What came whole is there for the next one, and goes with the rest that nobody needs.
    assert len(list((store.path / "blobs/sha256").iterdir())) == 1
    assert store.collect() > 0
    assert not list((store.path / "blobs/sha256").iterdir())


def test_an_image_of_another_platform_is_refused(layout: Path, tmp_path: Path) -> None:
    index = json.loads((layout / "index.json").read_text())
    top = json.loads(Layout(layout).blob(index["manifests"][0]["digest"]).read_text())
    (layout / "index.json").write_text(json.dumps({**index, "manifests": [top["manifests"][1]]}))
    faked = Faked(host="a.example.org", layout=layout)
    store = Store(tmp_path / "store")
    with pytest.raises(EngineError, match="it is for linux/arm64, not for linux/amd64"):
        pull(store, "a.example.org/x:1", Access(), platform="linux/amd64", skopeo=faked)
    assert store.images() == ()
    assert "--all" not in faked.asked and "--override-arch=amd64" in faked.asked


def test_what_no_registry_has(layout: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no registry has"):
        pull(Store(tmp_path), "localhost/x:1", Access(), skopeo=Faked(host="", layout=layout))
