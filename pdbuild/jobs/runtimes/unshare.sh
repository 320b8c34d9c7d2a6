# shellcheck shell=bash disable=SC2034,SC2154 # the rest of the job's script has the other variables
# Namespaces alone, by util-linux: nothing is installed for it.

has_unshare() {
    # shellcheck disable=SC2119 # no command: it is only tried
    problem=$(run_unshare 2>&1) && return
    problem=${problem##*$'\n'}
    return 1
}

# Namespaces alone, by util-linux: nothing is installed for it. The rank is root inside, which is
# you outside. With no command it only shows that it can be done.
# shellcheck disable=SC2120
run_unshare() {
    exec unshare --user --map-root-user --mount -- bash "$folder/job.sh" inside "$@"
}

inside() {
    local own=$here/rank.$SLURM_LOCALID mount source target root
    mkdir -p "$own/tmp" "$own/over"
    mount -t tmpfs -o mode=755 none "$own/over"
    mkdir "$own/over/upper" "$own/over/work" "$own/over/root"
    root=$own/over/root
    # What a rank writes outside of its mounts is its own, and gone afterwards.
    mount -t overlay overlay "$root" -o \
        "lowerdir=$here/root,upperdir=$own/over/upper,workdir=$own/over/work,userxattr" 2>/dev/null ||
        mount --rbind "$here/root" "$root"
    inner_environment
    for source in /proc /sys /dev; do
        mount --rbind "$source" "$root$source"
    done
    for mount in "$own/tmp:/tmp" /etc/resolv.conf:/etc/resolv.conf:ro /etc/hosts:/etc/hosts:ro \
        "${mounts[@]}"; do
        source=${mount%%:*} target=${mount#*:}
        [ -e "$source" ] || continue
        [ ! -e "$here/mounted" ] || place_for "$root" "$source" "$target"
        mount --rbind "$source" "$root${target%:ro}"
        [ "$target" = "${target%:ro}" ] || read_only "$root${target%:ro}"
    done
    [ $# -gt 0 ] || exit 0
    exec env -i "${inner[@]}" "$(type -P unshare)" --root="$root" --wd="$workdir" -- "$@"
}

# What the original forbids must stay forbidden: one of these says so.
read_only() {
    local kept
    for kept in '' ,nosuid,nodev ,nosuid,nodev,noexec; do
        ! mount -o "remount,bind,ro$kept" "$1" 2>/dev/null || return 0
    done
    echo "pdbuild: $1 cannot be mounted read-only" >&2
    return 1
}
