# shellcheck shell=bash disable=SC2034,SC2154 # the rest of the job's script has the other variables
# podman, which some systems allow namespaces that they forbid others.

has_podman() {
    problem="not installed"
    command -v podman >/dev/null || return
    problem=$(run_podman "$probe" 2>&1)
    # 125 is podman's own failure.
    [ $? != 125 ] && return
    problem=${problem##*$'\n'}
    return 1
}

run_podman() {
    local words=() mount variable device
    export XDG_RUNTIME_DIR=$here/podman/session
    (umask 077 && mkdir -p "$XDG_RUNTIME_DIR")
    inner_environment
    for mount in "${mounts[@]}"; do
        words+=(--volume "$mount")
    done
    for variable in "${inner[@]}"; do
        words+=(--env "$variable")
    done
    if [ "$gpus" != 0 ]; then
        for device in /dev/nvidia* /dev/dri; do
            [ ! -e "$device" ] || words+=(--device "$device")
        done
    fi
    exec podman --root "$here/podman/root" --runroot "$here/podman/run" --log-level=error \
        --cgroup-manager=cgroupfs --events-backend=none run --rm --network=host --pid=host \
        --security-opt label=disable --workdir "$workdir" "${words[@]}" --rootfs "$here/root:O" "$@"
}
