"""How a job is doing, whatever runs it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`word` is for people, such as "running"; `why` what it waits for, or ended of, or "".

    `code` is the exit code of a job that has ended by itself, None of any other.
    """

    word: str
    ended: bool = False
    code: int | None = None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.word} ({self.why})" if self.why else self.word
