"""The hook that lets ccache share objects: by a real redis, and by a folder that is served."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdbuild import compilecache
from pdbuild.compilecache import address

HOOKS = Path(__file__).parents[2] / "hooks"
MAKEFILE = """
all: one.o two.o
%.o: %.c
\t$(CC) $(CFLAGS) -c $< -o $@
install:
\tmkdir -p $(DESTDIR)$(PREFIX)
"""

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ccache", "make", "cc"))),
    reason="NOT RUN: needs ccache, make and a compiler on this host",
)


def compiled(folder: Path, told: str, hook: str = "build-make") -> str:
    """What the build hook says in a new account, whose steps are told this of a cache."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "Makefile").write_text(MAKEFILE)
    for name in ("one", "two"):
        (source / f"{name}.c").write_text(f"int {name}(void) {{ return 1; }}\n")
    own = source / "own.sh"
    own.write_text('bash "$PDBUILD_HOOKS/build-make" "$@"\n')
    secret = folder / "secret"
    secret.write_text(told)
    ran = subprocess.run(
        ["bash", HOOKS / hook, *([own] if hook == "build-own" else [])],
        env={
            "PATH": os.environ["PATH"],
            "PDBUILD_SOURCE": str(source),
            "PDBUILD_TREE": str(folder / "tree"),
            "PDBUILD_OUTPUT": str(folder / "out"),
            "PDBUILD_PREFIX": "/usr",
            "PDBUILD_REMOTE_CACHE": str(secret),
            "CCACHE_DIR": str(folder / "ccache"),
        },
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    objects = [folder / "tree" / f"{name}.o" for name in ("one", "two")]
    assert all(path.is_file() for path in objects)
    return ran.stdout + ran.stderr


@contextlib.contextmanager
def redis(folder: Path, password: str) -> Iterator[int]:
    """Debian's redis-server; its port."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("NOT RUN: needs redis-server")
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
    with subprocess.Popen([*words, "--requirepass", password], stdout=subprocess.DEVNULL) as served:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            yield port
        finally:
            served.terminate()


def told(text: str) -> "contextlib.AbstractContextManager[str]":
    return compilecache.offered(address.parse(text), here=True, say=pytest.fail)


@pytest.mark.parametrize("hook", ["build-make", "build-own"])
def test_what_one_account_compiled_another_finds_in_redis(tmp_path: Path, hook: str) -> None:
    with redis(tmp_path / "redis", "pa55word") as port:
        server = f"redis://127.0.0.1:{port}"
        with told(f"redis://:pa55word@127.0.0.1:{port}") as text:
            said = compiled(tmp_path / "one", text, hook)
            assert f"compile cache {server}: 0 found, " in said and "failed" not in said
            said = compiled(tmp_path / "one", text, hook)
            assert f"compile cache {server}: 2 found, 0 writes" in said and "pa55" not in said
        with told(f"redis://:wrong@127.0.0.1:{port}") as text:
            said = compiled(tmp_path / "one", text, hook)
            assert f"note: the compile cache {server} failed: 2 requests were refused" in said
            assert "wrong" not in said


def test_a_folder_is_shared_and_an_untrusted_build_changes_nothing_of_it(tmp_path: Path) -> None:
    shared = tmp_path / "shared"

    def objects() -> set[Path]:
        return {path for path in shared.rglob("*") if path.is_file()}

    shared.mkdir()
    with told(f"file:{shared}|read-only") as text:
        assert "0 found, 0 writes" in compiled(tmp_path / "one", text)
    assert not objects()
    with told(f"file:{shared}") as text:
        assert "0 found, " in compiled(tmp_path / "one", text)
    there = objects()
    assert there
    with told(f"file:{shared}|read-only") as text:
        # Whatever the step itself does to be let in.
        lying = text.replace("|read-only", "")
        assert "2 found, 0 writes" in compiled(tmp_path / "one", lying)
    assert objects() == there


def test_ccaches_own_way_to_the_folder_is_the_same_cache(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    with told(f"file:{shared}") as text:
        compiled(tmp_path / "one", text)
    direct = f"# 127.0.0.1 {{port}} itself\nremote_storage = file:{shared}\n"
    with socket.create_server(("127.0.0.1", 0)) as anybody:
        own = direct.format(port=anybody.getsockname()[1])
        assert "compile cache itself: 2 found, 0 writes" in compiled(tmp_path / "one", own)


def test_nobody_there_is_a_notice_and_costs_no_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    since = time.monotonic()
    with told(f"redis://me:pa55word@127.0.0.1:{port}") as text:
        said = compiled(tmp_path / "one", text)
    expected = f"note: the compile cache redis://127.0.0.1:{port} cannot be reached: this is "
    assert expected + "compiled without it\n" in said
    assert "pa55" not in said and time.monotonic() - since < 20
    with told("http://no-such-host.invalid/x") as text:
        assert "cannot be reached" in compiled(tmp_path / "one", text)


def test_a_file_of_somebodys_own_is_taken_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    own = f"remote_storage = file:{shared}\n"
    assert "compile cache of the secret: 0 found, 4 writes" in compiled(tmp_path / "one", own)
    assert "compile cache of the secret: 2 found, 0 writes" in compiled(tmp_path / "one", own)


def test_without_a_remote_cache_nothing_is_said(tmp_path: Path) -> None:
    assert "compile cache" not in compiled(tmp_path / "one", "")
