"""A version, and how it is written where not every character may stand.

`hooks/version` has the same rules in shell, for the steps of a build and the development
image; a test compares the two.
"""

import re
from dataclasses import dataclass

#: What may stand in a version: what Debian (policy 5.6.12) allows, and git in a tag's name.
WRITTEN = re.compile(r"[0-9][A-Za-z0-9.+~]*(-[A-Za-z0-9.+~]+)*")
#: Leaves room in an image tag's 128 characters for a variant's suffix.
LONGEST = 60

_DESCRIBED = re.compile(r"(.+)-([0-9]+)-g([0-9a-f]{4,40})")
_RELEASE = re.compile(r"[0-9]+(\.[0-9]+)*")
_PART = re.compile(r"([-.+~]*)([A-Za-z]*)([-.]?[0-9]+(\.[0-9]+)*)?")
_BEFORE = frozenset(("alpha", "beta", "rc", "pre", "preview", "snapshot"))
_AFTER = frozenset(("post", "patch", "pl", "p", "r", "rev", "update", "u", "hotfix", "fix"))


@dataclass(frozen=True, slots=True)
class Version:
    """`text` is the version as the program shows it: a tag's, or `git describe` after it."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def tag(self) -> str:
        """For tags of images and names of files: letters, digits, dots, hyphens, underscores."""
        return self.text.replace("+", "_").replace("~", "-")

    @property
    def debian(self) -> str:
        """For Debian packages: dpkg orders these as the tags and the commits between them."""
        clean = self.text.removesuffix("-dirty")
        found = _DESCRIBED.fullmatch(clean)
        later = f"+{found[2]}.g{found[3]}" if found else ""
        if clean != self.text:
            later += ".dirty" if later else "+0.dirty"
        return _debian(found[1] if found else clean) + later


def patterns(project: str, tag: str = "") -> tuple[str, ...]:
    """The tags that count as versions, `{version}` standing for that; `tag` is the recipe's."""
    if tag:
        return (tag,)
    before = ("", "release-", "release/", f"{project}-", f"{project}/")
    return tuple(f"{prefix}{v}{{version}}" for prefix in before for v in ("v", ""))


def globs(tags: tuple[str, ...]) -> list[str]:
    """The patterns as `git describe --match` reads them."""
    return [tag.replace("{version}", "[0-9]*") for tag in tags]


def in_tag(name: str, tags: tuple[str, ...]) -> str:
    """The version that a tag's name holds, "" when it holds none."""
    for tag in tags:
        before, _, after = tag.partition("{version}")
        if name.startswith(before) and name.endswith(after):
            text = name[len(before) : len(name) - len(after)]
            if WRITTEN.fullmatch(text) and len(text) <= LONGEST:
                return text
    return ""


def _debian(text: str) -> str:
    """A tag's version: what comes before a release gets a "~", what comes after it a "+"."""
    release = _RELEASE.match(text)
    assert release, text
    made, rest = release[0], text[release.end() :]
    while rest:
        found = _PART.match(rest)
        assert found and found[0], text
        rest = rest[found.end() :]
        separator, word, number = found[1][:1], found[2], (found[3] or "").removeprefix("-")
        made += _mark(separator, word.lower(), number, within="~" in made) + word + number
    return made


def _mark(separator: str, word: str, number: str, *, within: bool) -> str:
    """What stands before a part that follows a release, by how dpkg orders.

    `within` says that it belongs to a release that is not out yet.
    """
    if word == "dev":
        return "~~"
    if not word:
        # 1.0-1 comes after 1.0 and all commits after that, whose mark is a bare "+".
        return {"-": "+r", "+": "+r"}.get(separator, separator) if number else ""
    if separator == "+" or word in _AFTER:
        return "+"
    if within and separator == ".":
        return "."
    if word in _BEFORE or (word in ("a", "b", "c") and number) or separator in ("-", "~"):
        return "~"
    return "+"
