# shellcheck shell=bash disable=SC2034,SC2154 # the rest of the job's script has the other variables
# Apptainer, which many sites have for all. A rank is you there, not root.

has_apptainer() {
    local inner=() variable
    problem="not installed"
    command -v apptainer >/dev/null || return
    inner_environment
    for variable in "${inner[@]}"; do
        problem="it cannot set $variable"
        [[ $variable != HOME=* || $variable = HOME=/tmp ]] || return
    done
    problem=$(run_apptainer "$probe" 2>&1)
    [[ $problem = *"$probe"*"no such file"* ]] && return
    problem=${problem##*$'\n'}
    return 1
}

run_apptainer() {
    local own=$here/apptainer.$SLURM_LOCALID words=() given=() mount source target options variable
    mkdir -p "$own/tmp"
    inner_environment
    # HOME is what --home says.
    for variable in "${inner[@]}"; do
        [[ $variable = HOME=* ]] || given+=("APPTAINERENV_$variable")
    done
    for mount in /etc/resolv.conf:/etc/resolv.conf:ro /etc/hosts:/etc/hosts:ro "${mounts[@]}"; do
        source=${mount%%:*} target=${mount#*:} options=
        [ -e "$source" ] || continue
        [ "$target" = "${target%:ro}" ] || options=,ro
        # It is a line of comma-separated values.
        source=${source//\"/\"\"} target=${target%:ro}
        words+=(--mount "type=bind,\"source=$source\",\"destination=${target//\"/\"\"}\"$options")
    done
    # Nothing of what the site, or the login node, has it mount and set for all.
    exec env -i "PATH=$PATH" "APPTAINER_CONFIGDIR=$own/apptainer" "${given[@]}" \
        apptainer --silent --nocolor exec --cleanenv --no-eval --no-mount hostfs,bind-paths,cwd,tmp \
        --home "$own/tmp:/tmp" --pwd "$workdir" "${words[@]}" "$here/root" "$@"
}
