"""Two nodes that share a home and nothing else, and an account that bakes on both at once."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conformance.conftest import give_base

from system.conftest import give_engines
from system.project import held_locks, mounts_below, sample

from .grounds import Someone, shown_as

# Names, processes and disks are each node's own; the home is on the network.
_NODE = (
    "hostname {name} && mount -t tmpfs -o mode=0755 tmpfs /run"
    " && mount -t tmpfs -o mode=1777 tmpfs /tmp && mount --bind {disk} /var/tmp/pdbuild-{uid}"
)
# The first process of a node is not pdbuild: a daemon ends in its own time after it, and podman's
# own process, which holds the user's namespace, only at logout.
_INIT = """
"$@"
code=$?
for _ in $(seq 200); do
    left=
    for place in /proc/[0-9]*; do
        read -r name <"$place/comm" || continue
        case $place/$name in /proc/1/* | */catatonit) ;; *) left="$left $place/$name" ;; esac
    done
    [ "$left" ] || exit $code
    sleep 0.1
done
echo "still there:$left" >&2
exit 99
"""
_APART = "--mount --uts --pid --fork --kill-child --mount-proc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The account on each of two nodes, in one checkout, and the folder that is their home."""

    both: tuple[Someone, Someone]
    disks: tuple[Path, Path]
    home: Path
    checkout: Path

    def do(self, *words: str) -> list[tuple[int, str, str]]:
        """pdbuild with these words on both in the same second: code, output, errors."""
        program = self.both[0].python.parent / "pdbuild"
        with ThreadPoolExecutor() as pool:  # one may wait for the other, whose output must be read
            done = [
                pool.submit(node.does, "sh", "-c", _INIT, "sh", program, *words, timeout=500)
                for node in self.both
            ]
        return [(one.result().returncode, one.result().stdout, one.result().stderr) for one in done]


@pytest.fixture
def nodes(newcomer: Someone, hostile: Path) -> Iterator[Nodes]:
    user, home = newcomer.user, newcomer.user.home
    give_engines(user)
    give_base(user, newcomer.python)
    made = sample(user, newcomer.python, "make", "greet")
    disks = tuple(home.with_name(f"{home.name}-disk{n}") for n in (1, 2))
    place = Path(f"/var/tmp/pdbuild-{user.uid}")
    for folder in (*disks, place):
        words = ["install", "--directory", "--mode=0700", f"--owner={user.name}", folder]
        subprocess.run([*words, f"--group={user.name}"], check=True)
    seen = home.with_name(f"{home.name}-seen")
    with shown_as(hostile, home, seen, "chown,xattr"):
        there = replace(user, home=seen)
        first, second = (
            replace(
                newcomer,
                user=there,
                inside=_NODE.format(name=f"n{n}", disk=disk, uid=user.uid),
                apart=_APART,
                at=seen / made.root.name,
            )
            for n, disk in enumerate(disks, 1)
        )
        first_disk, second_disk = disks
        yield Nodes(
            both=(first, second),
            disks=(first_disk, second_disk),
            home=home,
            checkout=home / made.root.name,
        )
    seen.rmdir()
    for folder in disks:
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["buildkit", "buildah"])
def test_two_nodes_bake_in_one_home_in_the_same_second(nodes: Nodes, engine: str) -> None:
    bake = ("bake", "debs", "images", f"--engine={engine}", "--progress=plain")
    for code, _, said in nodes.do(*bake):
        assert code == 0, said[-4000:]
        assert "Traceback" not in said
    # An engine's state is on its node's own disk, where a bake needed one: who waited for the other
    # may have found all of it done. The rest is one, and whole.
    assert any((disk / engine).is_dir() for disk in nodes.disks)
    assert not (nodes.home / ".cache/pdbuild" / engine).exists()
    store = nodes.home / ".local/share/pdbuild/images"
    blobs = [*(store / "blobs/sha256").iterdir()]
    assert blobs
    for blob in blobs:
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    listed = json.loads((nodes.checkout / "build/artifacts.json").read_text())["artifacts"]
    assert {row["kind"] for row in listed} >= {"deb"}, listed
    for row in listed:
        if row["sha256"]:
            found = (nodes.checkout / row["path"]).read_bytes()
            assert hashlib.sha256(found).hexdigest() == row["sha256"], row["path"]
    # What both have made is what either takes for up to date, and what runs.
    for code, out, said in nodes.do("run", "--no-bake", "greet", "both"):
        assert (code, "both" in out) == (0, True), said
    for code, out, said in nodes.do("images"):
        assert code == 0 and "greet" in out, said
    user = nodes.both[0].user
    assert user.processes() == []
    assert held_locks(replace(user, home=nodes.home)) == []
    assert [place for place in mounts_below(nodes.home) if place != str(user.home)] == []
