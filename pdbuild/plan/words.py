"""How the options of a recipe reach its build hook: as words and variables of a step's shell.

Their values are known when the step runs: they are variables of their names, which `--set`, a
build argument, or the environment of a development image sets.
"""

import re
from collections.abc import Iterator

from pdbuild.plan.steps import OWN
from pdbuild.recipe import forms
from pdbuild.recipe.tables.options import Option
from pdbuild.recipe.types import Recipe


def build_script(recipe: Recipe, hooks: str) -> str:
    """What compiles a variant, in a shell; pdbuild's hooks lie in the folder `hooks`."""
    hook = recipe.build.hook
    run = f"exec bash {hooks}/{build_hook(recipe)}"
    if hook != build_hook(recipe):
        run += f' "$PDBUILD_SOURCE/{hook}"'
    # What the arguments say, the hook compares; of all else the tree has to know.
    argued = " ".join(_argued(recipe))
    told = f'export PDBUILD_ARGUED="{argued}"; ' if argued else ""
    return told + with_options(recipe, run, ("cmake", "configure", "meson", "make"))


def build_hook(recipe: Recipe) -> str:
    """pdbuild's hook that compiles: a script of the project's own is run by one."""
    return OWN if "/" in recipe.build.hook else recipe.build.hook


def with_options(recipe: Recipe, command: str, arguments: tuple[str, ...]) -> str:
    """`command` with the recipe's options, of which the forms `arguments` are its arguments.

    With any, it gets those of `[build]` after them. $NAME in what a recipe says stands for a
    variable.
    """
    before: list[str] = []
    words: list[str] = []
    for name, option in recipe.options.items():
        given = _Given(recipe, option, arguments)
        if given.same_for_all(name):
            before += given.settings(f"${name}")
            words += given.words(f"${name}")
        else:
            before += [given.cases(name)]
    if any(" set -- " in part for part in before):
        words.insert(0, '"$@"')
    if arguments:
        words += map(word, recipe.build.arguments)
    return "; ".join((*before, " ".join((command, *words))))


def word(text: str) -> str:
    """A word of the step's shell in which $NAME still stands for a variable."""
    if re.fullmatch(r"[\w./:=,+@%$-]+", text):
        return text
    return '"' + re.sub(r'(["\\`])', r"\\\1", text) + '"'


def _argued(recipe: Recipe) -> Iterator[str]:
    """The variables that reach the hook in its arguments, and in no other way."""
    unseen = {name for name, option in recipe.options.items() if _is_unseen(option)}
    if build_hook(recipe) != OWN:
        unseen.discard("TEST")  # it says whether the hook tests, not how it compiles
    named = re.findall(r"\$\{?(\w+)", " ".join(recipe.build.arguments))
    for name in dict.fromkeys((*recipe.options, *named)):
        if name not in unseen:
            yield name


def _is_unseen(option: Option) -> bool:
    return bool(option.define or option.environment or not option.forms)


class _Given:
    """What an option gives to a command, by its value."""

    def __init__(self, recipe: Recipe, option: Option, arguments: tuple[str, ...]) -> None:
        self._option = option
        self._forms = option.forms
        self._switch = forms.is_switch(option.values)
        self._arguments = arguments
        no_cppflags = recipe.build.hook in forms.WITHOUT_CPPFLAGS
        self._flags = ("CFLAGS", "CXXFLAGS", "CUDAFLAGS") if no_cppflags else ("CPPFLAGS",)

    def same_for_all(self, name: str) -> bool:
        """Whether what it gives is the same for all values, but for the value in it."""

        def having(value: str) -> list[str]:
            return [*self.settings(value), *self.words(value)]

        template = having(f"${name}")
        return all(
            having(value) == [text.replace(f"${name}", value) for text in template]
            for value in self._option.values
        )

    def words(self, value: str) -> list[str]:
        """Arguments of the command."""
        return [w for form in self._arguments for w in map(word, self._words(form, value))]

    def settings(self, value: str) -> list[str]:
        """Commands that set variables."""
        variables = forms.variables(self._option.environment, value)
        commands = [f"export {name}={word(text)}" for name, text in variables.items()]
        for macro in self._words("define", value):
            flag = re.sub(r'(["\\`])', r"\\\1", f"-D{macro}")
            exports = " ".join(f'{name}="${{{name}-}} {flag}"' for name in self._flags)
            commands.append(f"export {exports}")
        return commands

    def cases(self, name: str) -> str:
        """A command that chooses by the value of the variable `name`."""
        return f"case ${name} in {' '.join(self._cases())} esac"

    def _cases(self) -> Iterator[str]:
        for value in self._option.values:
            commands = self.settings(value)
            if words := self.words(value):
                commands.append(" ".join(('set -- "$@"', *words)))
            if commands:
                yield f"{value}) {'; '.join(commands)} ;;"

    def _words(self, form: str, value: str) -> tuple[str, ...]:
        text = self._forms.get(form, "")
        return forms.words(form, text, value, switch=self._switch)
