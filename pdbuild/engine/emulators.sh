# emulators.sh FILE COMMAND…: run COMMAND where the kernel knows the emulators in FILE, one a
# line as binfmt_misc takes them. It is run in a user namespace, whose own entries they are; on
# a kernel before 6.7 COMMAND runs without.
# shellcheck shell=sh
entries=$1
shift
place=/proc/sys/fs/binfmt_misc
if mount -t binfmt_misc none "$place" 2>/dev/null; then
    while IFS= read -r entry; do
        printf '%s' "$entry" >"$place/register" || echo "not registered: $entry" >&2
    done <"$entries"
fi
exec "$@"
