"""sshd in the dev image, for editors and tools that want to log in there.

sshd runs as the caller, who is the only one that it can let in. Keys are the only way in, and
it listens on loopback alone. The image holds no key; those of the user are below `data_dir`.
"""

import contextlib
import os
import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pdbuild import dirs, programs, whole
from pdbuild.choices import Choices, Options
from pdbuild.container import Container, Mount
from pdbuild.errors import EngineError, UsageError
from pdbuild.inner import inside
from pdbuild.inner.inside import Person
from pdbuild.inner.session import DEBUGGING
from pdbuild.project import key, open_recipe, say
from pdbuild.recipe.types import Recipe
from pdbuild.store import Store

_INSIDE = "/run/pdbuild/ssh"
_PORTS = range(2222, 2322)
_START_SECONDS = 30.0
_PREFIX = "pdbuild-ssh-"

_SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {inside}/host_key
AuthorizedKeysFile {inside}/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin {root}
AllowUsers {user}
UsePAM no
PidFile none
Subsystem sftp internal-sftp
AcceptEnv LANG LC_* COLORTERM
SetEnv {environment}
"""
_HOST = """\
# Written by `pdbuild ssh` for {root}; `pdbuild ssh --stop` deletes it.
Host {alias}
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile "{folder}/id_ed25519"
    IdentitiesOnly yes
    UserKnownHostsFile "{folder}/known_hosts"
    HostKeyAlias pdbuild
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An sshd that runs: `config` is a file for `ssh -F`, in which it is called `alias`."""

    port: int
    alias: str
    config: Path


def start(choices: Choices, options: Options, *, keys: Sequence[Path], include: bool) -> Server:
    """Start sshd for this project. `keys` are more public keys to let in.

    With `include`, ~/.ssh/config names the server too. Raises UsageError when the image has no
    sshd, and EngineError, before anything is baked, where podman or subordinate ids are missing,
    and when it does not start.
    """
    recipe = open_recipe(choices.recipe)
    if not any(block.name == "sshd" for block in recipe.blocks):
        raise UsageError(
            f"the dev image of {recipe.project.name} has no sshd",
            hint=f'add "sshd" to [toolchain] blocks in {recipe.file}',
        )
    from pdbuild.container import host

    who = inside.person(host.find())
    if who.is_root and os.getuid():
        raise EngineError(
            "sshd must be able to become another user, and this account has no subordinate ids",
            hint="usermod --add-subuids 200000-265535 --add-subgids 200000-265535 "
            + os.environ.get("USER", "USER"),
        )
    folder = _folder()
    _make_keys(folder, keys)
    image = inside.dev_image(recipe, choices, options)
    _forget_ended(folder)
    for port in _free_ports():
        name = f"{_PREFIX}{key(recipe.root)}-{port}"
        if _listens(_container(recipe, image, who, port, name, folder), port):
            break
    else:
        raise EngineError(f"no port of {_PORTS.start} to {_PORTS.stop - 1} is free")
    server = _describe(recipe, who, port, name, folder)
    if include:
        _include(folder)
    return server


def stop(choices: Choices) -> int:
    """Stop the servers of this project; how many there were."""
    recipe = open_recipe(choices.recipe)
    from pdbuild.container import podman

    names = podman.named(f"{_PREFIX}{key(recipe.root)}-")
    for name in names:
        podman.stop(name)
        _host_file(_folder(), name).unlink(missing_ok=True)
    return len(names)


def _folder() -> Path:
    folder = dirs.data_dir() / "ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    for part in ("hosts", "sshd"):
        (folder / part).mkdir(exist_ok=True)
    return folder


def _host_file(folder: Path, name: str) -> Path:
    return folder / "hosts" / f"{name}.conf"


def _make_keys(folder: Path, more: Sequence[Path]) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        raise EngineError("ssh-keygen is not installed", hint="apt install openssh-client")
    for name in ("host_key", "id_ed25519"):
        if not (folder / name).exists():
            argv = (keygen, "-q", "-t", "ed25519", "-N", "", "-C", "pdbuild", "-f", folder / name)
            programs.ran(*argv, failing=f"ssh-keygen cannot make {folder / name}")
    allowed = [(folder / "id_ed25519.pub").read_text().strip()]
    for path in more:
        try:
            allowed.append(path.expanduser().read_text().strip())
        except OSError as error:
            raise UsageError(f"--key {path}: {error.strerror}") from error
        if "PRIVATE KEY" in allowed[-1]:
            raise UsageError(f"--key {path}: that is the private key", hint=f"--key {path}.pub")
    _write(folder / "authorized_keys", "\n".join(allowed) + "\n", 0o600)
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    _write(folder / "known_hosts", f"pdbuild {host_key}\n", 0o600)


def _free_ports() -> Iterator[int]:
    """Ports that nobody has now; somebody may be faster, so the next one is tried then."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            probe.close()
            yield port


def _container(
    recipe: Recipe, image: str, who: Person, port: int, name: str, folder: Path
) -> Container:
    environment = _environment(recipe, image, who)
    quoted = " ".join(_quoted(f"{k}={v}") for k, v in environment.items())
    config = folder / "sshd" / f"{name}.conf"
    text = _SSHD.format(
        port=port,
        inside=_INSIDE,
        root="prohibit-password" if who.is_root else "no",
        user=who.name,
        environment=quoted,
    )
    _write(config, text, 0o600)
    # Login shells begin with a PATH of their own.
    profile = folder / "sshd" / f"{name}.sh"
    _write(
        profile, "".join(f"export {k}={shlex.quote(v)}\n" for k, v in environment.items()), 0o644
    )
    files = {
        folder / "host_key": f"{_INSIDE}/host_key",
        folder / "authorized_keys": f"{_INSIDE}/authorized_keys",
        config: f"{_INSIDE}/sshd_config",
        profile: "/etc/profile.d/pdbuild.sh",
    }
    return Container(
        image=image,
        name=name,
        entrypoint="/usr/sbin/sshd",
        argv=("-D", "-e", "-f", f"{_INSIDE}/sshd_config"),
        env=(("HOME", who.home),),
        mounts=(
            *inside.mounts(recipe, who, os.environ.get("PDBUILD_DOTFILES", "")),
            *(Mount(source=s, target=t, read_only=True) for s, t in files.items()),
        ),
        workdir=inside.place(recipe),
        project=recipe.project.name,
        options=(
            *who.options,
            *DEBUGGING,
            *(("--tmpfs=/run/sshd:mode=0755",) if who.is_root else ()),
            f"--hostname={recipe.project.name}-dev",
        ),
    )


def _environment(recipe: Recipe, image: str, who: Person) -> dict[str, str]:
    """The image's environment: sshd gives a session none but what it is told."""
    config = Store.own().config(image)
    found = dict(text.split("=", 1) for text in config.env)
    found["PDBUILD_PROJECT"] = inside.place(recipe)
    return {k: v for k, v in found.items() if k not in ("HOME", "USER") and not set(v) & set('"\n')}


def _quoted(text: str) -> str:
    return f'"{text}"' if set(text) & set(" \t#'") or not text else text


def _listens(container: Container, port: int) -> bool:
    """Start it; False when somebody else took the port meanwhile."""
    from pdbuild.container import podman

    podman.start(container)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as link:
            link.settimeout(5)
            if link.recv(4) == b"SSH-" and podman.named(container.name) == (container.name,):
                return True
        if podman.named(container.name, running=True) != (container.name,):
            said = podman.said(container.name)
            podman.stop(container.name)
            if "Address already in use" in said:
                return False
            raise EngineError(f"sshd does not start: {said.strip().splitlines()[-1:] or 'no word'}")
        time.sleep(0.05)  # it says nothing to us when it is ready
    podman.stop(container.name)
    raise EngineError(f"sshd does not answer on port {port}")


def _describe(recipe: Recipe, who: Person, port: int, name: str, folder: Path) -> Server:
    alias = f"{recipe.project.name}-dev"
    others = [file.read_text() for file in (folder / "hosts").iterdir()]
    if any(f"\nHost {alias}\n" in text for text in others):
        alias = f"{alias}-{port}"
    path = _host_file(folder, name)
    text = _HOST.format(root=recipe.root, alias=alias, port=port, user=who.name, folder=folder)
    _write(path, text, 0o600)
    return Server(port=port, alias=alias, config=path)


def _forget_ended(folder: Path) -> None:
    """Remove what is left of servers that ended without `--stop`, as at a restart."""
    from pdbuild.container import podman

    running = podman.named(_PREFIX, running=True)
    for name in podman.named(_PREFIX):
        if name not in running:
            podman.stop(name)
    for file in (folder / "hosts").iterdir():
        if file.stem not in running:
            file.unlink()


def _include(folder: Path) -> None:
    """Have ~/.ssh/config read the hosts, before everything else that it says."""
    line = f'Include "{folder}/hosts/*.conf"'
    config = Path.home() / ".ssh" / "config"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    before = config.read_text() if config.exists() else ""
    if line not in before.splitlines():
        mode = config.stat().st_mode & 0o777 if config.exists() else 0o600
        _write(config, f"{line}\n{before}", mode)
        say(f"{config} includes {folder}/hosts/*.conf now")


def _write(path: Path, text: str, mode: int) -> None:
    whole.write(path.resolve(), text, mode)  # a link stays one
