#!/bin/bash
# Submit everything: an array over participants.txt, an array over the permutations where SHARDS is above 1, the group.
# The group runs whatever became of the others: it names those that are missing, and goes on without them only with
# --allow-partial among the OPTIONS. Prints the numbers of the jobs.
set -e
FOLDER=$(cd "$(dirname "$0")" && pwd)
source "$FOLDER/settings.sh"
source "$FOLDER/scheduler.sh"
mkdir -p "$FOLDER/logs"

# The scheduler's own: submit NAME TASKS AFTER CPUS MEMORY_MB TIME prints the number of a job that runs NAME.sh, once for
# each of 1 to TASKS where TASKS is not 0, when the job AFTER has ended where it is not empty.
previous=
participants=$(grep -c . "$FOLDER/participants.txt" || true)
if [ "$participants" -gt 0 ]; then
    previous=$(submit participant "$participants" "" "$PARTICIPANT_CPUS" "$PARTICIPANT_MEMORY_MB" "$PARTICIPANT_TIME")
    echo "participants: job $previous, $participants tasks"
fi
if [ "$SHARDS" -gt 1 ]; then
    previous=$(submit shard "$SHARDS" "$previous" "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME")
    echo "permutations: job $previous, $SHARDS tasks"
fi
previous=$(submit group 0 "$previous" "$GROUP_CPUS" "$GROUP_MEMORY_MB" "$GROUP_TIME")
echo "group: job $previous"
