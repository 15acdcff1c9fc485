#!/bin/bash
#PBS -j oe
#PBS -r y
source "$FOLDER/level.sh" "$FOLDER/settings.sh"
run_group --nprocs "$GROUP_CPUS" --mem-gb "$(gigabytes "$GROUP_MEMORY_MB")"
