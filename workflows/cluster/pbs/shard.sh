#!/bin/bash
#PBS -j oe
#PBS -r y
source "$FOLDER/level.sh" "$FOLDER/settings.sh"
run_shard "${PBS_ARRAY_INDEX:-1}" --nprocs "$GROUP_CPUS" --mem-gb "$(gigabytes "$GROUP_MEMORY_MB")"
