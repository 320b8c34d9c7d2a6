"""How a job is doing, whatever runs it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`word` is for people, such as "running"; `why` what it waits for, or ended of, or "".

    `code` is the exit code of a job that has ended by itself, None of any other. One that is
    `stuck` will not begin unless somebody mends what `why` says.
    """

    word: str
    ended: bool = False
    code: int | None = None
    why: str = ""
    stuck: bool = False

    def __str__(self) -> str:
        return f"{self.word} ({self.why})" if self.why else self.word
