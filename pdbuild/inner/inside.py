"""What containers of the dev image have in common: the image, the user, the home, the source."""

import os
import pwd
import re
from dataclasses import dataclass
from pathlib import Path

from pdbuild import dirs
from pdbuild.choices import Choices, Options
from pdbuild.container import Mount
from pdbuild.container.host import Host
from pdbuild.container.runtimes import Runtime
from pdbuild.errors import UsageError
from pdbuild.plan.types import DEFINITION, LEFT_OUT, Request
from pdbuild.project import key, plan_of, plan_without, request_for, say
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store, StoredImage

DOTFILES = "/run/pdbuild/dotfiles"
# Never taken from a folder of dotfiles: not the shell's, or written by the shell itself.
_NO_DOTFILES = frozenset({".git", ".bash_history", ".ssh"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who works inside: `user` is UID:GID there, which is the caller outside."""

    name: str
    user: str
    home: str

    @property
    def is_root(self) -> bool:
        """Root inside: the caller is root, or has no subordinate ids to be anybody else."""
        return self.user == "0:0"

    @property
    def entry(self) -> str:
        """The line of /etc/passwd by which the image knows this user; "" for root."""
        if self.is_root:
            return ""
        return f"{self.name}:*:{self.user}:{self.name}:{self.home}:/bin/bash"

    @property
    def options(self) -> tuple[str, ...]:
        """podman's options that make the image know this user."""
        return (f"--passwd-entry={self.entry}",) if self.entry else ()


def person(host: Host | None = None, *, own_uid: bool = True) -> Person:
    """The caller, as the image will know them; without `own_uid`, root is all that they can be."""
    if os.getuid() == 0 or not (host.keep_id if host else own_uid):
        return Person(name="root", user="0:0", home="/root")
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = ""
    if not re.fullmatch(r"[a-z_][a-z0-9_-]*", name) or name == "root":
        name = "user"
    return Person(name=name, user=f"{os.getuid()}:{os.getgid()}", home=f"/home/{name}")


def dev_image(
    recipe: Recipe, choices: Choices, options: Options, runtime: Runtime | None = None
) -> str:
    """The dev image's reference, known to podman, or to `runtime`; see `ready`."""
    request = request_for(recipe, Choices(targets=("dev",), platforms=choices.platforms))
    return ready(recipe, request, options, runtime).reference


def ready(
    recipe: Recipe, request: Request, options: Options, runtime: Runtime | None = None
) -> StoredImage:
    """The dev image of a request for it, known to podman, or to `runtime`.

    One that is missing, or that an older recipe made, is baked first. An optional block that
    it lacks is not looked for again.
    """
    store = Store.own()
    reference = f"localhost/{recipe.project.name}:dev"
    found = store.find(reference)
    lacking = dict.fromkeys(found.labels.get(LEFT_OUT, "").split(), "") if found else {}
    (target,) = plan_without(recipe, request, lacking).targets
    if found is None or found.labels.get(DEFINITION) != target.labels[DEFINITION]:
        why = "the recipe's tools have changed" if found else f"{reference} is not there yet"
        say(f"{why}: baking dev")
        # Imported here: the inner loop seldom bakes, and importing all of that takes its time.
        from pdbuild.baking import bake_plan, engine_for

        bake_plan(recipe, plan_of(recipe, request), engine_for(options), options)
        found = store.find(reference)
        assert found
    from pdbuild.container import runtimes

    for notice in (runtime or runtimes.PODMAN).load(store, reference, ""):
        say(notice)
    return found


def place(recipe: Recipe) -> str:
    """Where the project's root is inside."""
    return f"/{recipe.project.name}"


def workdir(recipe: Recipe) -> str:
    """The working directory as it is called inside; the project's root when it is outside of it."""
    here, root = Path.cwd(), Path(recipe.root)
    inside = here.relative_to(root).as_posix() if here.is_relative_to(root) else "."
    return place(recipe) if inside == "." else f"{place(recipe)}/{inside}"


def mounts(recipe: Recipe, who: Person, dotfiles: str = "") -> tuple[Mount, ...]:
    """The project, this checkout's home, and the dotfiles when a folder is named.

    Raises UsageError when that folder is none.
    """
    home = dirs.data_dir() / "homes" / key(recipe.root)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = [
        Mount(source=Path(recipe.root), target=place(recipe)),
        Mount(source=home, target=who.home),
    ]
    folder = Path(dotfiles).expanduser().absolute() if dotfiles else None
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--dotfiles {dotfiles}: there is no such folder")
    _link_dotfiles(home, folder)
    if folder is not None:
        found.append(Mount(source=folder, target=DOTFILES, read_only=True))
    return tuple(found)


def _link_dotfiles(home: Path, folder: Path | None) -> None:
    """Links from the home to the dotfiles' place inside; those of another time go."""
    for link in home.iterdir():
        if link.is_symlink() and str(link.readlink()).startswith(f"{DOTFILES}/"):
            link.unlink()
    for file in sorted(folder.iterdir()) if folder else ():
        if not file.name.startswith(".") or file.name in _NO_DOTFILES:
            continue
        link = home / file.name
        if link.exists():
            say(f"~/{file.name} is there already: that of the dotfiles is not used")
        else:
            link.symlink_to(f"{DOTFILES}/{file.name}")
