"""Jobs in a notebook, which Jupyter's own kernel runs."""

import time
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

BITS = Path(__file__).parent
START = f"""
import sys
sys.path.insert(0, {str(BITS)!r})
from pathlib import Path
from IPython.display import display
from job_bits import Count, Print, Wait
import pdbuild
from pdbuild import Job
"""
SHOWN = """
shown = display("", display_id=True)
for event in Job(Count(most=40), Path(".")):
    shown.update(f"{int(event.text) + 1} of 40")
"""
TEXTS = """
texts = pdbuild.render("image-french", project=PROJECT)
pdbuild.plan("debs", project=PROJECT)
Job(Print(), Path(".")).result()
print(texts.containerfile.count("FROM"), pdbuild.load(PROJECT).project.name)
"""
FAILING = "pdbuild.bake('imagse', project=PROJECT).result()"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"PDBUILD_{name}_DIR", str(tmp_path / "state" / name))
    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / "jupyter" / name))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


def ran(folder: Path, *cells: str) -> list[list[Any]]:
    """What each of the cells gave out."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    client.execute()
    return [cell.outputs for cell in notebook.cells]


def test_jobs_in_a_notebook(tmp_path: Path) -> None:
    project = BITS.parents[1] / "recipes/make"
    _, shown, texts, failing = ran(
        tmp_path, f"{START}PROJECT = {str(project)!r}", SHOWN, TEXTS, FAILING
    )
    assert [one.data["text/plain"] for one in shown] == ["'40 of 40'"]
    assert [(one.name, one.text.split()[1:]) for one in texts] == [("stdout", ["greet"])]
    (error,) = failing
    assert (error.ename, error.evalue) == ("UsageError", "no target or group 'imagse'")


def test_the_stop_button_cancels_the_job(tmp_path: Path) -> None:
    from jupyter_client.manager import start_new_kernel

    mark = tmp_path / "mark"
    kernel, client = start_new_kernel(kernel_name="python3")
    try:
        asked = client.execute(f"{START}Job(Wait(mark=Path({str(mark)!r})), Path('/')).result()")
        deadline = time.monotonic() + 30
        while not mark.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        kernel.interrupt_kernel()
        answer = client.get_shell_msg(timeout=30)
        while answer["parent_header"].get("msg_id") != asked:
            answer = client.get_shell_msg(timeout=30)
        assert answer["content"].get("ename") == "KeyboardInterrupt", answer["content"]
        assert mark.read_text() == "in order"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
