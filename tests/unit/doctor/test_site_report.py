"""The report for the administrator has what they type, and only what is theirs."""

import pytest

from pdbuild.doctor import site
from pdbuild.doctor.finding import fail, ok, warn


@pytest.mark.parametrize(
    ("mend", "typed"),
    [
        (
            "ask the administrator for: sysctl -w user.max_user_namespaces=15000",
            (
                "echo 'user.max_user_namespaces = 15000' >> /etc/sysctl.d/90-pdbuild.conf",
                "sysctl --system",
            ),
        ),
        (
            "give ann a range: sudo usermod --add-subuids 1-2 --add-subgids 1-2 ann",
            ("usermod --add-subuids 1-2 --add-subgids 1-2 ann",),
        ),
        ("run: apt install runc", ("apt-get install -y --no-install-recommends runc",)),
        (
            "apt install podman uidmap runc",
            ("apt-get install -y --no-install-recommends podman uidmap runc",),
        ),
        (
            "ask the administrator for: chmod u+s /usr/bin/newuidmap",
            ("chmod u+s /usr/bin/newuidmap",),
        ),
        (
            "apt install binfmt-support, as root, which registers the emulator with flag F",
            ("apt-get install -y --no-install-recommends binfmt-support",),
        ),
        (
            "newuidmap must be setuid root: apt install --reinstall uidmap",
            ("apt-get install -y --no-install-recommends --reinstall uidmap",),
        ),
        ("run: pdbuild engines install", ()),
        ("name a directory on a local disk in PDBUILD_CACHE_DIR", ()),
        ("", ()),
    ],
)
def test_what_an_administrator_types(mend: str, typed: tuple[str, ...]) -> None:
    assert site.commands(warn("x", "is wrong", cost="much", mend=mend)) == typed


def test_the_report_begins_with_what_is_theirs() -> None:
    text = site.report(
        [
            ok("overlay", "the kernel's"),
            warn("cache", "is full", cost="time", mend="free some"),
            fail("runc", "is missing", cost="all", mend="run: apt install runc"),
        ],
        version="1.2",
        user="ann (uid 7)",
    )
    assert "pdbuild 1.2, asked by ann (uid 7)." in text
    theirs, _, other = text.partition("## What else is not as it could be")
    assert "\n    apt-get install -y --no-install-recommends runc\n" in theirs
    assert "To mend it: free some." in other and "free some" not in theirs
    assert "- ok: overlay: the kernel's" in other


def test_a_report_of_nothing() -> None:
    assert "Nothing is wrong." in site.report([ok("x", "y")], version="1", user="z")
