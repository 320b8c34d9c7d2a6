"""version: all that states one agrees, or it is told which does not."""

from pathlib import Path
from typing import Any

from test_minimal import status
from verify_bits import FakeMachine, claims, fails, holds, one, subject

from pdbuild import programs
from pdbuild.verify import versions
from pdbuild.verify.finding import Verdict
from pdbuild.verify.subject import Ran

_LABEL = "org.opencontainers.image.version"
_VERSION = "1.0-3-gabcdef0"
_DEBIAN = "1.0+3.gabcdef0"


def made(*, label: str = _VERSION, debian: str = _DEBIAN, **facts: Any) -> Any:
    told = {"reference": f"localhost/thing:{_VERSION}-blue", "version": _VERSION} | facts
    config = {"labels": {_LABEL: label}}
    files = {"/var/lib/dpkg/status": status(f"thing {debian}", "other 7")}
    return versions.check(subject(files, config=config, **told))


def test_all_agree() -> None:
    for words in ("the label says 1.0-3", "the tag is 1.0-3", f"version {_DEBIAN}"):
        holds(made(), words)


def test_one_differs() -> None:
    fails(made(label="1.0"), "the label says", "it says '1.0'")
    fails(made(reference="localhost/thing:1.1"), "the tag is", "it is 1.1")
    fails(made(debian="1.0"), "the packages are", "thing: 1.0")


def test_a_package_file_differs(tmp_path: Path) -> None:
    control = tmp_path / "tree" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(
        "Package: thing\nVersion: 0.9\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n"
    )
    deb = tmp_path / "thing-0.9.deb"
    programs.run("dpkg-deb", "-Zxz", "--build", tmp_path / "tree", deb, quick=True)
    fails(made(debs=(deb,)), "the packages are", "thing-0.9.deb: 0.9")


def test_a_program_says_another_version() -> None:
    lines = claims(version=("thing version", "python3 -c 'import thing'"))
    machine = FakeMachine(
        {
            "thing version": Ran(code=0, said=f"thing {_VERSION} (blue)\n"),
            "python3 -c import thing": Ran(code=0, said="1.0-3-gabcdef\n"),
        }
    )
    holds(made(claims=lines, machine=machine), "`thing version`")
    fails(made(claims=lines, machine=machine), "`python3", "it says '1.0-3-gabcdef'")
    broken = FakeMachine(dict.fromkeys(machine.answers, Ran(code=1, said=f"{_VERSION} broken")))
    fails(made(claims=lines, machine=broken), "`thing version`", "it ends with 1")


def test_without_a_machine_it_is_not_checked() -> None:
    found = made(claims=claims(version=("thing version",)))
    assert one(found, "`thing version`").verdict is Verdict.UNKNOWN
