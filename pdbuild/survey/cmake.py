"""What the text of CMakeLists.txt says, read as CMake would, as far as a text can tell.

Branches that are false on Linux with the project's own defaults are not followed; those that
cannot be told are followed, and what is found in them carries the condition.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pdbuild.survey import words
from pdbuild.survey.branches import Branches
from pdbuild.survey.conditions import Conditions, truth
from pdbuild.survey.facts import Choice, Facts, Need
from pdbuild.survey.scan import Command, Word, commands

_MOST_FILES = 1500


def read(folder: Path, settings: Mapping[str, str] | None = None) -> Facts:
    """The facts of the project whose CMakeLists.txt is in `folder`.

    `settings` are values of cache variables that are known better than from the text.
    """
    files = _files(folder)
    assigned = {
        text
        for found in files.values()
        for command in found
        if command.name not in words.CONDITIONS
        for text in command.texts
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text)
    }
    walk = _Walk(folder, files, assigned, dict(settings or {}))
    walk.file(folder / "CMakeLists.txt", folder)
    return walk.facts()


def _files(folder: Path) -> dict[Path, tuple[Command, ...]]:
    """The commands of each file of CMake's in the tree, unless there are too many."""
    found: dict[Path, tuple[Command, ...]] = {}
    for pattern in ("CMakeLists.txt", "*.cmake"):
        for path in sorted(folder.rglob(pattern)):
            if len(found) < _MOST_FILES and ".git" not in path.parts and path.is_file():
                found[path] = tuple(commands(path.read_text(encoding="utf-8", errors="replace")))
    return found


@dataclass(slots=True)
class _Walk:
    """Reads files in the order of CMake and gathers what they say."""

    root: Path
    files: Mapping[Path, tuple[Command, ...]]
    assigned: set[str]
    settings: dict[str, str]
    known: dict[str, str] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    languages: set[str] = field(default_factory=set)
    executables: set[str] = field(default_factory=set)
    installed: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    installs: bool = False
    tests: bool = False
    fetches: list[str] = field(default_factory=list)
    toolkit: list[str] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)
    branches: Branches = field(default_factory=Branches)
    seen: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.known |= words.KNOWN | dict.fromkeys(words.ELSEWHERE, "OFF")
        self.known |= {"CMAKE_SOURCE_DIR": str(self.root), "PROJECT_SOURCE_DIR": str(self.root)}
        self.known |= self.settings

    def file(self, path: Path, folder: Path) -> None:
        """Read a file whose current source folder is `folder`."""
        if path in self.seen or path not in self.files:
            return
        self.seen.add(path)
        outer = {key: self.known.get(key, "") for key in words.PLACES}
        self.known |= {words.PLACES[0]: str(folder), words.PLACES[1]: str(path.parent)}
        inside, depth = 0, self.branches.depth
        for command in self.files[path]:
            if command.name in ("function", "macro"):
                inside += 1
            elif command.name in ("endfunction", "endmacro"):
                inside -= 1
            elif inside or self.branches.follow(command, self._conditions().value):
                continue
            elif self.branches.value is not False:
                self._command(command, folder)
        self.branches.leave(depth)
        self.known |= outer

    def facts(self) -> Facts:
        """What was gathered."""
        return Facts(
            system="cmake",
            how="the text of CMakeLists.txt",
            languages=frozenset(self.languages or {"C", "CXX"}),
            choices=tuple(self.choices.values()),
            needs=tuple(dict.fromkeys(self.needs)),
            programs=tuple(
                self.outputs.get(name, name)
                for name in dict.fromkeys(self.installed)
                if name in self.executables
            ),
            installs=self.installs,
            tests=self.tests,
            fetches=tuple(dict.fromkeys(self.fetches)),
            toolkit=tuple(dict.fromkeys(self.toolkit)),
            name=self.about.get("name", ""),
            version=self.about.get("version", ""),
            description=self.about.get("description", ""),
            homepage=self.about.get("homepage", ""),
        )

    def _conditions(self) -> Conditions:
        return Conditions(self.known, self.assigned)

    def _command(self, command: Command, folder: Path) -> None:
        expand = self._conditions().expand
        texts = tuple(expand(text) or text for text in command.texts)
        if not texts:
            return
        if self.branches.value:
            self.toolkit += [name for text in texts for name in words.of_toolkit(text)]
        match command.name:
            case "project":
                self._project(texts)
            case "enable_language":
                self.languages |= words.LANGUAGES & set(texts)
            case "option" | "cmake_dependent_option":
                self._option(texts, command.words)
            case "set":
                self._set(texts)
            case "set_target_properties" if "OUTPUT_NAME" in texts[:-1]:
                self.outputs[texts[0]] = texts[texts.index("OUTPUT_NAME") + 1]
            case "set_property":
                self._strings(texts)
            case "find_package":
                self._package(texts)
            case "pkg_check_modules" | "pkg_search_module":
                self._modules(command.name, texts)
            case "enable_testing":
                self.tests = True
            case "add_executable":
                self.executables.add(texts[0])
            case "install":
                self._install(texts)
            case "add_subdirectory":
                self.file(folder / texts[0] / "CMakeLists.txt", folder / texts[0])
            case "include":
                self._include(texts, folder)
            case "fetchcontent_declare" | "externalproject_add" | "cpmaddpackage":
                self.fetches.append(texts[1] if texts[0] == "NAME" else texts[0])
            case "cuda_add_executable" | "cuda_add_library":
                self.executables.add(texts[0])
                self.languages.add("CUDA")
            case _:
                pass

    def _project(self, texts: tuple[str, ...]) -> None:
        fields = words.fields(texts[1:], ("VERSION", "DESCRIPTION", "HOMEPAGE_URL", "LANGUAGES"))
        languages = fields["LANGUAGES"] or fields[""]
        top = not self.about
        self.languages |= words.LANGUAGES & set(languages) or (set() if languages else {"C", "CXX"})
        if not top:
            return
        self.known |= {"PROJECT_NAME": texts[0], "CMAKE_PROJECT_NAME": texts[0]}
        self.about = {
            "name": texts[0],
            "version": "".join(fields["VERSION"][:1]),
            "description": "".join(fields["DESCRIPTION"][:1]),
            "homepage": "".join(fields["HOMEPAGE_URL"][:1]),
        }
        self.about = {key: "" if "$" in text else text for key, text in self.about.items()}
        if self.about["version"]:
            self.known |= dict.fromkeys(
                ("PROJECT_VERSION", f"{texts[0]}_VERSION"), self.about["version"]
            )

    def _option(self, texts: tuple[str, ...], arguments: tuple[Word, ...]) -> None:
        name = texts[0]
        text = texts[2] if len(texts) > 2 else "OFF"
        value = truth(text)
        if value is None and len(arguments) > 2:
            value = self._conditions().value(arguments[2:3])
        self._choice(name, "" if value is None else "ON" if value else "OFF",
                     texts[1] if len(texts) > 1 else "")  # fmt: skip

    def _choice(
        self, name: str, default: str, description: str, values: tuple[str, ...] = ()
    ) -> None:
        if name in self.settings:
            known = self.settings[name]
            on = truth(known)
            default = known if values or on is None else "ON" if on else "OFF"
        said = " ".join(description.split())
        if default and self.branches.value:
            self.known.setdefault(name, default)
        self.choices.setdefault(
            name,
            Choice(name=name, by="cmake", key=name, values=values or ("ON", "OFF"),
                   default=self.known.get(name, default), description=said),
        )  # fmt: skip

    def _set(self, texts: tuple[str, ...]) -> None:
        name, values = texts[0], texts[1:]
        if "CACHE" in values:
            at = values.index("CACHE")
            value, kind, about = ";".join(values[:at]), *(*values[at + 1 : at + 3], "", "")[:2]
            if kind == "BOOL" and "INTERNAL" not in values:
                self._choice(name, {True: "ON", False: "OFF", None: ""}[truth(value)], about)
                return
            if kind == "STRING" and "$" not in value:
                self.choices.setdefault(
                    name, Choice(name=name, by="cmake", key=name, values=(),
                                 default=self.settings.get(name, value), description=about)
                )  # fmt: skip
                self.known.setdefault(name, value)
            return
        if self.branches.value and not any("$" in value for value in values) and values:
            self.known[name] = ";".join(values)
        else:
            self.known.pop(name, None)

    def _strings(self, texts: tuple[str, ...]) -> None:
        """`set_property(CACHE NAME PROPERTY STRINGS …)`: the values that a variable may have."""
        if texts[0] == "CACHE" and texts[2:4] == ("PROPERTY", "STRINGS"):
            values = tuple(v for text in texts[4:] for v in text.split(";") if v)
            if texts[1] in self.choices and values:
                self.choices[texts[1]] = replace(self.choices[texts[1]], values=values)

    def _package(self, texts: tuple[str, ...]) -> None:
        name, required = texts[0], "REQUIRED" in texts
        if "$" in name:
            return
        self.needs.append(
            Need(kind="cmake", name=name, required=required, condition=self.branches.why)
        )
        if name in ("CUDA", "CUDAToolkit") and self.branches.value:
            self.languages.add("CUDA")
        fields = words.fields(texts[1:], ("COMPONENTS", "OPTIONAL_COMPONENTS", "REQUIRED"))
        for key in ("COMPONENTS", "REQUIRED"):
            for part in fields[key]:
                if re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*", part) and not part.isupper():
                    self.needs.append(
                        Need(kind="component", name=f"{name}/{part}", required=required,
                             condition=self.branches.why)
                    )  # fmt: skip

    def _modules(self, command: str, texts: tuple[str, ...]) -> None:
        modules = [re.split(r"[<>=]", text)[0] for text in texts[1:] if text not in words.PKG_WORDS]
        if command == "pkg_search_module":
            modules = modules[:1]  # any of them will do
        self.needs += [
            Need(
                kind="pkg-config",
                name=name,
                required="REQUIRED" in texts,
                condition=self.branches.why,
            )
            for name in modules
            if name and "$" not in name
        ]

    def _install(self, texts: tuple[str, ...]) -> None:
        self.installs = True
        if texts[0] == "TARGETS":
            self.installed += words.fields(texts, ("TARGETS", *words.INSTALL_WORDS))["TARGETS"]

    def _include(self, texts: tuple[str, ...], folder: Path) -> None:
        name = texts[0]
        if name == "CTest":
            self._choice("BUILD_TESTING", "ON", "Build the tests")
        here = Path(self.known[words.PLACES[1]])
        for path in (
            folder / name,
            here / name,
            *self.root.glob(f"cmake*/**/{Path(name).name}.cmake"),
        ):
            if path in self.files:
                self.file(path, folder)
                return
