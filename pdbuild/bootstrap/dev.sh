# dev.sh ROOT: give ROOT the devices that programs expect. In a user namespace
# they cannot be made, so they are the host's.
# shellcheck shell=sh
set -eu
mkdir -p "$1/dev"
# Not world-writable and sticky: the kernel then lets nobody open what it holds
# for writing with O_CREAT (fs.protected_regular).
mount -t tmpfs -o mode=755 dev "$1/dev"
for name in null zero full random urandom tty; do
    touch "$1/dev/$name"
    mount --bind "/dev/$name" "$1/dev/$name"
done
