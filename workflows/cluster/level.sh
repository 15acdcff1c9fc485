# Sourced by the scripts of the schedulers: runs one level of bidsml and passes on what the scheduler signals.

SETTINGS=$1
source "$SETTINGS"
FOLDER=$(cd "$(dirname "$SETTINGS")" && pwd)
cd "$RUN_DIR" || exit 66
INTERRUPTED=75
NO_INPUT=18

# run_bidsml LEVEL OPTION...: exit code of bidsml. SIGTERM goes on to it, and its own end is waited for.
run_bidsml() {
    local level=$1 child code
    shift
    "${BIDSML[@]}" "$BIDS_DIR" "$OUTPUT_DIR" "$level" "${OPTIONS[@]}" "$@" &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null' TERM USR1 USR2
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
    return "$code"
}

# run_participant NUMBER OPTION...: the participant on that line of participants.txt, with a work folder of its own.
# One without input is recorded as such, and is no failure of the job.
run_participant() {
    local label code
    label=$(sed -n "$1p" "$FOLDER/participants.txt")
    shift
    if [ -z "$label" ]; then
        echo "participants.txt has no such line" >&2
        return 64
    fi
    run_bidsml participant --participant-label "$label" -w "$WORK_DIR/sub-$label" "$@"
    code=$?
    [ "$code" -eq "$NO_INPUT" ] && return 0
    return "$code"
}

run_shard() {
    local number=$1
    shift
    run_bidsml group -w "$WORK_DIR/group" --shards "$SHARDS" --shard "$number" "$@"
}

run_group() {
    local shards=()
    [ "${SHARDS:-1}" -gt 1 ] && shards=(--shards "$SHARDS")
    run_bidsml group -w "$WORK_DIR/group" "${shards[@]}" "$@"
}

# gigabytes MEBIBYTES: nine tenths of them in GB, for --mem-gb.
gigabytes() {
    awk -v mib="$1" 'BEGIN { printf "%.2f", mib * 1.048576 / 1000 * 0.9 }'
}
