"""A disk of Debian 13 for a virtual machine: made once, in two minutes, and kept.

It is what a server has after Debian's installer and the page for administrators: systemd with its
sessions, AppArmor, an SSH server, pdbuild's programs; and an NFS server, for homes of its own.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from pdbuild.locks import alone

# Where other tests keep what took long to make, too.
_KEPT = Path("/var/tmp/pdbuild-tests")
_SIZE = "24G"  # of which the file takes what is written
_PACKAGES = (
    *("linux-image-cloud-amd64", "systemd-sysv", "udev", "kmod", "iproute2", "procps", "quota"),
    *("dbus-user-session", "libpam-systemd", "openssh-server", "sudo", "apparmor"),
    *("nfs-kernel-server", "ca-certificates", "git", "python3-venv", "passt", "crun", "catatonit"),
    *("runc", "uidmap", "mmdebstrap", "podman", "skopeo", "buildah", "proot", "charliecloud"),
    *("slurm-wlm", "munge"),
)
# A script that mmdebstrap runs with the disk's root and a public key.
_SETTLED = r"""
cd "$1"
echo machine >etc/hostname
echo '127.0.0.1 localhost machine' >etc/hosts
echo 'nameserver 10.0.2.3' >etc/resolv.conf
echo '/dev/vda / ext4 defaults 0 1' >etc/fstab
printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >etc/systemd/network/10-user.network
mkdir -p usr/local/share/ca-certificates
awk '/BEGIN CERT/ { n++ } { print >"usr/local/share/ca-certificates/host" n ".crt" }' \
    /etc/ssl/certs/ca-certificates.crt
chroot . update-ca-certificates >/dev/null 2>&1
for name in systemd-networkd nfs-server apparmor ssh; do chroot . systemctl -q enable $name; done
chroot . systemctl -q disable slurmd slurmctld munge
install -D -m 600 "$2" root/.ssh/authorized_keys
"""


def made() -> Path:
    """The folder with `disk`, `vmlinuz`, `initrd.img` and `key`, an SSH key of its root's."""
    text = "".join((*_PACKAGES, _SETTLED, _SIZE))
    final = _KEPT / f"machine-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    _KEPT.mkdir(exist_ok=True)
    with alone(_KEPT / "machine.lock"):
        if not final.exists():
            for old in _KEPT.glob("machine-*"):
                shutil.rmtree(old)
            partial = final.with_suffix(".partial")
            partial.mkdir(mode=0o700)
            _make(partial)
            partial.rename(final)
    return final


def _make(folder: Path) -> None:
    def run(*argv: str | Path) -> None:
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)

    key, root = folder / "key", folder / "root"
    (folder / "settle").write_text(_SETTLED)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    run(
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}"),
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f'--customize-hook=bash -eu {folder}/settle "$1" {key}.pub',
        *("--format=directory", "trixie", root),
    )
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile(root / name, folder / name)
    run("mke2fs", "-q", "-t", "ext4", "-d", root, folder / "disk", _SIZE)
    shutil.rmtree(root)
