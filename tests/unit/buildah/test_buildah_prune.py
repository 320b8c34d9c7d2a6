"""Which results are forgotten, and which images go with them."""

import json
import os
from pathlib import Path

from pdbuild.engine.buildah import prune

DAY = 86400.0
NOW = 1000 * DAY


def record(folder: Path, key: str, image: str, days: float, node: str = "n") -> None:
    path = folder / key
    path.write_text(json.dumps({"image": image, "node": node, "root": "/p"}))
    os.utime(path, (NOW - days * DAY,) * 2)


def test_the_old_and_the_overtaken_go_with_images_that_nobody_else_names(tmp_path: Path) -> None:
    for index in range(14):
        record(tmp_path, f"k{index}", f"i{index}", days=index)
    record(tmp_path, "old", "i-old", days=31, node="other")
    record(tmp_path, "young", "i13", days=1, node="third")
    (tmp_path / "broken").write_text("{")
    known = prune.records(tmp_path)
    stale = prune.stale(known, NOW)
    assert {r.path.name for r in stale} == {"k12", "k13", "old"}
    # i13 is the result of another node too.
    assert prune.images(known, stale) == ("i-old", "i12")
