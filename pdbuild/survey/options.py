"""The options and variants that a recipe proposes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pdbuild.survey import roles, toml
from pdbuild.survey.facts import Choice, Facts

_MOST_OTHERS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The options that a recipe has, and those that it could have."""

    tests: bool
    test: Choice | None
    gpu: Choice | None
    simd: Choice | None
    native: tuple[Choice, ...]
    others: tuple[Choice, ...]

    @property
    def variants(self) -> dict[str, dict[str, str]]:
        """Every combination of GPU and SIMD, the plainest program's first."""
        rows: dict[str, dict[str, str]] = {"": {}}
        if self.gpu:
            rows = {"cpu": {"GPU": "OFF"}, "gpu": {"GPU": "ON"}}
        if self.simd:
            key = roles.simd_word(self.simd)
            plain = "" if self.gpu else key.lower()
            rows = {
                _joined(name, word): chosen | {key: value}
                for name, chosen in rows.items()
                for word, value in ((plain, "ON"), (f"no{key.lower()}", "OFF"))
            }
        return rows if len(rows) > 1 else {}


def propose(facts: Facts) -> Proposal:
    """The proposal for a project."""
    test, gpu, simd = roles.tests(facts), roles.gpu(facts), roles.simd(facts)
    native = roles.native(facts)
    return Proposal(
        tests=test is not None or facts.tests,
        test=test,
        gpu=gpu,
        simd=simd,
        native=native,
        others=roles.others(facts, (test, gpu, simd, *native)),
    )


def text(proposal: Proposal) -> Iterator[str]:
    """The lines of `[options]` and `[variants]`."""
    rows = [
        (name, choice)
        for name, choice in (
            ("GPU", proposal.gpu),
            (roles.simd_word(proposal.simd) if proposal.simd else "", proposal.simd),
            ("TEST", proposal.test),
        )
        if choice or (name == "TEST" and proposal.tests)
    ]
    if rows or proposal.others:
        yield "[options]" if rows else "# [options]"
    width = max((len(name) for name, _ in rows), default=0)
    for name, choice in rows:
        default = "ON" if choice and choice is proposal.simd else "OFF"
        about = _ABOUT.get(name, "the processor's vector instructions")
        yield f"{name:<{width}} = {_entry(choice, default)}  # guess: {about}"
    if proposal.others:
        yield f"# {'Others' if rows else 'Options'} that it has, with its own defaults:"
    taken = {name for name, _ in rows}
    for choice in proposal.others[:_MOST_OTHERS]:
        name = _name(choice.name, taken)
        taken.add(name)
        yield f"# {name} = {_entry(choice, '')}" + (
            f"  # {said}" if (said := _short(choice)) else ""
        )
    if len(proposal.others) > _MOST_OTHERS:
        yield f"# … and {len(proposal.others) - _MOST_OTHERS} more."
    variants = proposal.variants
    if variants:
        yield ""
        yield "[variants]"
    width = max(map(len, variants), default=0)
    for position, (name, chosen) in enumerate(variants.items()):
        values = [f'{key} = "{value}"' for key, value in chosen.items()]
        values += ["default = true"] if position == 0 else []
        yield f"{name:<{width}} = {{ {', '.join(values)} }}"


_ABOUT = {
    "GPU": "CUDA kernels",
    "TEST": "build and run the tests",
}


def _entry(choice: Choice | None, default: str) -> str:
    """An option's table. Switches are ON and OFF in recipes, whatever the project calls them."""
    if choice is None:
        return f'{{ default = "{default}" }}'
    values = ""
    if choice.switch:
        on, off = choice.values
        default = default or {on: "ON", off: "OFF"}.get(choice.default, "OFF")
        setter = toml.quoted(choice.key)
        if choice.by == "make" or on == "enabled":
            sets = f"{'-D' if choice.by == 'meson' else ''}{choice.key}="
            setter = f'{{ ON = "{sets}{on}", OFF = "{sets}{off}" }}'
    else:
        plain = [v for v in choice.values if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", v)]
        default = choice.default if choice.default in plain else "".join(plain[:1])
        values = f", values = {toml.listed(plain)}"
        setter = toml.quoted(choice.key)
    return f'{{ default = "{default}"{values}, {choice.by} = {setter} }}'


def _name(name: str, taken: set[str]) -> str:
    """The option's name in a recipe: upper case, letters first."""
    plain = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    plain = plain if plain[:1].isalpha() else f"X_{plain}"
    return plain if plain not in taken else f"{plain}_2"


def _short(choice: Choice) -> str:
    plain = "".join(c for c in choice.description if c.isprintable())
    return plain if len(plain) <= 60 else plain[:57] + "..."


def _joined(*words: str) -> str:
    return "-".join(word for word in words if word)
