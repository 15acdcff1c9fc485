#!/bin/bash
# Submit everything to Grid Engine. The parallel environment (smp here) has another name at some sites: PARALLEL=name.
set -e
FOLDER=$(cd "$(dirname "$0")" && pwd)
source "$FOLDER/settings.sh"
mkdir -p "$FOLDER/logs"
PARALLEL=${PARALLEL:-smp}

# submit CPUS MEMORY_MB TIME OPTION... SCRIPT: number of the job.
submit() {
    local cpus=$1 memory=$2 time=$3
    shift 3
    # Grid Engine counts memory by the slot.
    qsub -terse -pe "$PARALLEL" "$cpus" -l "h_rt=$time,h_vmem=$((memory / cpus))M" -j y -o "$FOLDER/logs" \
        "${SCHEDULER_OPTIONS[@]}" "$@" "$FOLDER/settings.sh" | cut -d . -f 1
}

after=()
participants=$(grep -c . "$FOLDER/participants.txt" || true)
if [ "$participants" -gt 0 ]; then
    array=$(submit "$PARTICIPANT_CPUS" "$PARTICIPANT_MEMORY_MB" "$PARTICIPANT_TIME" \
        -N bidsml-participant -t "1-$participants" -tc "$MAX_RUNNING" "$FOLDER/participant.sh")
    echo "participants: job $array, $participants tasks"
    after=(-hold_jid "$array")
fi
if [ "$SHARDS" -gt 1 ]; then
    shards=$(submit "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME" "${after[@]}" \
        -N bidsml-shard -t "1-$SHARDS" "$FOLDER/shard.sh")
    echo "permutations: job $shards, $SHARDS tasks"
    after=(-hold_jid "$shards")
fi
group=$(submit "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME" "${after[@]}" -N bidsml-group "$FOLDER/group.sh")
echo "group: job $group"
