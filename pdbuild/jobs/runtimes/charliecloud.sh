# shellcheck shell=bash disable=SC2034,SC2154 # the rest of the job's script has the other variables
# Charliecloud: its ch-run, which needs user namespaces. It has no mounts that are read-only.

has_charliecloud() {
    local mount
    problem="not installed"
    command -v ch-run >/dev/null || return
    has_places || return
    for mount in "${mounts[@]}"; do
        problem="it cannot mount $mount read-only"
        [ "$mount" = "${mount%:ro}" ] || return
    done
    problem=$(run_charliecloud "$probe" 2>&1)
    [[ $problem = *"$probe"*"o such file"* ]] && return
    problem=${problem##*$'\n'}
    return 1
}

run_charliecloud() {
    local words=() mount variable
    inner_environment
    for mount in "${mounts[@]}"; do
        words+=(--bind "$mount")
    done
    for variable in "${inner[@]}"; do
        words+=("--set-env=$variable")
    done
    # It wants to know who we are, and some jobs do not say.
    USER=${USER:-$(id -un)} exec ch-run --private-tmp --no-passwd --uid=0 --gid=0 --env-no-expand \
        --unset-env='*' --cd="$workdir" "${words[@]}" "$here/root" -- "$@"
}
