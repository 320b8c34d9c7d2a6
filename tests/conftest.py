import shutil
import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what tests saw as what they expect"
    )
    parser.addoption(
        "--screenshots", action="store_true", help="write what browsers show into docs/images"
    )
    parser.addoption("--long", action="store_true", help="also run what takes many minutes")


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts background jobs with SIGINT ignored, nohup ignores SIGHUP, and all children
    # would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line("markers", "long: takes many minutes; --long runs it")
    config.addinivalue_line("markers", "xdist_group: tests that share what one worker makes")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Disk())


# What takes minutes to make is made once: all tests that use it run on one worker. The one with
# the most work comes first, or the others would end before it.
_SHARED = ("example", "conformance", "docker", "bare_user", "container", "cluster", "kubernetes")


def _shares(item: pytest.Item) -> str:
    """The name under which pytest-xdist keeps tests together: what they share, or their file."""
    used = {item.path.parent.name, *getattr(item, "fixturenames", ())}
    return next((name for name in _SHARED if name in used), item.path.name)


def pytest_itemcollected(item: pytest.Item) -> None:
    if {"system", "conformance", "docker"} & set(item.path.parts):
        item.add_marker(pytest.mark.xdist_group(_shares(item)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        order = {name: number for number, name in enumerate(_SHARED)}
        items.sort(key=lambda item: order.get(_shares(item), len(order)))
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="NOT RUN: takes minutes; --long runs it"))


class _Disk:
    """The most that the disk of the accounts' homes held at the end of any test, and of which."""

    def __init__(self) -> None:
        self.before = self.most = shutil.disk_usage("/var/tmp").used
        self.test = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        used = shutil.disk_usage("/var/tmp").used
        if used > self.most:
            self.most, self.test = used, report.nodeid

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        taken = (self.most - self.before) / 1e9
        terminalreporter.line(f"/var/tmp held at most {taken:.1f} GB more than before: {self.test}")
