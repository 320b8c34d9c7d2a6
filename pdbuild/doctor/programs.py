"""Probes of the programs that build and run: engines, the bootstrap, a runner for images."""

from collections.abc import Callable

from pdbuild import tools
from pdbuild.account import Account, Rung
from pdbuild.container import host
from pdbuild.doctor.finding import Finding, fail, ok, warn
from pdbuild.engine import choice
from pdbuild.errors import EngineError
from pdbuild.tools import Listed

#: The programs of each engine that must be there; `run` and the rest have their own probes.
ENGINE_PROGRAMS = {
    "buildkit": ("buildkitd", "buildx", "rootlesskit", "runc"),
    "buildah": ("buildah", "skopeo"),
    choice.WITHOUT_NAMESPACES: ("proot",),
}


def engine_programs(engine: str, listed: dict[str, Listed], account: Account) -> Finding:
    """The versions of an engine's programs, or which is missing."""
    if account.rung is Rung.B and choice.refusal(engine, account):
        return ok(engine, "not for this account, which has no range of user ids")
    if account.rung is Rung.C and engine != choice.WITHOUT_NAMESPACES:
        return ok(engine, "not for this account, which has no user namespaces")
    if engine == choice.WITHOUT_NAMESPACES and account.rung is not Rung.C:
        return ok(engine, "not needed: there are namespaces")
    rows = [listed[name] for name in ENGINE_PROGRAMS[engine]]
    if account.why == "root":
        rows = [row for row in rows if row.name != "rootlesskit"]
    for row in rows:
        if row.tool is None:
            cost = f"builds with {engine} do not work"
            return warn(engine, f"{row.name}: {row.problem}", cost=cost, mend=row.hint)
    found = [row.tool for row in rows if row.tool]
    text = ", ".join(f"{tool.name} {tool.version} ({tool.origin})" for tool in found)
    return ok(engine, text)


def engine(account: Account, names: tuple[str, ...], lacking: choice.Lacking) -> Finding:
    """The engine that `--engine auto` takes."""
    try:
        chosen = choice.choose(account, names, lacking)
    except EngineError as error:
        return fail("engine", error.message, cost="nothing can be built", mend=error.hint)
    return ok("engine", f"{chosen.engine}: {chosen.why}")


def bootstrap(listed: Listed, *, there: bool) -> Finding:
    """mmdebstrap, which makes a base when it is not there yet."""
    if listed.tool:
        return ok("mmdebstrap", listed.tool.version)
    if there:
        cost = "a base of another suite cannot be made"
        return warn("mmdebstrap", listed.problem, cost=cost, mend=listed.hint)
    cost = "the base cannot be made, so nothing can be built"
    return fail("mmdebstrap", listed.problem, cost=cost, mend=listed.hint)


def git(listed: Listed) -> Finding:
    """git, which tells versions."""
    if listed.tool:
        return ok("git", listed.tool.version)
    cost = 'a version of "git" is 0.0.0'
    return warn("git", listed.problem, cost=cost, mend=listed.hint)


def runner(account: Account, attempt: Callable[[], host.Host]) -> Finding:
    """Whether images can be run, and how."""
    cost = "pdbuild run, shell and ssh do not work; building does"
    try:
        found = attempt()
    except EngineError as error:
        why, mend = error.message.replace("\n", " "), error.hint
        if account.rung is Rung.C and tools.find("proot"):
            why, mend = f"proot ({why})", account.hint
            cost = "pdbuild ssh does not work; build, run and shell do, several times slower"
        return warn("runner", why, cost=cost, mend=mend)
    flags = f" {' '.join(found.flags)}" if found.flags else ""
    stored = f", storage {found.driver}" if found.driver else ""
    return ok("runner", f"podman{flags}{stored}")


def listing() -> dict[str, Listed]:
    """All programs that pdbuild knows, by name."""
    return {row.name: row for row in tools.listing()}
