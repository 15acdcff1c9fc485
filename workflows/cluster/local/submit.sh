#!/bin/bash
# Run everything on this machine, MAX_RUNNING participants at once, then the group. Exit code of the group.

FOLDER=$(cd "$(dirname "$0")" && pwd)
source "$FOLDER/level.sh" "$FOLDER/settings.sh"
mkdir -p "$FOLDER/logs"
export FOLDER

one_participant() {
    source "$FOLDER/level.sh" "$FOLDER/settings.sh"
    run_participant "$1" --nprocs "$PARTICIPANT_CPUS" --mem-gb "$(gigabytes "$PARTICIPANT_MEMORY_MB")" \
        >>"$FOLDER/logs/participant-$1.log" 2>&1 || echo "line $1 of participants.txt: exit code $?"
}
export -f one_participant
grep -n . "$FOLDER/participants.txt" | cut -d : -f 1 |
    xargs -r -P "$MAX_RUNNING" -I {} bash -c 'one_participant {}'
for shard in $(seq "$SHARDS"); do
    [ "$SHARDS" -eq 1 ] || run_shard "$shard" --nprocs "$GROUP_CPUS" >>"$FOLDER/logs/shard-$shard.log" 2>&1
done
run_group --nprocs "$GROUP_CPUS" --mem-gb "$(gigabytes "$GROUP_MEMORY_MB")"
