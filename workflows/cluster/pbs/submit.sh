#!/bin/bash
# Submit everything to PBS Professional or OpenPBS. An interrupted task is not put back by itself: run this again for
# `bidsml cluster pbs … --missing`.
set -e
FOLDER=$(cd "$(dirname "$0")" && pwd)
source "$FOLDER/settings.sh"
mkdir -p "$FOLDER/logs"

# submit CPUS MEMORY_MB TIME OPTION... SCRIPT: number of the job. PBS gives a script no arguments.
submit() {
    local cpus=$1 memory=$2 time=$3
    shift 3
    qsub -l "select=1:ncpus=$cpus:mem=${memory}mb" -l "walltime=$time" -o "$FOLDER/logs/" -v "FOLDER=$FOLDER" \
        "${SCHEDULER_OPTIONS[@]}" "$@"
}

after=()
participants=$(grep -c . "$FOLDER/participants.txt" || true)
if [ "$participants" -gt 0 ]; then
    tasks=()
    # PBS takes no array of one task.
    [ "$participants" -gt 1 ] && tasks=(-J "1-$participants%$MAX_RUNNING")
    array=$(submit "$PARTICIPANT_CPUS" "$PARTICIPANT_MEMORY_MB" "$PARTICIPANT_TIME" \
        -N bidsml-part "${tasks[@]}" "$FOLDER/participant.sh")
    echo "participants: job $array, $participants tasks"
    after=(-W "depend=afterany:$array")
fi
if [ "$SHARDS" -gt 1 ]; then
    shards=$(submit "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME" "${after[@]}" \
        -N bidsml-shard -J "1-$SHARDS" "$FOLDER/shard.sh")
    echo "permutations: job $shards, $SHARDS tasks"
    after=(-W "depend=afterany:$shards")
fi
group=$(submit "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME" "${after[@]}" -N bidsml-group "$FOLDER/group.sh")
echo "group: job $group"
