#!/bin/bash
#PBS -j oe
#PBS -r y
source "$FOLDER/level.sh" "$FOLDER/settings.sh"
run_participant "${PBS_ARRAY_INDEX:-1}" --nprocs "$PARTICIPANT_CPUS" --mem-gb "$(gigabytes "$PARTICIPANT_MEMORY_MB")"
