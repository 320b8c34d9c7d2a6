# shellcheck shell=bash disable=SC2154 # the variables stand in front of this, in the job's script
# What follows is the same in every job. Slurm runs `batch` on the first node; that has each node
# `prepare` a copy of the image, and starts `rank` once for each rank.

batch() {
    local code=0 told names first each how
    rm -f "$folder/failed" # of a run before this one, when Slurm queues a job again
    mapfile -t names < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
    # As torchrun names them: what programs know that run on several nodes.
    first=$(scontrol -o show node "${names[0]}" | grep -o 'NodeAddr=[^ ]*' || true)
    export MASTER_ADDR=${first#NodeAddr=} MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))
    export WORLD_SIZE=$((${#names[@]} * tasks)) LOCAL_WORLD_SIZE=$tasks
    MASTER_ADDR=${MASTER_ADDR:-${names[0]}}
    PEERS=$(IFS=, && echo "${names[*]}")
    export PEERS
    each=(srun --ntasks="${#names[@]}" --ntasks-per-node=1 bash "$folder/job.sh")
    how=(--kill-on-bad-exit=1 --ntasks="$WORLD_SIZE" --ntasks-per-node="$tasks")
    [ -z "${SLURM_CPUS_PER_TASK:-}" ] || how+=(--cpus-per-task="$SLURM_CPUS_PER_TASK")
    [ "$WORLD_SIZE" = 1 ] || how+=(--label)
    trap 'trap "" TERM && here=$(copy) && remove_copy; exit 143' TERM
    "${each[@]}" prepare || code=$?
    if [ "$code" = 0 ]; then
        srun "${how[@]}" bash "$folder/job.sh" rank || code=$?
    fi
    # Of a job that is cancelled, or whose time is over, Slurm starts no other step: so the last
    # rank of a node removes its copy. This is for ranks that were killed.
    [ "$code" = 0 ] || "${each[@]}" remove_copy || true
    if [ -e "$folder/failed" ]; then
        # The first that failed; srun ends the others, and has the last word of those.
        read -r code told <"$folder/failed"
        echo "pdbuild: $told" >&2
    fi
    exit "$code"
}

# blame CODE WHAT: this is why the job ends, unless another was first.
blame() {
    (set -o noclobber && echo "$1 $2" >"$folder/failed") 2>/dev/null || true
}

fail() {
    blame "$@"
    exit "$1"
}

# ---- one rank

rank() {
    local code child tenths ending=''
    export RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID NODE_RANK=$SLURM_NODEID
    trap 'ending=1' TERM
    here=$(copy)
    export here
    exec 9<>"$here/lock" # both ways: NFS shares a lock with those who may read
    flock --shared 9
    mount_image
    : >"$here/started.$SLURM_LOCALID"
    runtime=$(cat "$here/runtime")
    # In the background: a shell that waits for a program hears of no signal before its end.
    "run_$runtime" "${program[@]}" <&0 9>&- &
    child=$!
    code=0
    wait "$child" || code=$?
    if [ -n "$ending" ]; then
        # `wait` ended at the signal, which Slurm has sent to the program as well. More of them
        # come, for all that runs here: what cleans up hears none.
        trap '' TERM
        for ((tenths = 0; tenths < 100; tenths++)); do
            kill -0 "$child" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
        leave_copy
        exit 143
    fi
    if [ "$code" != 0 ]; then
        # Before anything else: another may be about to fail for want of this one. One that was
        # killed is the cause and not the effect, so the others give it time.
        [ "$code" -gt 128 ] || [ "$WORLD_SIZE" = 1 ] || sleep 0.5
        blame "$code" "rank $RANK on $SLURMD_NODENAME ended with exit code $code: ${program[*]}"
    fi
    leave_copy
    exit "$code"
}

# ---- the node's copy of the image

# Two nodes can be one machine, and a job can come again.
copy() {
    echo "$scratch/pdbuild-job-$UID-$SLURM_JOB_ID-$SLURMD_NODENAME-${SLURM_RESTART_COUNT:-0}"
}

prepare() {
    local began=$SECONDS place
    here=$(copy)
    export here
    trap 'trap "" TERM && remove_copy; exit 143' TERM
    sweep
    [ -r "$image" ] ||
        fail 1 "$SLURMD_NODENAME sees no $image: submit from a folder that all nodes share"
    (umask 077 && mkdir "$here" && umask 022 && mkdir "$here/root") ||
        fail 1 "$SLURMD_NODENAME has no place for the image in $scratch"
    get_image
    [ "$gpus" = 0 ] || add_driver
    if [ ! -e "$here/mounted" ]; then
        for place in proc sys dev tmp run ".$workdir"; do
            mkdir -p "$here/root/$place"
        done
        for place in "${mounts[@]}" /etc/resolv.conf:/etc/resolv.conf /etc/hosts:/etc/hosts; do
            place_for "$here/root" "${place%%:*}" "${place#*:}"
        done
    fi
    choose
    echo "$runtime" >"$here/runtime"
    # What is mounted is a process of this step's, which ends now: a rank mounts it again.
    unmount "$here"
    echo "pdbuild: $SLURMD_NODENAME: the image is $form ($((SECONDS - began)) s);" \
        "$runtime runs it$why" >&2
}

# The image in $here/root, mounted or unpacked; `form` says which.
get_image() {
    form="in $scratch"
    if [ "$image" = "${image%.sqfs}" ]; then
        tar --extract --file "$image" --directory "$here/root" --no-same-owner --same-permissions ||
            fail 1 "$SLURMD_NODENAME cannot unpack the image in $scratch"
    elif : >"$here/mounted" && mount_image; then
        form=mounted
    else
        rm "$here/mounted"
        form+=" ($(tail -n 1 "$here/squashfuse" | sed 's/.*line [0-9]*: //'))"
        rmdir "$here/root"
        unsquashfs -no-progress -dest "$here/root" "$image" >/dev/null 2>>"$here/squashfuse" ||
            fail 1 "$SLURMD_NODENAME can neither mount nor unpack $image: $(tail -n 1 "$here/squashfuse")"
        chmod u+w "$here/root"
    fi
}

# Mounts the image for all ranks of the node, once, where it is to be mounted.
mount_image() {
    [ -e "$here/mounted" ] || return 0
    (
        flock --exclusive 8
        ! is_mounted "$here" || exit 0
        # It goes on while ranks clean up after SIGTERM; and it must not hold what they wait for.
        trap '' TERM
        # All belongs to the user, who is root inside: else root there could change nothing.
        squashfuse -o "uid=$UID,gid=$(id -g)" "$image" "$here/root" 8>&- 9>&- </dev/null >"$here/squashfuse" 2>&1
    ) 8>>"$here/mounting"
}

# Also when what serves it has been killed, and nobody can look at it any more.
is_mounted() {
    grep -qF " $1/root fuse" /proc/self/mounts
}

unmount() {
    ! is_mounted "$1" || fusermount3 -u -z "$1/root" 2>/dev/null || fusermount -u -z "$1/root"
}

# place_for ROOT SOURCE TARGET[:ro]: what a mount needs in the tree to be mounted on.
place_for() {
    local target=$1/${3%:ro}
    shift
    if [ -d "$1" ]; then
        mkdir -p "$target"
    else
        mkdir -p "$(dirname "$target")"
        [ -e "$target" ] || [ -L "$target" ] || : >"$target"
    fi
}

# The last rank on a node removes it: of those that wait for the lock at once, one has it.
leave_copy() {
    local started=("$here"/started.*)
    if [ -n "$ending" ] || [ "${#started[@]}" = "$tasks" ]; then
        ! flock --exclusive --nonblock 9 || remove_copy
    fi
}

remove_copy() {
    here=${here:-$(copy)}
    remove "$here"
}

# Copies of jobs that were killed so hard that nothing of them could clean up.
sweep() {
    local running old id
    running=$(squeue --noheader --user "$UID" --format %A) || return 0
    for old in "$scratch/pdbuild-job-$UID-"*; do
        id=${old#"$scratch/pdbuild-job-$UID-"}
        id=${id%%-*}
        if [ -O "$old" ] && ! grep -qx "$id" <<<"$running"$'\n'"$SLURM_JOB_ID"; then
            remove "$old"
        fi
    done
}

remove() {
    local pid
    unmount "$1" || true
    if [ -d "$1/podman" ]; then
        # podman leaves a process that keeps its namespace.
        pid=$(cat "$1/podman/session/libpod/tmp/pause.pid" 2>/dev/null || true)
        [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
        # As root it has mounted what it has.
        [ "$UID" != 0 ] || umount "$1/podman/root/overlay" 2>/dev/null || true
        rm -rf "$1/podman" 2>/dev/null || podman unshare rm -rf "$1/podman" || true
    fi
    chmod -R u+rwX "$1" 2>/dev/null || true
    rm -rf "$1"
}

# The driver belongs to the machine and comes from it.
add_driver() {
    local name path
    while read -r name path; do
        mounts+=("$path:/usr/lib/pdbuild-driver/$name:ro")
    done < <(ldconfig -p 2>/dev/null |
        sed -nE 's/^\s*(lib(cuda|nvidia)[a-z0-9-]*\.so\.[0-9.]+) \(libc6,(x86-64|AArch64).*=> /\1 /p' |
        sort -u -k1,1)
    printf '%s\n' "${mounts[@]}" >"$here/mounts"
    [ -e /dev/nvidiactl ] || echo "pdbuild: $SLURMD_NODENAME has no NVIDIA driver" >&2
}

# ---- what can run it

choose() {
    why=
    if [ "$runtime" != auto ]; then
        why=" (as told)"
        "has_$runtime" || fail 1 "$SLURMD_NODENAME: runtime $runtime: $problem"
        return
    fi
    local name problems=
    for name in "${runtimes[@]}"; do
        if "has_$name"; then
            runtime=$name
            why=${problems:+ ($problems)}
            return
        fi
        problems+="${problems:+; }$name: $problem"
    done
    fail 1 "$SLURMD_NODENAME: nothing can run the image: $problems"
}

# Whether the tree has what all mounts are mounted on, for those that add nothing to it.
has_places() {
    local mount target
    for mount in "${mounts[@]}"; do
        target=${mount#*:}
        problem="the image has no ${target%:ro}, and nothing can be added to it"
        [ -e "$here/root/${target%:ro}" ] || return
    done
}

# A program that is not there: all before its start has worked when that is said.
# shellcheck disable=SC2034 # runtimes have it
probe=/.pdbuild-probe

# The environment inside, NAME=VALUE: the image's, what Slurm says of the rank, and what was set.
inner_environment() {
    local name
    inner=("HOME=/tmp" "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        "${image_environment[@]}")
    for name in $(compgen -e); do
        case $name in
        SLURM_* | PMI* | CUDA_* | NVIDIA_* | ROCR_* | OMP_* | RANK | WORLD_SIZE | LOCAL_RANK | \
            LOCAL_WORLD_SIZE | NODE_RANK | MASTER_ADDR | MASTER_PORT | PEERS)
            inner+=("$name=${!name}") ;;
        esac
    done
    if [ "$gpus" != 0 ]; then
        inner+=("LD_LIBRARY_PATH=/usr/lib/pdbuild-driver")
        [ ! -e "$here/mounts" ] || mapfile -t mounts <"$here/mounts"
    fi
    inner+=("${environment[@]}")
}
