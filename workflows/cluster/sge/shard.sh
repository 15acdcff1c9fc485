#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -notify
source "$(dirname "$1")/level.sh" "$1"
run_shard "$SGE_TASK_ID" --nprocs "${NSLOTS:-1}" --mem-gb "$(gigabytes "$GROUP_MEMORY_MB")"
code=$?
[ "$code" -eq "$INTERRUPTED" ] && exit 99
exit "$code"
