# enter.sh ROOT COMMAND…: run COMMAND in ROOT, with the host's network settings.
# shellcheck shell=sh
set -eu
root=$1
shift
sh "$(dirname "$0")/dev.sh" "$root"
ln -s /proc/self/fd "$root/dev/fd"
mount -t proc proc "$root/proc"
for file in /etc/resolv.conf /etc/hosts; do
    if [ -e "$file" ]; then
        cp -L "$file" "$root$file"
    fi
done
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    mkdir -p "$root/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
exec chroot "$root" "$@"
