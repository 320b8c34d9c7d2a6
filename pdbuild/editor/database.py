"""Compile commands as values: read from CMake's file, rewritten for a clang on the host.

Pure: paths are text, and nothing here looks at the disk.
"""

import json
import posixpath
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_LAUNCHERS = frozenset({"ccache", "sccache", "distcc", "icecc"})

# Options with a path, joined to it or before it.
_PATHS = ("-isystem", "-iquote", "-idirafter", "-include", "-imacros", "-I")
# Options with a value that say what to write, not how to read the source.
_OUTPUTS = ("-o", "-MF", "-MT", "-MQ", "-MJ")
_PLAIN_OUTPUTS = frozenset({"-c", "-S", "-MD", "-MMD", "-MP", "-MM", "-M", "-MG"})
# GCC's alone: clang takes them for mistakes.
_GCC_ONLY = (
    "-fmodules-ts",
    "-fmodule-mapper",
    "-fdeps-format",
    "-fno-gnu-unique",
    "-fconserve-stack",
    "-fno-var-tracking",
    "-fvar-tracking",
    "-fipa-",
    "-fno-ipa-",
    "-fanalyzer",
    "-fno-fat-lto-objects",
    "-ffat-lto-objects",
    "-fuse-linker-plugin",
    "-fno-canonical-system-headers",
    "-flto",
    "-Wa,",
    "-Wl,",
)
# Options that change where a compiler looks for headers.
_SEARCH = ("-m32", "-mx32", "-stdlib=", "--sysroot", "-isysroot", "--gcc-", "-target", "--target")
_CXX = frozenset({".cc", ".cpp", ".cxx", ".c++", ".C", ".cppm", ".ixx"})
CUDA = frozenset({".cu", ".cuh"})
HEADERS = frozenset({".h", ".hh", ".hpp", ".hxx", ".h++"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """One file's compile command, without a launcher such as ccache."""

    directory: str
    file: str
    arguments: tuple[str, ...]

    @property
    def language(self) -> str:
        """`c`, `c++` or `cuda`."""
        compiler = posixpath.basename(self.arguments[0])
        suffix = posixpath.splitext(self.file)[1]
        if suffix in CUDA or compiler.startswith("nvcc"):
            return "cuda"
        return "c++" if suffix in _CXX or "++" in compiler else "c"

    @property
    def path(self) -> str:
        """The file's absolute path."""
        return _absolute(self.directory, self.file)


@dataclass(frozen=True, slots=True, order=True)
class Probe:
    """A compiler that must be asked for its search path, with the flags that change it."""

    language: str
    compiler: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where a compiler looks: folders before and after its own headers; `machine` is its target.

    `own` are those headers, which only this compiler can read: clang has its own.
    """

    front: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What paths of the container are on the host: `folders` first, else below `sysroot`."""

    folders: tuple[tuple[str, str], ...]
    sysroot: str = ""

    def is_system(self, path: str) -> bool:
        """Whether an absolute path is the image's, not the project's."""
        return not any(_within(path, inside) for inside, _ in self.folders)

    def on_host(self, path: str) -> str:
        """The host's path of an absolute one."""
        for inside, outside in self.folders:
            if _within(path, inside):
                return outside + path[len(inside) :]
        return self.sysroot + path


def read(text: str) -> tuple[Compile, ...]:
    """The commands of a `compile_commands.json`. Raises ValueError when it is none."""
    return tuple(_compile(entry) for entry in json.loads(text))


def write(commands: Iterable[Compile]) -> str:
    """The text of a `compile_commands.json`."""
    entries = [
        {"directory": c.directory, "file": c.file, "arguments": list(c.arguments)} for c in commands
    ]
    return json.dumps(entries, indent=1) + "\n"


def probe(command: Compile) -> Probe:
    """What to ask to learn the command's search path."""
    compiler, *rest = command.arguments
    if command.language == "cuda":
        return Probe("cuda", compiler, tuple(_host_compiler(rest)))
    flags = [word for word in rest if word.startswith(_SEARCH)]
    return Probe(command.language, compiler, tuple(flags))


def system_folders(commands: Iterable[Compile], places: Places) -> tuple[str, ...]:
    """The image's folders that commands name themselves."""
    found = {
        path
        for command in commands
        for option, path in _path_options(command)
        if option not in ("-include", "-imacros") and places.is_system(path)
    }
    return tuple(sorted(found))


def with_files(commands: Sequence[Compile], files: Iterable[str], nvcc: str) -> tuple[Compile, ...]:
    """`commands`, and one for each header and CUDA file (absolute path) that has none.

    CMake lists no header, and no file that a variant leaves out or a custom command compiles.
    Such a file gets the options of the nearest listed one, for a header of those that find it.
    """
    known = {command.path for command in commands}
    folders = {c.path: [path for option, path in _path_options(c)] for c in commands}
    added = []
    for file in files:
        finders = [c for c in commands if any(_within(file, path) for path in folders[c.path])]
        if file in known or not commands:
            continue
        near = max(finders or commands, key=lambda c: (_common(c.path, file), c.path))
        compiler = nvcc if posixpath.splitext(file)[1] in CUDA else near.arguments[0]
        words = (compiler, *_kept(near), file)
        added.append(Compile(directory=near.directory, file=file, arguments=words))
    return (*commands, *added)


def for_host(command: Compile, search: Search, places: Places, cuda_header: str) -> Compile:
    """The command as a clang on the host takes it.

    `cuda_header` is the host's path of `cuda_for_clang.h`.
    """
    language = command.language
    words = ["clang" if language == "c" else "clang++"]
    if search.machine:
        words.append(f"--target={search.machine}")
    words += ["-x", language, "-nostdlibinc", *(["-nostdinc++"] if language != "c" else [])]
    if language == "cuda":
        words += ["--cuda-host-only", "-nocudainc", "-nocudalib", "-include", cuda_header]
        words += ["-Wno-unknown-cuda-version"]
    words += _kept(command, places)
    for folder in search.front:
        words += ["-isystem", places.on_host(folder)]
    # Behind clang's own headers, as they stand behind the compiler's own in the image.
    for folder in (*search.back, *search.own):
        words += ["-idirafter", places.on_host(folder)]
    words += ["-Wno-unknown-warning-option", "-Wno-unused-command-line-argument"]
    words += ["-Wno-pragma-once-outside-header"]
    file = places.on_host(command.path)
    directory = places.on_host(command.directory)
    return Compile(directory=directory, file=file, arguments=(*words, file))


def parse_search(lines: Iterable[str], machine: str) -> Search:
    """What the hook `headers` wrote of one compiler."""
    front, own, back = list[str](), list[str](), list[str]()
    current = front
    for line in lines:
        if line == "=":
            current = own
        else:
            current.append(line)
            current = back if current is own else current
    return Search(front=tuple(front), own=tuple(own), back=tuple(back), machine=machine)


def _compile(entry: Mapping[str, object]) -> Compile:
    words = entry.get("arguments")
    split = shlex.split(str(entry["command"])) if words is None else list(map(str, _list(words)))
    while len(split) > 1 and posixpath.basename(split[0]) in _LAUNCHERS:
        split = split[1:]
    return Compile(
        directory=str(entry["directory"]), file=str(entry["file"]), arguments=tuple(split)
    )


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("arguments is not a list")
    return value


def _kept(command: Compile, places: Places | None = None) -> list[str]:
    """The options that say how to read the source, with the host's paths if `places` is given."""
    words = iter(command.arguments[1:])
    cuda = posixpath.basename(command.arguments[0]).startswith("nvcc")
    found: list[str] = []
    for word in words:
        option = next((o for o in _PATHS if word.startswith(o)), "")
        if word in _OUTPUTS or (cuda and word in ("-x", "-gencode", "-arch", "-ccbin")):
            next(words, "")
        elif option:
            path = _absolute(command.directory, word[len(option) :] or next(words, ""))
            found += [option, places.on_host(path) if places else path]
        elif word in ("-D", "-U", "-Xclang") and not cuda:
            found += [word, next(words, "")]
        elif cuda:
            found += [word] if word.startswith(("-D", "-U", "-std=")) else []
        elif not _dropped(word) and _absolute(command.directory, word) != command.path:
            found.append(word)
    return found


def _dropped(word: str) -> bool:
    if word in _PLAIN_OUTPUTS or word.startswith((*_GCC_ONLY, "--sysroot", "-isysroot")):
        return True
    return word.startswith(_OUTPUTS[1:]) or (word.startswith("-o") and len(word) > 2)


def _path_options(command: Compile) -> Iterator[tuple[str, str]]:
    kept = iter(_kept(command))
    for word in kept:
        if word in _PATHS:
            yield word, next(kept)


def _host_compiler(words: Sequence[str]) -> Iterator[str]:
    waiting = iter(words)
    for word in waiting:
        if word in ("-ccbin", "--compiler-bindir"):
            yield from (word, next(waiting, ""))
        elif word.startswith(("-ccbin=", "--compiler-bindir=")):
            yield word


def _absolute(directory: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))


def _common(one: str, other: str) -> int:
    return len(posixpath.commonpath((one, other)))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
