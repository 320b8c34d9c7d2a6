"""The script of a job, and what runs in it: real bash, with stand-ins for Slurm's commands."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pdbuild.container import Mount
from pdbuild.jobs import Job, script
from pdbuild.recipe.tables.submit import Submit


def job(folder: Path, *argv: str, **place: object) -> Job:
    return Job(
        name=argv[-1],
        to="slurm",
        place=Submit(**place),  # type: ignore[arg-type]
        image="localhost/squares:0.1",
        argv=argv,
        workdir="/work",
        cwd=folder,
        folder=folder,
        image_env=("PATH=/usr/bin:/bin", "GREETING=it's me"),
        env=(("WORD", 'a "b" $c'),),
        mounts=(Mount(source=Path("/usr"), target="/usr", read_only=True),),
    )


def directives(text: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in text.splitlines() if "#SBATCH" in line]


def test_what_is_asked_of_slurm_stands_in_front(tmp_path: Path) -> None:
    folder = tmp_path / "100% mine"
    asked = job(
        folder, "a.py", nodes=2, tasks=4, gpus=2, cpus=3, memory="8GB", time="1:00:00",
        partition="gpu", account="me", options=("--qos=long",),
    )  # fmt: skip
    assert directives(script.render(asked)) == [
        "--job-name=a.py",
        "--nodes=2",
        "--ntasks-per-node=4",
        "--cpus-per-task=3",
        "--gres=gpu:2",
        "--mem=7630M",  # Slurm's megabytes are 2^20
        "--time=1:00:00",
        "--partition=gpu",
        "--account=me",
        f'--chdir="{folder}"',
        f'--output="{tmp_path}/100%% mine/out"',
        f'--error="{tmp_path}/100%% mine/err"',
        "--open-mode=append",
        "--qos=long",
    ]


def test_what_is_not_asked_for_is_not_there(tmp_path: Path) -> None:
    options = " ".join(directives(script.render(job(tmp_path, "a.py"))))
    for word in ("gres", "mem", "time=", "partition", "account", "cpus"):
        assert f"--{word}" not in options


def test_words_of_any_kind_reach_the_shell_as_they_are(tmp_path: Path) -> None:
    words = ("a.py", "it's", "two words", "$HOME", "back`tick", "line\nbreak", "é", "")
    text = script.render(job(tmp_path, *words))
    head = text.partition("# shellcheck")[0]
    show = 'printf "%s\\0" "${program[@]}" "${image_environment[@]}" "${environment[@]}"'
    done = subprocess.run(["bash", "-c", head + show], capture_output=True, check=True)
    said = done.stdout.decode().split("\0")[:-1]
    assert tuple(said[: len(words)]) == words
    assert said[len(words) :] == ["PATH=/usr/bin:/bin", "GREETING=it's me", 'WORD=a "b" $c']


Ran = Callable[..., "subprocess.CompletedProcess[str]"]

STANDINS = {
    # Each rank that srun starts is one after the other here.
    "srun": """
while [ "${1#--}" != "$1" ]; do
    case $1 in --ntasks=*) n=${1#*=} ;; esac
    shift
done
code=0
for ((i = 0; i < n; i++)); do
    SLURM_PROCID=$i SLURM_LOCALID=0 SLURM_NODEID=$i SLURMD_NODENAME=n$i "$@" || code=9
done
exit $code""",
    "scontrol": """
case $* in
*hostnames*) printf 'n0\\nn1\\n' ;;
*) echo "NodeName=n0 NodeAddr=10.1.2.3 X=y" ;;
esac""",
    "squeue": "echo 41",
}


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Runs a job's script as Slurm would, on two nodes that are this one."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in STANDINS.items():
        (tools / name).write_text(f"#!/bin/bash\n{text}\n")
        (tools / name).chmod(0o755)
    tree = tmp_path / "tree"
    tree.mkdir()
    subprocess.run(["tar", "-cf", tmp_path / "image.tar", "-C", tree, "."], check=True)
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def run(*argv: str, runtime: str = "", form: str = "tar") -> subprocess.CompletedProcess[str]:
        text = script.render(job(tmp_path, *argv, nodes=2, scratch=str(scratch), format=form))
        # Here nothing need be unpacked: what is tried is all around the runtime.
        plain = 'run_unshare() { inner_environment; exec env -i "${inner[@]}" "$@"; }\n'
        last = '"${1:-batch}" "${@:2}"'
        assert text.rstrip().endswith(last)
        (tmp_path / "job.sh").write_text(text.replace(last, f"{runtime or plain}{last}"))
        env = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "SLURM_JOB_ID": "42",
            "SLURM_JOB_NODELIST": "n[0-1]",
            "SLURMD_NODENAME": "n0",
            "CUDA_VISIBLE_DEVICES": "3",
            "LOGIN_SECRET": "x",
        }
        return subprocess.run(
            ["bash", tmp_path / "job.sh"], env=env, capture_output=True, text=True, check=False
        )

    return run


def test_a_rank_knows_its_place_and_nothing_of_the_login_node(ran: Ran, tmp_path: Path) -> None:
    done = ran("env")
    assert done.returncode == 0, done.stderr
    said = dict(line.partition("=")[::2] for line in done.stdout.splitlines()[-60:])
    assert said["RANK"] == said["NODE_RANK"] == "1" and said["LOCAL_RANK"] == "0"
    assert (said["WORLD_SIZE"], said["MASTER_ADDR"], said["MASTER_PORT"]) == (
        "2", "10.1.2.3", "20042",
    )  # fmt: skip
    assert said["PEERS"] == "n0,n1" and said["CUDA_VISIBLE_DEVICES"] == "3"
    assert said["GREETING"] == "it's me" and said["WORD"] == 'a "b" $c'
    assert "LOGIN_SECRET" not in done.stdout
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_first_rank_that_fails_gives_its_code_and_name(ran: Ran, tmp_path: Path) -> None:
    done = ran("bash", "-c", "exit $((RANK + 4))")
    assert done.returncode == 4
    assert "pdbuild: rank 0 on n0 ended with exit code 4: bash -c" in done.stderr
    assert list((tmp_path / "scratch").iterdir()) == []
    again = ran("true")
    assert again.returncode == 0, again.stderr


def test_copies_of_jobs_that_are_no_more_go(ran: Ran, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    for number in (40, 41):
        (scratch / f"pdbuild-job-{os.getuid()}-{number}-n0-0" / "root").mkdir(parents=True)
    assert ran("true").returncode == 0
    assert [p.name for p in scratch.iterdir()] == [f"pdbuild-job-{os.getuid()}-41-n0-0"]


def test_where_nothing_can_run_it_each_reason_is_said(ran: Ran) -> None:
    refusing = """run_unshare() { echo "unshare failed: No space left on device"; return 1; }
run_podman() { echo "Error: no podman for you"; exit 125; }
has_runc() { problem="not installed"; return 1; }
"""
    done = ran("true", runtime=refusing)
    assert done.returncode == 1
    assert (
        "pdbuild: n0: nothing can run the image: unshare: unshare failed: No space left on device; "
        "podman: " in done.stderr
    )


LIBRARIES = """
\tlibnvidia-ml.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libnvidia-ml.so.1
\tlibnvidia-gpucomp.so.580.65 (libc6,x86-64) => /lib/x86_64-linux-gnu/libnvidia-gpucomp.so.580.65
\tlibcuda.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so.1
\tlibcuda.so.1 (libc6) => /lib/i386-linux-gnu/libcuda.so.1
\tlibcuda.so (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so
\tlibc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6
"""


def test_the_driver_is_the_nodes(tmp_path: Path) -> None:
    (tmp_path / "ldconfig").write_text(f"#!/bin/sh\ncat <<'END'{LIBRARIES}END\n")
    (tmp_path / "ldconfig").chmod(0o755)
    text = script.render(job(tmp_path, "a.py", gpus=1))
    text = text.replace('"${1:-batch}" "${@:2}"', "add_driver")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "here": str(tmp_path), "SLURMD_NODENAME": "n0"}
    subprocess.run(["bash", "-c", text], env=env, check=True, capture_output=True)
    where = "/lib/x86_64-linux-gnu"
    assert (tmp_path / "mounts").read_text().splitlines() == [
        f"{tmp_path}:/work",
        "/usr:/usr:ro",
        f"{where}/libcuda.so.1:/usr/lib/pdbuild-driver/libcuda.so.1:ro",
        f"{where}/libnvidia-gpucomp.so.580.65:/usr/lib/pdbuild-driver/libnvidia-gpucomp.so.580.65:ro",
        f"{where}/libnvidia-ml.so.1:/usr/lib/pdbuild-driver/libnvidia-ml.so.1:ro",
    ]


def test_runc_is_told_what_the_disk_of_a_mount_forbids(tmp_path: Path) -> None:
    """Of mounts one above the other the last is seen."""
    lines = "rw,relatime\nrw,nosuid,nodev,noexec,relatime"
    (tmp_path / "findmnt").write_text(f'#!/bin/sh\ncase $5 in /usr) echo "{lines}" ;; esac\n')
    (tmp_path / "findmnt").chmod(0o755)
    text = script.render(job(tmp_path, "a.py", runtime="runc"))
    text = text.replace('"${1:-batch}" "${@:2}"', 'inner_environment; runc_configuration "$here" x')
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "here": str(tmp_path)}
    done = subprocess.run(["bash", "-c", text], env=env, check=True, capture_output=True)
    mounts = json.loads(done.stdout)["mounts"]
    options = {mount["destination"]: mount.get("options") for mount in mounts}
    assert options["/usr"] == ["rbind", "ro", "nosuid", "nodev", "noexec"]
    assert options["/etc/hosts"] == ["rbind", "ro"]
    assert options["/work"] == ["rbind"]


APPTAINER = """#!/bin/bash
said="FATAL: stat /.pdbuild-probe: no such file or directory"
case $* in *"/.pdbuild-probe") exec echo "$said" ;; esac
printf '%s\\n' "$@"
env
"""


def by_apptainer(folder: Path, text: str, asked: Job) -> list[str]:
    """What Apptainer gets and has around it, or why the job does not take it."""
    (folder / "apptainer").write_text(text)
    (folder / "apptainer").chmod(0o755)
    last = 'has_apptainer || { echo "$problem"; exit; }; run_apptainer "${program[@]}"'
    text = script.render(asked).replace('"${1:-batch}" "${@:2}"', last)
    env = {"PATH": f"{folder}:/usr/bin:/bin", "here": str(folder), "SLURM_LOCALID": "3"}
    env |= {"RANK": "5", "LOGIN_SECRET": "x", "APPTAINER_BIND": "/scratch"}
    done = subprocess.run(["bash", "-c", text], env=env, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_apptainer_has_what_is_mounted_and_set_and_no_more(tmp_path: Path) -> None:
    asked = job(tmp_path, "a.py", "two words", runtime="apptainer")
    odd = tmp_path / 'a,"b"'
    odd.mkdir()
    asked = replace(asked, mounts=(*asked.mounts, Mount(source=odd, target="/odd, too")))
    said = by_apptainer(tmp_path, APPTAINER, asked)
    assert said[:4] == ["--silent", "--nocolor", "exec", "--cleanenv"]
    end = said.index(f"{tmp_path}/root")
    assert said[end + 1 : end + 3] == ["a.py", "two words"]
    words = dict(pairwise(said[:end]))
    assert words["--home"] == f"{tmp_path}/apptainer.3/tmp:/tmp" and words["--pwd"] == "/work"
    mounts = [word for word in said[:end] if word.startswith("type=bind")]
    assert mounts[-3:] == [
        f'type=bind,"source={tmp_path}","destination=/work"',
        'type=bind,"source=/usr","destination=/usr",ro',
        f'type=bind,"source={tmp_path}/a,""b""","destination=/odd, too"',
    ]
    given = dict(line.partition("=")[::2] for line in said[end + 3 :])
    assert given["APPTAINERENV_GREETING"] == "it's me" and given["APPTAINERENV_RANK"] == "5"
    assert given["APPTAINERENV_WORD"] == 'a "b" $c'
    assert given["APPTAINERENV_PATH"] == "/usr/bin:/bin" != given["PATH"]
    assert not {"LOGIN_SECRET", "APPTAINER_BIND", "APPTAINERENV_HOME", "HOME"} & set(given)


def test_why_apptainer_is_not_taken_is_said(tmp_path: Path) -> None:
    asked = job(tmp_path, "a.py", runtime="apptainer")
    fails = "#!/bin/sh\necho first >&2; echo 'FATAL: no namespaces' >&2; exit 255\n"
    assert by_apptainer(tmp_path, fails, asked) == ["FATAL: no namespaces"]
    elsewhere = replace(asked, image_env=("HOME=/root",))
    assert by_apptainer(tmp_path, APPTAINER, elsewhere) == ["it cannot set HOME=/root"]


def test_a_node_that_does_not_see_the_image_is_named(ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "image.tar").unlink()
    done = ran("true")
    assert done.returncode == 1
    assert f"pdbuild: n0 sees no {tmp_path}/image.tar: submit from a folder" in done.stderr


@pytest.mark.skipif(not shutil.which("mksquashfs"), reason="NOT RUN: no mksquashfs on this host")
def test_where_a_file_system_cannot_be_mounted_it_is_unpacked(ran: Ran, tmp_path: Path) -> None:
    image, packed = tmp_path / "image.sqfs", tmp_path / "bin/squashfuse"
    (tmp_path / "tree/file").write_text("text")
    subprocess.run(["mksquashfs", tmp_path / "tree", image, "-quiet", "-no-progress"], check=True)
    packed.write_text("#!/bin/sh\necho 'fuse: device not found' >&2\nexit 1\n")
    packed.chmod(0o755)
    done = ran("sh", "-c", 'cat "$1"/*/root/file', "sh", str(tmp_path / "scratch"), form="squashfs")
    assert done.returncode == 0, done.stderr
    assert "text" in done.stdout
    assert f"the image is in {tmp_path}/scratch (fuse: device not found) (" in done.stderr
    assert list((tmp_path / "scratch").iterdir()) == []
