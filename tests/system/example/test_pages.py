"""The pages of the documentation and of the source, as people read them: in a browser.

`pytest tests/system/example/test_pages.py --screenshots` renews docs/images.
"""

import json
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as now
from selenium.webdriver.support.wait import WebDriverWait

from system.conftest import CHECKOUT
from system.project import Project

FLAGS = (
    "--headless",
    "--no-sandbox",  # the tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,800",
)
LARGEST_IMAGE = 150_000


class Reader:
    """A person at a browser."""

    def __init__(self, driver: webdriver.Chrome, screenshots: Path | None) -> None:
        self.driver = driver
        self._wait = WebDriverWait(driver, 30)
        self._screenshots = screenshots

    def see(self, by: str, what: str) -> WebElement:
        """Wait for an element that can be seen."""
        element: WebElement = self._wait.until(
            now.visibility_of_element_located((by, what)), f"nobody sees {what}"
        )
        return element

    def until_at(self, page: str) -> None:
        """Wait until the address ends with `page`."""
        self._wait.until(lambda driver: unquote(driver.current_url).endswith(page))

    def photograph(self, name: str) -> None:
        """Keep a picture for docs/images, when asked to."""
        if self._screenshots:
            picture = self._screenshots / f"{name}.png"
            picture.write_bytes(self.driver.get_screenshot_as_png())
            assert picture.stat().st_size < LARGEST_IMAGE


@pytest.fixture(scope="module")
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("NOT RUN: needs chromium and chromium-driver, see scripts/setup")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, webdriver.ChromeService(str(programs[1])))
        keep = CHECKOUT / "docs/images" if request.config.getoption("--screenshots") else None
        yield Reader(driver, keep)
        driver.quit()


class Served:
    """`pdbuild docs --serve` or `pdbuild browse --serve`, while a test reads the pages."""

    def __init__(self, project: Project, verb: str) -> None:
        self._user = project.user
        # A pipe would be full after a long bake.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = project.start(verb, "--serve", "0", "--json", stderr=self._errors)
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self._said()
        self.told: dict[str, str] = json.loads(line)
        self.address = self.told["address"]

    def __enter__(self) -> "Served":
        return self

    def _said(self) -> str:
        self._process.wait(20)
        self._errors.seek(0)
        return self._errors.read()

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=20)
        with self._errors:
            errors = self._said()
        assert self._process.returncode == 0, errors
        assert "Traceback" not in errors
        # podman's own pause process stays until logout.
        assert [line for line in self._user.processes() if "catatonit" not in line] == []


def test_the_search_of_the_documentation_finds_a_page(
    paddle: Project, baked: dict[str, Any], reader: Reader
) -> None:
    with Served(paddle, "docs") as served:
        assert urlsplit(served.address).hostname == "127.0.0.1"
        assert served.told["index"] == str(paddle.root / "build/docs/index.html")
        reader.driver.get(served.address)
        box = reader.see(By.CSS_SELECTOR, "input[name=q]")
        box.send_keys("checkpoint")
        box.submit()
        found = reader.see(By.CSS_SELECTOR, "ul.search li a")
        reader.see(By.XPATH, "//p[contains(., 'found') and contains(., 'page')]")
        reader.photograph("docs-search")
        found.click()
        assert "checkpoint" in reader.see(By.CSS_SELECTOR, "div.body").text.lower()


def test_a_use_leads_to_its_definition(
    paddle: Project, baked: dict[str, Any], reader: Reader
) -> None:
    with Served(paddle, "browse") as served:
        assert served.told["generator"] == "doxygen"
        # From the list of files to one that uses a function,
        reader.driver.get(f"{served.address}files.html")
        reader.see(By.XPATH, "//div[@class='levels']/span[last()]").click()  # unfold all
        reader.see(By.CSS_SELECTOR, "a[href='ranges_8h_source.html']").click()
        reader.until_at("ranges_8h_source.html")
        # whose name tells where it is defined, and leads there.
        ActionChains(reader.driver).move_to_element(
            reader.see(By.LINK_TEXT, "parallel_for")
        ).perform()
        link = reader.see(By.PARTIAL_LINK_TEXT, "thread_pool.cc:")
        number = int(link.text.partition(":")[2])
        assert line_of(paddle, "src/core/thread_pool.cc", number).startswith("void parallel_for(")
        reader.photograph("code-browser")
        link.click()
        reader.until_at(f"thread__pool_8cc_source.html#l{number:05}")
        line = reader.see(By.XPATH, f"//div[a[@name='l{number:05}']]")
        assert "void parallel_for(" in line.text
        # And the search knows it.
        reader.see(By.ID, "MSearchField").send_keys("parallel_for")
        reader.see(By.XPATH, "//*[@id='MSearchResults']//a[contains(., 'parallel_for')]")


def line_of(project: Project, path: str, number: int) -> str:
    lines = (project.root / "examples/paddle" / path).read_text().splitlines()
    return lines[number - 1]


def test_what_made_the_pages_of_the_source_is_said(paddle: Project, baked: dict[str, Any]) -> None:
    assert baked["browse"]["generator"] == "doxygen"
    manifest = json.loads((paddle.root / "build/artifacts.json").read_bytes())
    assert manifest["generators"] == {"browse": "doxygen"}
    assert "woboq" in manifest["left_out"]
    done = paddle.pdbuild("bake", "browse")
    assert re.search(r"^browse +build/browse/ \(\d+ files\) by doxygen ", done.stdout, re.MULTILINE)
    assert "LEFT OUT of the toolchain: woboq: " in done.stdout
    said = paddle.succeeds("browse")
    assert said == "build/browse/index.html (made by doxygen)\n"
    assert paddle.succeeds("docs") == "build/docs/index.html\n"


def test_warnings_come_with_the_file_and_line_of_the_host(
    paddle: Project, baked: dict[str, Any]
) -> None:
    page = paddle.root / "examples/paddle/docs/tutorial.rst"
    module = paddle.root / "examples/paddle/python/paddle/model.py"
    text = page.read_text()
    code = module.read_text()
    method = "    def predict(self, data):\n"
    assert code.count(method) == 1
    # A method of a documented class, whose docstring no parser likes.
    wrong = '    def wrong(self):\n        """Wrong.\n\n        - y\n        z\n        """\n\n'
    try:
        page.write_text(f"{text}\nSee :ref:`nowhere`.\n")
        module.write_text(code.replace(method, wrong + method))
        done = paddle.pdbuild("docs", timeout=900)
    finally:
        page.write_text(text)
        module.write_text(code)
    assert done.returncode == 1
    place = f"examples/paddle/docs/tutorial.rst:{len(text.splitlines()) + 2}: WARNING: "
    assert place in done.stderr
    assert "nowhere" in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("  | ")]
    assert said and not [line for line in said if "/src/" in line]
    found = re.search(r"examples/paddle/python/paddle/model\.py:(\d+): ", done.stderr)
    assert found
    below = code[: code.index(method)].count("\n")
    assert below < int(found[1]) <= below + len(wrong.splitlines())
