# shellcheck shell=bash disable=SC2034,SC2154 # the rest of the job's script has the other variables
# runc alone, by a configuration as the OCI's runtime specification has it.

has_runc() {
    problem="not installed"
    command -v runc >/dev/null || return
    has_places || return
    problem=$(run_runc "$probe" 2>&1)
    [[ $problem = *"$probe"*"no such file"* ]] && return
    problem=${problem##*$'\n'}
    return 1
}

run_runc() {
    local own=$here/runc.$SLURM_LOCALID
    mkdir -p "$own/tmp"
    inner_environment
    runc_configuration "$own" "$@" >"$own/config.json"
    exec runc --root "$own/state" run --bundle "$own" \
        "pdbuild-$SLURM_JOB_ID-$SLURM_PROCID-$BASHPID"
}

# A bundle as the OCI's runtime specification has it; the tree is read-only in it.
runc_configuration() {
    local own=$1 mount source target flags mounted=()
    shift
    for mount in "$own/tmp:/tmp" /dev:/dev /sys:/sys /etc/resolv.conf:/etc/resolv.conf:ro \
        /etc/hosts:/etc/hosts:ro "${mounts[@]}"; do
        source=${mount%%:*} target=${mount#*:} flags='"rbind"'
        [ -e "$source" ] || continue
        [ "$target" = "${target%:ro}" ] || flags="\"rbind\", \"ro\"$(kept "$source")"
        mounted+=("{\"destination\": $(quoted "${target%:ro}"), \"type\": \"bind\",
 \"source\": $(quoted "$source"), \"options\": [$flags]}")
    done
    cat <<END
{"ociVersion": "1.0.2",
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": $(quoted "$workdir"), "noNewPrivileges": true,
  "args": [$(listed "$@")], "env": [$(listed "${inner[@]}")]},
 "root": {"path": $(quoted "$here/root"), "readonly": true},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
$(IFS=, && echo "${mounted[*]}")],
 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "user"}],
  "uidMappings": [{"containerID": 0, "hostID": $(id -u), "size": 1}],
  "gidMappings": [{"containerID": 0, "hostID": $(id -g), "size": 1}]}}
END
}

# What the disk of a file or folder forbids: it must stay forbidden where that is mounted read-only,
# and runc below 1.1.6 has to be told so.
kept() {
    local options flag
    options=,$(findmnt --noheadings --output VFS-OPTIONS --target "$1" | tail -n 1 || true),
    for flag in nosuid nodev noexec; do
        [[ $options != *",$flag,"* ]] || printf ', "%s"' "$flag"
    done
}

# JSON's strings.
quoted() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    echo "\"${text//$'\t'/\\t}\""
}

listed() {
    local word comma=
    for word; do
        printf '%s%s' "$comma" "$(quoted "$word")"
        comma=', '
    done
}
