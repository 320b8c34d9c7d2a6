"""A stand-in for the docker client, which keeps an engine's images in a file."""

import json
import sys
from pathlib import Path

import pytest

_CLIENT = """\
#!{python}
import json, os, sys, tarfile
state = "{state}"
words = sys.argv[1:]
with open(state) as file:
    known = json.load(file)
known["asked"].append(words)
out, code = [], 0
if words[0] == "info":
    out, code = [known["info"]], known["code"]
elif words[:2] == ["image", "ls"]:
    out = list(dict.fromkeys(image["id"] for image in known["images"].values()))
elif words[:2] == ["image", "inspect"]:
    shown = words[2]
    for name in words[3:]:
        images = known["images"]
        found = [i for n, i in images.items() if name in (n, i["id"])]
        if not found:
            out.append("")
            code = 1
        elif "RootFS" in shown:
            out.append(json.dumps(found[0]["layers"]))
        else:
            tags = [n for n, i in images.items() if i["id"] == found[0]["id"]]
            out.append(found[0]["id"] + " " + json.dumps(tags))
elif words[:2] == ["image", "load"]:
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
        held = {{m.name: tar.extractfile(m).read() for m in tar}}
    (listed,) = json.loads(held.pop("manifest.json"))
    config = json.loads(held.pop(listed["Config"]))
    known["sent"].append(sorted(held))
    image = {{"id": "sha256:" + listed["Config"][:-5], "layers": config["rootfs"]["diff_ids"]}}
    for name in listed["RepoTags"]:
        known["images"][name] = image
with open(state, "w") as file:
    json.dump(known, file)
print("\\n".join(out))
sys.exit(code)
"""


def client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: str = "{}", code: int = 0
) -> Path:
    """Put the stand-in on PATH, where it answers `docker info` so; the file of its state."""
    state = tmp_path / "engine.json"
    state.write_text(
        json.dumps({"info": info, "code": code, "images": {}, "sent": [], "asked": []})
    )
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(_CLIENT.format(python=sys.executable, state=state))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere.sock")
    monkeypatch.setenv("PDBUILD_CACHE_DIR", str(tmp_path / "cache"))
    return state
