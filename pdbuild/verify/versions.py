"""version: program, library, Python package, Debian package, tag and label say the same."""

from collections.abc import Iterator
from pathlib import Path

from pdbuild.errors import EngineError
from pdbuild.verify.finding import Finding, first_words, found, unknown
from pdbuild.verify.subject import Subject
from pdbuild.version import Version

KIND = "version"
_LABEL = "org.opencontainers.image.version"


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that is claimed of this kind."""
    label = subject.config.labels.get(_LABEL, "")
    version = Version(subject.version or label)
    yield found(
        KIND, f"the label says {version}", [] if label == version.text else [f"it says {label!r}"],
        _LABEL,
    )  # fmt: skip
    tag = subject.reference.rpartition(":")[2]
    right = tag == version.tag or tag.startswith(f"{version.tag}-")
    yield found(KIND, f"the tag is {version.tag}", [] if right else [f"it is {tag}"], tag)
    yield from _packages(subject, version)
    for line in subject.claims.version:
        yield _said(subject, line, version)


def _packages(subject: Subject, version: Version) -> Iterator[Finding]:
    own = subject.packages.of(subject.project)
    if not own and not subject.debs:
        return
    stated = [(package.name, package.version) for package in own]
    stated += [(path.name, _of_deb(path)) for path in subject.debs]
    wrong = [f"{name}: {text}" for name, text in stated if text != version.debian]
    evidence = ", ".join(name for name, _ in stated)
    yield found(KIND, f"the packages are of version {version.debian}", wrong, evidence)


def _of_deb(path: Path) -> str:
    from debian.debfile import DebFile

    with DebFile(str(path)) as deb:
        return str(deb.debcontrol().get("Version", ""))


def _said(subject: Subject, line: str, version: Version) -> Finding:
    claim = f"`{line}` says {version}"
    try:
        ran = subject.ran(line)
    except EngineError as error:
        return unknown(KIND, claim, error.message)
    said = ran.said
    wrong = []
    if ran.code:
        wrong = [f"it ends with {ran.code}: {said[-200:]}"]
    elif version.text not in said.replace(",", " ").split():
        wrong = [f"it says {said[:200]!r}"]
    return found(KIND, claim, wrong, first_words(said))
