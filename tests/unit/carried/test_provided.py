"""Where there is no network: base, engines and what steps are told."""

from pathlib import Path

import pytest

from pdbuild import base, carried, network, tools
from pdbuild.carried import Carried, Content, described
from pdbuild.engine import install
from pdbuild.errors import EngineError, UsageError
from pdbuild.recipe.types import Mirrors
from pdbuild.verbs import bake


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CACHE", "DATA"):
        monkeypatch.setenv(f"PDBUILD_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.setenv(carried.VARIABLE, str(tmp_path / "there"))


def carry(folder: Path, **files: str) -> None:
    paths = {}
    for number, (place, text) in enumerate(files.items()):
        paths[place] = folder / str(number)
        paths[place].write_text(text)
        paths[place].chmod(0o755)
    content = Content(project="squares", machine="linux/amd64", files=described(paths))
    Carried(folder / "there").add(content, paths)


def test_the_base_is_what_was_carried(tmp_path: Path) -> None:
    folder = base._folder("trixie", "amd64")
    digest = f"sha256:{'a' * 64}"
    carry(
        tmp_path,
        **{f"bases/{folder.name}/index.json": f'{{"manifests": [{{"digest": "{digest}"}}]}}'},
    )
    said: list[str] = []
    found = base.ensure("trixie", "amd64", mirror="", say=said.append)
    assert found.digest == digest and found.layout == folder and not said
    assert (folder.stat().st_mode & 0o777) == 0o755
    with pytest.raises(
        EngineError, match=r"does not have the base, Debian sid \(amd64\)"
    ) as raised:
        base.ensure("sid", "amd64", mirror="", say=said.append)
    assert raised.value.hint.startswith("where there is one: pdbuild fetch --to")
    assert [path.name for path in folder.parent.iterdir()] == sorted(["lock", folder.name])


def test_engines_are_those_that_were_carried(tmp_path: Path) -> None:
    manifest = f'{{"module": "{tools.module_digest()}", "versions": {{"buildx": "1.0"}}}}'
    carry(
        tmp_path, **{"engines/1f/versions.json": manifest, "engines/1f/bin/buildx": "#!/bin/sh\n"}
    )
    assert install.install() == tmp_path / "data/engines/1f/bin"
    tool = tools.find("buildx")
    assert tool and (tool.version, tool.origin) == ("1.0", "pdbuild")


def test_engines_of_another_pdbuild_do_not_count(tmp_path: Path) -> None:
    carry(tmp_path, **{"engines/1f/versions.json": '{"module": "another"}'})
    assert install.bring(carried.here()) is None
    assert install.bring(None) is None


def test_steps_are_told_that_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    mirrors = Mirrors(apt="http://mirror.example/debian", pip="http://mirror.example/simple")
    told = network.settings(mirrors)
    assert told == {
        "APT_MIRROR": "http://mirror.example/debian",
        "PDBUILD_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/root/.cache/pip/offline",
    }


def test_a_folder_that_is_none_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    bake.configure(parser)
    with pytest.raises(UsageError, match="there is no"):
        bake.run(parser.parse_args(["--offline", str(tmp_path / "none")]))
