# shellcheck shell=bash disable=SC2034,SC2154 # the rest of the job's script has the other variables
# Apptainer, in a user namespace of ours: it need not be setuid.

has_apptainer() {
    problem="not installed"
    command -v apptainer >/dev/null || return
    problem=$(run_apptainer "$probe" 2>&1)
    [[ $problem = *"$probe"*"o such file"* ]] && return
    problem=${problem##*$'\n'}
    return 1
}

run_apptainer() {
    local words=() mount variable
    inner_environment
    for mount in "${mounts[@]}"; do
        words+=(--bind "$mount")
    done
    for variable in "${inner[@]}"; do
        case $variable in
        HOME=*) continue ;; # it has an option of its own, and a warning
        esac
        # With commas a value would be several.
        export "APPTAINERENV_$variable"
    done
    exec apptainer --quiet exec --userns --fakeroot --containall --no-home --writable-tmpfs \
        --cleanenv --pwd "$workdir" "${words[@]}" "$here/root" "$@"
}
