"""The table of cases: each is built by every engine, and what comes out is compared.

A case is a few stages in the plan's own values, and the files of the build context. To add
one, add a `Case` to `CASES`.
"""

import base64
import struct
from dataclasses import dataclass, field, replace

from pdbuild.plan.instructions import (
    Arg,
    Bind,
    Cache,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Instruction,
    Mount,
    Run,
    Secret,
    Stage,
    Tmpfs,
    Workdir,
)

BASE = "debian:trixie-slim"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change of the context before the next build: `NAME -> content`, or what to do.

    The content None removes; `touch`, `chmod` name files; `rename` is (from, to); `private` are
    secrets that are in no file.
    """

    what: str
    write: dict[str, str | None] = field(default_factory=dict)
    touch: str = ""
    chmod: str = ""
    rename: tuple[str, str] | None = None
    private: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Stages to build, and in what surroundings.

    `targets` are stages (empty: the last one). In `files`, content that starts with `-> ` makes
    a symbolic link, and a name that ends in `*` an executable file. `named` are the files of
    the named context `named`; a stage `hooks` has pdbuild's own in its place. `steps` change
    files and build again. `platform` is what the targets are for.
    """

    name: str
    stages: tuple[Stage, ...]
    targets: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    ignored: str = ""
    keep_going: bool = False
    platform: str = ""
    steps: tuple[Step, ...] = ()


def stage(name: str, *instructions: Instruction, base: str = BASE) -> Stage:
    return Stage(name=name, base=base, comment=f"Stage {name}.", instructions=instructions)


def bash(script: str, *mounts: Mount) -> Run:
    return Run(argv=("bash", "-euo", "pipefail", "-c", script), mounts=mounts)


def _arm64(code: int) -> bytes:
    """A program for arm64 that ends with `code` (below 32768): an ELF file of one segment."""
    move, number, call = 0xD2800000 | code << 5, 0xD2800000 | 93 << 5 | 8, 0xD4000001
    text = struct.pack("<3I", move, number, call)  # mov x0, code; mov x8, exit; svc 0
    where, size = 0x400000, 64 + 56 + len(text)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head = struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, where + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, where, where, size, size, 4096)
    return ident + head + segment + text


_ARM64 = base64.b64encode(_arm64(7)).decode()

SOURCES = {
    "src/a.c": "int a;\n",
    "src/run.sh*": "#!/bin/sh\necho run\n",
    "src/sub/b.c": "int b;\n",
    "src/sub/deep/c.c": "int c;\n",
    "src/link": "-> a.c",
    "src/sub/up": "-> ../a.c",
    "src/dangling": "-> nowhere",
    "top.txt": "top\n",
}

CASES: tuple[Case, ...] = (
    Case(
        name="copy-context",
        files=SOURCES,
        stages=(
            stage(
                "out",
                Copy(source="src/", target="/all/"),
                Copy(source="src/sub", target="/contents"),
                Copy(source="top.txt", target="/renamed.txt"),
                Copy(source="top.txt", target="/into/"),
                Copy(source="src/run.sh", target="/usr/local/bin/run"),
                base="scratch",
            ),
        ),
    ),
    Case(
        name="copy-stage",
        stages=(
            stage(
                "made",
                bash(
                    "mkdir -p /o/d/e /o/empty; echo x >/o/f; ln /o/f /o/hard; ln -s f /o/soft;"
                    " chmod 4755 /o/f; chmod 1777 /o/empty; chown 33:44 /o/d; echo y >/o/d/e/g;"
                    " chown -h 7:8 /o/soft; chmod 0 /o/d/e/g; chown 1000:1000 /o/d/e/g"
                ),
            ),
            stage(
                "out",
                Copy(stage="made", source="/o/", target="/"),
                Copy(stage="made", source="/o/d/e/g", target="/x/y/z"),
                base="scratch",
            ),
        ),
    ),
    Case(
        name="copy-over-existing",
        files=SOURCES,
        stages=(
            stage(
                "out",
                bash("mkdir -p /w/sub; echo old >/w/a.c; chmod 700 /w/sub; chown 5:6 /w /w/a.c"),
                Copy(source="src/", target="/w/"),
                bash("stat -c '%n %a %u %g' /w /w/sub /w/a.c /w/sub/b.c >/seen"),
            ),
        ),
    ),
    Case(
        name="named-context",
        named={"hook*": "#!/bin/sh\necho hooked\n", "lib/part": "part\n"},
        stages=(
            stage("named", Copy(source="elsewhere/", target="/"), base="scratch"),
            stage(
                "out",
                Copy(stage="named", source="/", target="/opt/named/"),
                bash(
                    "mkdir /o; bash /run/h/hook >/o/hooked; cat /run/h/part >/o/part",
                    Bind(stage="named", source="/hook", target="/run/h/hook"),
                    Bind(stage="named", source="/lib/part", target="/run/h/part"),
                ),
            ),
        ),
    ),
    Case(
        # pdbuild's own hooks, which are root's: an ordinary user may only read them.
        name="bound-of-somebody-else",
        stages=(
            stage("hooks", Copy(source="elsewhere/", target="/"), base="scratch"),
            stage(
                "out",
                bash(
                    "mkdir /o; [ -s /h/strip ]; ls /h >/o/seen",
                    Bind(stage="hooks", source="/strip", target="/h/strip"),
                ),
            ),
        ),
    ),
    Case(
        name="values",
        args={"GIVEN": "from outside", "QUOTES": "a \"b\" 'c' \\ $HOME `x`", "TARGETONLY": "no"},
        stages=(
            stage(
                "out",
                Arg(name="GIVEN", default="default"),
                Arg(name="LEFT", default="the default"),
                Arg(name="UNSET"),
                Arg(name="QUOTES", default="q"),
                Env(name="PLAIN", value="plain"),
                Env(name="SPACED", value="two words"),
                Env(name="ODD", value='a "quoted" \\ back # hash'),
                Env(name="REFERS", value="$PLAIN-${SPACED}/$GIVEN"),
                Env(name="PATH", value="/opt/x/bin:$PATH"),
                Env(name="UMLAUT", value="größe ✓"),
                Env(name="EMPTY", value=""),
                bash(
                    "{ for n in GIVEN LEFT QUOTES PLAIN SPACED ODD REFERS PATH UMLAUT EMPTY HOME;"
                    " do printf '%s=<%s>\\n' $n \"${!n}\"; done; echo ${UNSET-unset}"
                    " ${TARGETONLY-none}; } >/seen"
                ),
            ),
        ),
    ),
    Case(
        name="arguments-of-a-step",
        stages=(
            stage(
                "out",
                Run(
                    argv=(
                        "bash",
                        "-c",
                        'printf "<%s>\\n" "$@" >/seen',
                        "zero",
                        "two words",
                        'a "b"',
                        "it's",
                        "$HOME ${X}",
                        "back\\slash",
                        "line\nbreak",
                        "größe",
                        "--flag=x",
                        "",
                        "tab\there",
                        "# no comment",
                        "&& ; | >",
                    ),
                ),
            ),
        ),
    ),
    Case(
        name="surroundings-of-a-step",
        stages=(
            stage(
                "out",
                Workdir(path="/w"),
                bash(
                    "{ id -u; id -g; pwd; umask; echo $$ $HOME ${USER-no} ${TERM-no};"
                    " grep -c . /proc/self/uid_map; test -c /dev/null; test -c /dev/urandom;"
                    " test -d /dev/shm; test -s /etc/resolv.conf || test -e /etc/resolv.conf;"
                    " grep Cap /proc/self/status; cat | wc -c; } >/seen"
                ),
            ),
        ),
    ),
    Case(
        name="bind-context",
        files=SOURCES,
        stages=(
            stage(
                "out",
                bash(
                    "mkdir /o; cp -a /src/. /o/; cat /one >/o/one; ls -A / /all >/o/listing;"
                    " ! touch /src/new 2>/dev/null; cd /src; stat -c '%n %a %u %g %F' a.c run.sh"
                    " sub link >/o/stat",
                    Bind(source="src", target="/src"),
                    Bind(source="src/sub/b.c", target="/one"),
                    Bind(target="/all"),
                ),
                bash("ls -d /src /one /all 2>/dev/null >/after || true"),
            ),
        ),
    ),
    Case(
        name="bind-stage",
        stages=(
            stage("made", bash("mkdir /o; echo x >/o/f; chown 3:4 /o/f; chmod 640 /o/f")),
            stage("files", Copy(stage="made", source="/o/", target="/"), base="scratch"),
            stage(
                "out",
                bash(
                    "mkdir /p; stat -c '%n %a %u %g' /o/f /o >/p/stat; cp -a /o/. /p; cp /r/f /p/g;"
                    " cat /v >/p/version",
                    Bind(stage="made", source="/o", target="/o"),
                    Bind(stage="files", source="/", target="/r"),
                    Bind(stage="made", source="/etc/debian_version", target="/v"),
                ),
            ),
        ),
    ),
    Case(
        name="cache",
        stages=(
            stage(
                "first",
                Arg(name="TARGETARCH"),
                bash(
                    "echo 1 >/c/n; ls /c >/seen; echo $TARGETARCH >>/seen",
                    Cache(id="conformance-$TARGETARCH", target="/c"),
                ),
            ),
            stage(
                "out",
                bash(
                    "cat /c/n >/seen; cat /f >>/seen; rm /c/n; ls -a /c >>/seen",
                    # Nothing of it is needed: it only has to come first.
                    Bind(stage="first", source="/seen", target="/f"),
                    Cache(id="conformance-amd64", target="/c"),
                ),
            ),
        ),
    ),
    Case(
        name="tmpfs",
        stages=(
            stage(
                "out",
                bash(
                    "echo x >/tmp/x; echo y >/scratch/y; stat -c '%n %a' /tmp >/seen",
                    Tmpfs(target="/tmp"),
                    Tmpfs(target="/scratch"),
                ),
                bash("ls -A /tmp >>/seen; stat -c '%n %a' /tmp >>/seen; touch /tmp/kept"),
            ),
            stage("last", bash("echo x >/tmp/x", Tmpfs(target="/tmp"))),
        ),
        targets=("out", "last"),
    ),
    Case(
        # Debian's /lib is a link, and everything here is in the image before.
        name="mounts-over-what-the-image-has",
        files=SOURCES,
        stages=(
            stage(
                "out",
                bash("mkdir -p /have/it /var/lib/apt/x; echo kept >/have/it/f; echo k >/have/g"),
                bash(
                    "ls /have/it /var/lib/apt /etc/shells >/seen; cat /have/g >>/seen",
                    Bind(source="src", target="/have/it"),
                    Bind(source="top.txt", target="/have/g"),
                    Cache(id="conformance-lib", target="/var/lib/apt"),
                    Cache(id="conformance-cache", target="/var/cache/apt"),
                    Cache(id="conformance-new", target="/root/.cache/new/one"),
                    Tmpfs(target="/usr/lib/apt"),
                    Tmpfs(target="/tmp"),
                    Tmpfs(target="/srv"),
                    Tmpfs(target="/made/for/this"),
                ),
                bash("cat /have/it/f /have/g >>/seen; ls /usr/lib/apt /var/lib/apt >>/seen"),
            ),
        ),
    ),
    Case(
        name="mounts-inside-mounts",
        files=SOURCES,
        stages=(
            stage(
                "out",
                bash(
                    "find /a /run/h | sort >/seen",
                    Bind(source="src/sub", target="/a/b"),
                    Tmpfs(target="/a/b/deep"),
                    Tmpfs(target="/a"),
                    Bind(source="top.txt", target="/run/h/i/top"),
                ),
            ),
        ),
    ),
    Case(
        name="secret",
        secrets={"ca": "the certificate\n"},
        stages=(
            stage(
                "out",
                bash(
                    "{ cat /run/secrets/ca; stat -c '%a %u %g' /run/secrets/ca;"
                    " test -e /run/secrets/other || echo absent; } >/seen",
                    Secret(id="ca"),
                    Secret(id="other"),
                ),
                bash("test -e /run/secrets/ca || echo gone >>/seen"),
            ),
        ),
    ),
    Case(
        name="secret-in-no-file",
        private={"compile-cache": "# one\nremote_storage = redis://a$b,c@d\n"},
        stages=(
            stage(
                "out",
                bash(
                    "{ cat /run/secrets/compile-cache; env | grep -c redis || true; } >/seen",
                    Secret(id="compile-cache"),
                ),
            ),
        ),
        steps=(Step(what="another", private={"compile-cache": "other\n"}), Step(what="none")),
    ),
    Case(
        name="workdir",
        stages=(
            stage("used", Workdir(path="/a/b"), bash("pwd >seen")),
            stage("last", Workdir(path="/made/here"), base="scratch"),
            stage("existing", bash("mkdir -m 700 /e; chown 4:5 /e"), Workdir(path="/e")),
            stage("copied", Workdir(path="/c"), Copy(stage="used", source="/a/b/seen", target="s")),
            stage("twice", Workdir(path="/x"), Workdir(path="/x/y"), bash("pwd >seen")),
        ),
        targets=("used", "last", "existing", "copied", "twice"),
    ),
    Case(
        name="configuration",
        labels={"org.example.title": "a \"title\" with $dollar and 'quotes'", "b": "2"},
        args={"SOURCE_DATE_EPOCH": "1700000000"},
        files={"f": "x\n"},
        stages=(
            stage("below", Env(name="A", value="1"), Cmd(argv=("below",)), base="scratch"),
            stage(
                "out",
                Copy(source="f", target="/f"),
                Env(name="B", value="2"),
                Workdir(path="/work"),
                Expose(ports=(8888, 22)),
                Entrypoint(argv=("/bin/x", "two words", 'q"q')),
                Cmd(argv=("a", "$B", "")),
                base="below",
            ),
            stage("entry", Entrypoint(argv=("/only",)), base="below"),
            stage("command", Cmd(argv=("other",)), base="out"),
        ),
        targets=("out", "entry", "command"),
    ),
    Case(
        name="owners-and-modes",
        stages=(
            stage(
                "out",
                bash(
                    "mkdir /o; cd /o; for u in 0 1 33 1000 65534; do echo $u >$u; chown $u:$u $u;"
                    " done; chmod 4711 0; chmod 2750 1; chmod 0 33; mkfifo pipe; ln 1000 hard;"
                    " mkdir -m 3777 d; touch -d @1000000000 old"
                ),
            ),
        ),
    ),
    Case(
        name="removed",
        stages=(
            stage("made", bash("mkdir -p /r/a/b /r/c; echo 1 >/r/a/b/f; echo 2 >/r/c/g")),
            stage(
                "out",
                bash("rm -r /r/a; mv /r/c /r/d; rm /etc/debian_version; rmdir /srv"),
                bash("mkdir -p /r/a/n; rm -r /r/d; mkdir /r/d; echo 3 >/r/d/h"),
                base="made",
            ),
        ),
    ),
    Case(
        name="nothing-but-a-name",
        stages=(stage("plain"), stage("out", Env(name="X", value="y"), base="plain")),
        targets=("out", "plain"),
    ),
    Case(
        name="ignored",
        ignored="**/__pycache__\nsrc/*.o\n*.log\nsrc/keep/*\n!src/keep/this\n# a comment\nbuild\n",
        files={
            "src/a.c": "a\n",
            "src/a.o": "object\n",
            "src/deep/b.o": "not at the top\n",
            "src/__pycache__/x": "x\n",
            "src/deep/__pycache__/y/z": "z\n",
            "src/keep/this": "kept\n",
            "src/keep/that": "gone\n",
            "top.log": "log\n",
            "src/inner.log": "kept\n",
            "build/out": "out\n",
        },
        stages=(
            stage(
                "out",
                bash("cp -a /src /bound", Bind(source="src", target="/src")),
                bash("cp -a /all /everything", Bind(target="/all")),
                Copy(source="src/", target="/copied/"),
            ),
        ),
    ),
    Case(
        name="exit-code",
        stages=(
            stage("good", bash("echo good >/good")),
            stage("bad", bash("echo to stdout; echo to stderr >&2; exit 3"), base="good"),
            stage("other", bash("echo other >/other")),
        ),
        targets=("bad", "other"),
        keep_going=True,
    ),
    Case(
        name="killed",
        stages=(stage("out", bash("echo dying; bash -c 'kill -9 $$'")),),
    ),
    Case(
        name="no-such-program",
        stages=(stage("out", Run(argv=("no-such-program", "x"))),),
    ),
    Case(
        name="second-step-fails",
        files=SOURCES,
        stages=(
            stage(
                "out",
                Env(name="A", value="b"),
                Copy(source="top.txt", target="/t"),
                bash("cat /src/a.c; false", Bind(source="src", target="/src")),
                bash("echo never"),
            ),
        ),
    ),
    Case(
        name="copy-of-nothing",
        stages=(
            stage("made", bash("true")),
            stage("out", Copy(stage="made", source="/missing", target="/x"), base="scratch"),
        ),
    ),
    Case(
        name="keep-going",
        stages=(
            stage("bad", bash("exit 4")),
            stage("needs-bad", bash("true", Bind(stage="bad", source="/", target="/b"))),
            stage("fine", bash("echo fine >/fine")),
        ),
        targets=("needs-bad", "fine"),
        keep_going=True,
    ),
    Case(
        name="what-runs-is-finished",
        stages=(
            stage("bad", bash("sleep 1; exit 4")),
            stage("fine", bash("sleep 3; echo fine >/fine")),
            stage("delivered", Copy(stage="fine", source="/fine", target="/"), base="scratch"),
            stage("later", bash("echo later"), base="fine"),
        ),
        targets=("bad", "delivered", "later"),
    ),
    Case(
        name="rebuilds",
        files=SOURCES,
        ignored="*.log\n**/*.tmp\n",
        stages=(
            stage(
                "out",
                bash(
                    "cd /src; find . | sort >/names; cat a.c sub/b.c >/text",
                    Bind(source="src", target="/src"),
                ),
            ),
            stage("copied", Copy(source="src/", target="/"), base="scratch"),
            stage("elsewhere", bash("cat /t >/u", Bind(source="top.txt", target="/t"))),
        ),
        targets=("out", "copied", "elsewhere"),
        steps=(
            Step(what="nothing"),
            Step(what="edit", write={"src/a.c": "int edited;\n"}),
            Step(what="edit in a folder", write={"src/sub/b.c": "int edited_too;\n"}),
            Step(what="touch", touch="src/a.c"),
            Step(what="mode", chmod="src/a.c"),
            Step(what="add", write={"src/new.c": "int new;\n"}),
            Step(what="rename", rename=("src/new.c", "src/renamed.c")),
            Step(what="remove", write={"src/renamed.c": None}),
            Step(what="add what is ignored", write={"src/x.tmp": "x", "y.log": "y"}),
            Step(what="edit elsewhere", write={"top.txt": "changed\n"}),
            Step(what="back", write={"src/a.c": "int a;\n", "src/sub/b.c": "int b;\n"}),
        ),
    ),
    Case(
        name="rebuilds-of-named",
        named={"one": "1\n", "two": "2\n"},
        stages=(
            stage("named", Copy(source="x/", target="/"), base="scratch"),
            stage("out", bash("cat /one >/o", Bind(stage="named", source="/one", target="/one"))),
            stage(
                "both",
                bash("cat /one >/both", Bind(stage="named", source="/one", target="/one")),
                bash("cat /two >/t", Bind(stage="named", source="/two", target="/two")),
            ),
        ),
        targets=("out", "both"),
        steps=(
            Step(what="nothing"),
            Step(what="edit the second", write={"named:two": "22\n"}),
            Step(what="edit the first", write={"named:one": "11\n"}),
        ),
    ),
    Case(
        # This machine's steps make what another platform's image is put together from, and may
        # run its programs.
        name="another-platform",
        platform="linux/arm64",
        stages=(
            replace(stage("here"), platform="$BUILDPLATFORM"),
            stage(
                "made",
                bash(
                    f"mkdir /o; echo {_ARM64} | base64 -d >/o/seven; chmod 755 /o/seven;"
                    " uname -m >/o/machine; /o/seven || echo $? >/o/code"
                ),
                base="here",
            ),
            stage("below", Copy(stage="made", source="/o/machine", target="/"), base="scratch"),
            stage(
                "out",
                Copy(stage="made", source="/o/", target="/o/"),
                Cmd(argv=("/o/seven",)),
                base="below",
            ),
        ),
    ),
    Case(
        name="an-output-that-stays-the-same",
        files={"src/a.c": "int a; // one\n", "src/b.c": "int b;\n"},
        stages=(
            stage(
                "made",
                bash(
                    "mkdir /o; sed 's, *//.*,,' /src/* >/o/f; chown 3:4 /o/f; ln -s f /o/g",
                    Bind(source="src", target="/src"),
                ),
            ),
            stage("copied", Copy(stage="made", source="/o/", target="/"), base="scratch"),
            stage("out", bash("cat /o/f >/seen", Bind(stage="made", source="/o", target="/o"))),
            stage("waits", bash("true", Bind(stage="made", source="/etc/shells", target="/w"))),
        ),
        targets=("copied", "out", "waits"),
        steps=(
            Step(what="edit a comment", write={"src/a.c": "int a; // two\n"}),
            Step(what="edit code", write={"src/a.c": "int aa; // two\n"}),
        ),
    ),
)
