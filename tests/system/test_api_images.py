"""`import pdbuild` about images and running programs: all of it in one program of a user's."""

from pathlib import Path

from . import small
from .project import Project, left_over
from .test_api import ran

PROGRAM = """
import sys, time
from pathlib import Path
import pdbuild

to = sys.argv[1]
job = pdbuild.bake("images", project="greet", variants=["french"], push=True, to=to, insecure=True)
events = list(job)
(pushed,) = job.result().pushed
assert pushed.there == f"{to}:1.2.7-french" and pushed.changed
assert any(isinstance(one, pdbuild.Transfer) for one in events)
image = pushed.reference
assert [one.reference for one in pdbuild.images(image)] == [image]

(judged,) = pdbuild.verify(images=[image], project="greet").result()
assert judged.reference == image, judged

out = Path("kept.tar")
assert pdbuild.save(image, out=out, format="docker").result() == (image,)
assert pdbuild.load_images(out).result() == (image,)
assert pdbuild.pull(pushed.there, insecure=True).result().new
there = pdbuild.run("greet", "Ann", image=pushed.there).result()
assert there.stdout == "Bonjour, Ann!\\n", there

read = pdbuild.run("tr", "a-z", "A-Z", image=image, stdin="read caf\\u00e9\\n").result()
assert (read.stdout, read.exit_code) == ("READ CAF\\u00e9\\n", 0), read
assert pdbuild.run("cat", image=image).result().stdout == ""
try:
    pdbuild.run("nosuchprog", image=image).result()
except pdbuild.EngineError as error:
    assert error.exit_code == 127 and "no program nosuchprog" in error.message

script = "echo begun; exec sleep 600"
detached = pdbuild.run("dash", "-c", script, image=image, detach=True).result()
deadline = time.monotonic() + 20
while pdbuild.logs(detached.id).result().stdout != "begun\\n":
    assert time.monotonic() < deadline
pdbuild.stop(detached.id, timeout=1).result()
try:
    pdbuild.logs(detached.id).result()
except pdbuild.UsageError as error:
    assert detached.id in error.message

job = pdbuild.run("dash", "-c", "echo begun; exec sleep 600", image=image)
for event in job:
    if isinstance(event, pdbuild.Output):
        break
began = time.monotonic()
job.cancel()
assert time.monotonic() - began < 8
try:
    job.result()
except pdbuild.Interrupted:
    print("all is well")
"""

BUILDAH = """
import pdbuild
report = pdbuild.bake("rootfs", project="greet", engine="buildah").result().report
print(*(row.target for row in report.rows))
"""


def test_a_program_does_all_of_it(greet: Project, tmp_path: Path) -> None:
    recipe = (greet.root / "pdbuild.toml").read_text()
    tools = 'packages = ["coreutils", "dash"]\n'
    # A version of its own: the store may have images of another test, for other platforms, too.
    recipe = recipe.replace("1.2.0", "1.2.7").replace("[image]\n", f"[image]\n{tools}")
    greet.written("pdbuild.toml", recipe)
    with small.registry(tmp_path / "registry") as served:
        said = ran(greet, PROGRAM, f"{served.address}/team/greet")
        assert said.strip() == "all is well"
        assert served.tags("team/greet") == ["1.2.7-french"]
    assert ran(greet, BUILDAH).split() == ["rootfs"]
    assert (greet.root / "build/rootfs.tar").stat().st_size > 5_000_000
    assert left_over(greet.user) == []
