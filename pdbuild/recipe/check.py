"""What must hold in a recipe and its blocks beyond keys and types."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from pdbuild.recipe import names, rules
from pdbuild.recipe.finding import Finding, KeyPath
from pdbuild.recipe.merge import Tables, inner_table
from pdbuild.recipe.types import MERGE_APPEND, Block, Parameter, Recipe

# Needed by findings that something is not there: a file that could not be read may have it.
_EXTENDED: KeyPath = ("extends",)

# A variant's files stand in build/VARIANT, beside these folders.
_TAKEN_VARIANTS = ("docs", "browse", "dev")
# Options reach steps as build arguments and environment, beside these.
_TAKEN_OPTIONS = re.compile(
    r"(HOME|LANG|LANGUAGE|PATH|SOURCE_DATE_EPOCH|VERSION)|(PDBUILD_|LC_|LD_).*|.*_PROXY"
    r"|(BUILD|TARGET)(ARCH|OS|PLATFORM|VARIANT)"
)
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOT_IN_PATHS = re.compile(r"""[\s,"'\\$*?\[\]]""")
_URL = re.compile(r"(https?|file)://[^\s]+")


def recipe(recipe: Recipe) -> Iterator[Finding]:
    """Everything wrong in a recipe whose keys and types are right."""
    for check in _CHECKS:
        yield from check(recipe)


def repeats(tables: Tables) -> Iterator[Finding]:
    """Values that one file names twice in a list that is a set."""
    for table in dataclasses.fields(Recipe):
        inner, by_name = inner_table(table.type)
        for field in dataclasses.fields(inner) if inner and not by_name else ():
            values = (tables.get(table.name) or {}).get(field.name, ())
            if field.metadata["merge"] == MERGE_APPEND or field.name == "platforms":
                yield from rules.repeats((table.name, field.name), tuple(values))


def single_lines(recipe: Recipe) -> Iterator[Finding]:
    """Strings that hold control characters, or several lines where one is meant."""
    for table in (
        "project",
        "base",
        "toolchain",
        "build",
        "package",
        "image",
        "docs",
        "browse",
        "mirrors",
    ):
        yield from rules.lines((table,), getattr(recipe, table))


def block(block: Block) -> Iterator[Finding]:
    """Everything wrong in one block by itself."""
    yield from rules.lines((), block)
    for key in ("check", "install"):
        hook = getattr(block, key)
        if hook and not names.HOOK.fullmatch(hook):
            yield Finding((key,), f"{names.quote(hook)} is not a hook's name")
    yield from rules.match(
        ("apt",), _without_parameters(block.apt), names.DEBIAN_PACKAGE, "a package"
    )
    yield from rules.environment(("environment",), block.environment)
    yield from _source(block)
    for name, parameter in block.parameters.items():
        values = rules.listed(parameter.default)
        yield from rules.among(("parameters", name, "default"), values, parameter.values)
    for key in ("apt", "pip", "path", "environment"):
        value = getattr(block, key)
        for text in value.values() if isinstance(value, Mapping) else value:
            for used in _SUBSTITUTION.findall(text):
                if used not in block.parameters:
                    what = f"{names.quote(text)} uses an unknown parameter"
                    yield Finding((key,), what, names.did_you_mean(used, block.parameters))


def _source(block: Block) -> Iterator[Finding]:
    """A source has one address, and what pins it."""
    source = block.source
    if source is None:
        if block.optional:
            yield Finding(("optional",), "only a block with a [source] can be optional")
        return
    if bool(source.git) == bool(source.url):
        yield Finding(("source",), "name one of `git` and `url`")
    pin, pattern = ("commit", _COMMIT) if source.git else ("sha256", _SHA256)
    if not pattern.fullmatch(getattr(source, pin)):
        what = f"{names.quote(getattr(source, pin))} pins nothing"
        yield Finding(("source", pin), what, "all hexadecimal digits, in lower case")
    if "source" in block.parameters:
        hint = "`source` is the path of a local copy"
        yield Finding(("parameters", "source"), "a block with a [source] has this one", hint)


def _project(recipe: Recipe) -> Iterator[Finding]:
    project = recipe.project
    problem = names.project_problem(project.name)
    if problem:
        yield Finding(("project", "name"), problem)
    problem = names.version_problem(project.version) if project.version != "git" else ""
    if problem:
        hint = 'or "git", for `git describe` of the source'
        yield Finding(("project", "version"), problem, hint)
    if not project.platforms:
        yield Finding(("project", "platforms"), "no platform", 'such as "linux/amd64"')
    for platform in project.platforms:
        what, hint = names.platform_problem(platform)
        if what:
            yield Finding(("project", "platforms"), what, hint, item=platform)
    if project.homepage and not _URL.fullmatch(project.homepage):
        yield Finding(("project", "homepage"), f"{names.quote(project.homepage)} is not a URL")


def _base(recipe: Recipe) -> Iterator[Finding]:
    base = recipe.base
    if not names.SUITE.fullmatch(base.suite):
        what = f"{names.quote(base.suite)} is not a suite's name"
        yield Finding(("base", "suite"), what, 'such as "trixie"')
    if re.search(r"\s", base.image):
        yield Finding(("base", "image"), f"{names.quote(base.image)} is not an image reference")


def _toolchain(recipe: Recipe) -> Iterator[Finding]:
    toolchain = recipe.toolchain
    by_name = {block.name: block for block in recipe.blocks}
    yield from rules.match(
        ("toolchain", "packages"), toolchain.packages, names.DEBIAN_PACKAGE, "a Debian package"
    )
    needs: tuple[KeyPath, ...]
    seen: list[str] = []
    for name in toolchain.blocks:
        for needed in by_name[name].requires if name in by_name else ():
            where: KeyPath = ("toolchain", "blocks")
            if needed not in toolchain.blocks:
                hint = f"add {names.quote(needed)} before {names.quote(name)}"
                needs = (where, _EXTENDED)
                yield Finding(where, f"{name} requires {needed}", hint, name, needs)
            elif needed not in seen:
                hint = f"put {names.quote(needed)} before {names.quote(name)}"
                yield Finding(where, f"{name} requires {needed} before it", hint, item=name)
        seen.append(name)
    for name, values in toolchain.parameters.items():
        path: KeyPath = ("toolchain", name)
        if name not in toolchain.blocks:
            near = names.nearest(name, toolchain.blocks)
            hint = f"did you mean {names.quote(near)}?" if near else "add it to `blocks`"
            needs = (path, ("toolchain", "blocks"), _EXTENDED)
            yield Finding(path, "not one of this recipe's blocks", hint, needs=needs)
        elif name in by_name:
            known = by_name[name].parameters
            if by_name[name].source is not None:
                known = {**known, "source": Parameter(default="")}
            yield from _parameters(path, known, values)


def _parameters(
    path: KeyPath,
    known: Mapping[str, Parameter],
    values: Mapping[str, str | tuple[str, ...]],
) -> Iterator[Finding]:
    for name, value in values.items():
        here = (*path, name)
        parameter = known.get(name)
        if parameter is None:
            yield Finding(here, "unknown parameter", names.did_you_mean(name, known))
        elif isinstance(value, str) != isinstance(parameter.default, str):
            swapped = ("a list", "a string") if isinstance(value, str) else ("a string", "a list")
            yield Finding(here, "expected {}, found {}".format(*swapped))
        else:
            yield from rules.among(here, rules.listed(value), parameter.values)


def _options(recipe: Recipe) -> Iterator[Finding]:
    setters: dict[str, str] = {}
    for name, option in recipe.options.items():
        path: KeyPath = ("options", name)
        if not names.OPTION.fullmatch(name):
            what = "an option's name is upper-case letters, digits and _, starting with a letter"
            yield Finding(path, what)
        if _TAKEN_OPTIONS.fullmatch(name):
            yield Finding(path, "the name means something else to a build", "choose another name")
        yield from rules.match(
            (*path, "values"), option.values, names.OPTION_VALUE, "an option's value"
        )
        yield from rules.repeats((*path, "values"), option.values)
        needs = ((*path, "default"), (*path, "values"))
        yield from rules.among((*path, "default"), (option.default,), option.values, needs)
        if not option.values:
            yield Finding((*path, "values"), "no value")
        if option.cmake and not names.ENVIRONMENT.fullmatch(option.cmake):
            what = f"{names.quote(option.cmake)} is not a CMake variable"
            yield Finding((*path, "cmake"), what)
        other = setters.setdefault(option.cmake, name) if option.cmake else name
        if other != name:
            yield Finding((*path, "cmake"), f"option {other} sets {option.cmake} too")


def _variants(recipe: Recipe) -> Iterator[Finding]:
    needs: tuple[KeyPath, ...]
    seen: dict[tuple[str, ...], str] = {}
    for name, variant in recipe.variants.items():
        path: KeyPath = ("variants", name)
        yield from _variant_name(path, name)
        for option, value in variant.options.items():
            here = (*path, option)
            if option in recipe.options:
                needs = (here, ("options", option))
                yield from rules.among(here, (value,), recipe.options[option].values, needs)
            else:
                hint = names.did_you_mean(option, recipe.options)
                needs = (here, ("options", option), _EXTENDED)
                yield Finding(here, "unknown option", hint, needs=needs)
        if not variant.options.keys() <= recipe.options.keys():
            continue
        choice = tuple(variant.options.get(k, o.default) for k, o in recipe.options.items())
        other = seen.setdefault(choice, name)
        if other != name:
            needs = (path, ("variants", other), ("options",), _EXTENDED)
            what = f"the same options as variant {other}"
            yield Finding(path, what, needs=needs)


def _variant_name(path: KeyPath, name: str) -> Iterator[Finding]:
    if not names.VARIANT.fullmatch(name) or len(name) > names.LONGEST_VARIANT:
        what = (
            "a variant's name is lower-case letters, digits and -, starting with a letter or "
            f"digit, at most {names.LONGEST_VARIANT}"
        )
        yield Finding(path, what)
    platforms = {platform.replace("/", "-") for platform in names.PLATFORMS}
    if name in _TAKEN_VARIANTS or name in platforms:
        yield Finding(path, f"build/{name} is taken by something else", "choose another name")


def _defaults(recipe: Recipe) -> Iterator[Finding]:
    default = [name for name, variant in recipe.variants.items() if variant.default]
    if not default:
        hint = "write `default = true` in the variant whose tag has no suffix"
        yield Finding(("variants",), "no default variant", hint, needs=(("variants",), _EXTENDED))
    for name in default[1:]:
        what = f"variant {default[0]} is the default too"
        yield Finding(("variants", name, "default"), what, needs=(("variants",),))


def _build(recipe: Recipe) -> Iterator[Finding]:
    yield from rules.absolute(("build", "prefix"), recipe.build.prefix)
    yield from rules.environment(("build", "environment"), recipe.build.environment)
    for name, value in recipe.build.develop.items():
        path: KeyPath = ("build", "develop", name)
        if name in recipe.options:
            yield from rules.among(path, (value,), recipe.options[name].values)
        else:
            hint = names.did_you_mean(name, recipe.options)
            yield Finding(path, "unknown option", hint, needs=(path, ("options",), _EXTENDED))
    first = recipe.build.first
    if first and first not in recipe.variants:
        needs: tuple[KeyPath, ...] = (("build", "first"), ("variants", first), _EXTENDED)
        hint = names.did_you_mean(first, recipe.variants)
        yield Finding(
            ("build", "first"), f"unknown variant {names.quote(first)}", hint, needs=needs
        )


def _paths(recipe: Recipe) -> Iterator[Finding]:
    """Paths that stand in the Containerfile, where some characters mean something else."""
    paths: dict[KeyPath, str] = {
        ("project", "source"): recipe.source,
        ("build", "hook"): recipe.build.hook,
        ("build", "prefix"): recipe.build.prefix,
    }
    if recipe.image:
        paths[("image", "workdir")] = recipe.image.workdir
    if recipe.docs:
        paths[("docs", "hook")] = recipe.docs.hook
    for path, value in paths.items():
        if _NOT_IN_PATHS.search(value):
            what = f"{names.quote(value)}: no blank, comma, quote, \\, $, *, ?, [ or ] can be in it"
            yield Finding(path, what)


def _package(recipe: Recipe) -> Iterator[Finding]:
    package = recipe.package
    if package is None:
        return
    if not names.MAINTAINER.fullmatch(package.maintainer):
        what = f"{names.quote(package.maintainer)} is not a maintainer"
        yield Finding(("package", "maintainer"), what, 'write "Name <name@example.org>"')
    synopsis = package.description.strip().split("\n")[0].strip()
    if not synopsis:
        yield Finding(("package", "description"), "the description is empty")
    elif len(synopsis) > 80:
        what = f"the first line has {len(synopsis)} characters; a synopsis has at most 80"
        yield Finding(("package", "description"), what)
    if not names.SECTION.fullmatch(package.section):
        what = f"{names.quote(package.section)} is not a section of the archive"
        yield Finding(("package", "section"), what)
    for key in ("depends", "recommends"):
        for relation in getattr(package, key):
            choices = [choice.strip() for choice in relation.split("|")]
            if not all(map(names.DEBIAN_RELATION.fullmatch, choices)):
                what = f"{names.quote(relation)} is not a package relation"
                hint = 'such as "python3 (>= 3.11)"'
                yield Finding(("package", key), what, hint, item=relation)


def _image(recipe: Recipe) -> Iterator[Finding]:
    image = recipe.image
    if image is None:
        return
    yield from rules.match(
        ("image", "packages"), image.packages, names.DEBIAN_PACKAGE, "a Debian package"
    )
    yield from rules.absolute(("image", "workdir"), image.workdir)
    if image.entrypoint not in ("", "entrypoint"):
        what = f'{names.quote(image.entrypoint)}: pdbuild\'s hook "entrypoint" alone can be one'
        yield Finding(("image", "entrypoint"), what, "the project's own belongs into `command`")
    yield from rules.environment(("image", "environment"), image.environment)
    for port in image.expose:
        if not 1 <= port <= 65535:
            yield Finding(("image", "expose"), f"{port} is not a TCP port", item=port)
    if image.size_budget and not names.size(image.size_budget):
        what = f"{names.quote(image.size_budget)} is not a size"
        yield Finding(("image", "size_budget"), what, 'such as "75MB" or "1.5GB"')


def _browse(recipe: Recipe) -> Iterator[Finding]:
    if recipe.browse is None:
        return
    where: KeyPath = ("browse", "generator")
    yield from rules.repeats(where, recipe.browse.generator)
    if not set(recipe.browse.generator) & set(recipe.toolchain.blocks):
        named = " or ".join(map(names.quote, recipe.browse.generator)) or '"doxygen"'
        needs: tuple[KeyPath, ...] = (where, ("toolchain", "blocks"), _EXTENDED)
        hint = f"add {named} to [toolchain].blocks"
        yield Finding(where, "none of them is one of this recipe's blocks", hint, needs=needs)


def _mirrors(recipe: Recipe) -> Iterator[Finding]:
    for key in ("apt", "pip"):
        address = getattr(recipe.mirrors, key)
        if address and not _URL.fullmatch(address):
            yield Finding(("mirrors", key), f"{names.quote(address)} is not a URL")
    registry = recipe.mirrors.registry
    if re.search(r"://|\s", registry):
        what = f"{names.quote(registry)} is not a registry"
        yield Finding(("mirrors", "registry"), what, "write HOST[:PORT][/PATH], without a scheme")


_CHECKS: tuple[Callable[[Recipe], Iterator[Finding]], ...] = (
    _project,
    _base,
    _toolchain,
    _options,
    _variants,
    _defaults,
    _build,
    _paths,
    _package,
    _image,
    _browse,
    _mirrors,
)


def _without_parameters(texts: Iterable[str]) -> Iterator[str]:
    return (_SUBSTITUTION.sub("0", text) for text in texts)
