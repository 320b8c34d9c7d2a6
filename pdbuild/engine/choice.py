"""Which engine builds: what the user names, else what the account and the programs here allow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pdbuild.account import Account, Rung
from pdbuild.errors import EngineError

AUTO = "auto"
#: The engine that needs none.
WITHOUT_NAMESPACES = "proot"

#: What an engine misses here, by its name; None when nothing.
Lacking = Callable[[str], EngineError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An engine's name and why it is that one, in a few words."""

    engine: str
    why: str


def choose(account: Account, names: Iterable[str], lacking: Lacking) -> Choice:
    """The engine for `--engine auto` among `names`, the preferred one first.

    `lacking` says what an engine misses here; it is asked no more than it must be. Raises
    EngineError, with the best remedy, when no engine can build.
    """
    if account.rung is Rung.C:
        if lacking(WITHOUT_NAMESPACES):
            hint = "; or for: apt install proot, by which the rest works" if account.hint else ""
            raise EngineError(account.why, hint=f"{account.hint}{hint}")
        return Choice(engine=WITHOUT_NAMESPACES, why=account.why)
    refused: dict[str, EngineError] = {}
    for name in names:
        if name == WITHOUT_NAMESPACES or refusal(name, account):
            continue
        missing = lacking(name)
        if missing is None:
            return Choice(engine=name, why=_why(account, refused))
        refused[name] = missing
    told = "; ".join(error.message for error in refused.values())
    first = next(iter(refused.values()))
    raise EngineError(f"no engine can build here: {told}", hint=first.hint)


def refusal(engine: str, account: Account) -> EngineError | None:
    """Why `engine` cannot work with what the account allows, whatever is installed."""
    if account.rung is Rung.C and engine != WITHOUT_NAMESPACES:
        return EngineError(f"{engine} cannot build here: {account.why}", hint=account.hint)
    if engine == "buildkit" and account.one_id:
        return EngineError(
            f"buildkit needs a range of user ids: {account.why}",
            hint=f"--engine buildah builds with one id; or {account.hint}",
        )
    return None


def _why(account: Account, refused: dict[str, EngineError]) -> str:
    if refused:
        name, error = next(iter(refused.items()))
        return f"{name} cannot: {error.message}; {error.hint}"
    return f"one user id alone: {account.why}" if account.one_id else account.why
