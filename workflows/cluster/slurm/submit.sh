#!/bin/bash
# Submit everything: an array over participants.txt, an array over the permutations where SHARDS is above 1, the group.
# The group runs whatever became of the participants: it names those that are missing, and goes on without them only
# with --allow-partial among the OPTIONS. Prints the numbers of the jobs.
set -e
FOLDER=$(cd "$(dirname "$0")" && pwd)
source "$FOLDER/settings.sh"
mkdir -p "$FOLDER/logs"

# submit CPUS MEMORY_MB TIME OPTION... SCRIPT: number of the job.
submit() {
    local cpus=$1 memory=$2 time=$3
    shift 3
    sbatch --parsable --cpus-per-task="$cpus" --mem="$memory" --time="$time" "${SCHEDULER_OPTIONS[@]}" \
        "$@" "$FOLDER/settings.sh" | cut -d ';' -f 1
}

after=()
participants=$(grep -c . "$FOLDER/participants.txt" || true)
if [ "$participants" -gt 0 ]; then
    array=$(submit "$PARTICIPANT_CPUS" "$PARTICIPANT_MEMORY_MB" "$PARTICIPANT_TIME" \
        --array="1-$participants%$MAX_RUNNING" --output="$FOLDER/logs/participant-%a.log" "$FOLDER/participant.sh")
    echo "participants: job $array, $participants tasks"
    after=(--dependency="afterany:$array")
fi
if [ "$SHARDS" -gt 1 ]; then
    shards=$(submit "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME" "${after[@]}" \
        --array="1-$SHARDS" --output="$FOLDER/logs/shard-%a.log" "$FOLDER/shard.sh")
    echo "permutations: job $shards, $SHARDS tasks"
    after=(--dependency="afterany:$shards")
fi
group=$(submit "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME" "${after[@]}" \
    --output="$FOLDER/logs/group.log" "$FOLDER/group.sh")
echo "group: job $group"
