"""One thing wrong in a recipe, before it is known which file and line that is."""

from dataclasses import dataclass

from pdbuild.recipe.positions import KeyPath

__all__ = ["EXTENDED", "Finding", "KeyPath", "sound"]

#: Needed by findings that something is not there: a file that could not be read may have it.
EXTENDED: KeyPath = ("extends",)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at a key.

    `item` is the value meant when the key is a list. `needs` are the keys that must be sound
    for the finding to mean anything; by default the key itself.
    """

    path: KeyPath
    what: str
    hint: str = ""
    item: str | int | None = None
    needs: tuple[KeyPath, ...] = ()


def sound(finding: Finding, unsound: frozenset[KeyPath]) -> bool:
    """Whether nothing that `finding` was concluded from is itself a mistake."""
    return not any(
        bad[: len(need)] == need[: len(bad)]
        for need in finding.needs or (finding.path,)
        for bad in unsound
    )
