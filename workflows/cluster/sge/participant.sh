#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -notify
source "$(dirname "$1")/level.sh" "$1"
run_participant "$SGE_TASK_ID" --nprocs "${NSLOTS:-1}" --mem-gb "$(gigabytes "$PARTICIPANT_MEMORY_MB")"
code=$?
# Grid Engine puts a job that ends with 99 back into the queue.
[ "$code" -eq "$INTERRUPTED" ] && exit 99
exit "$code"
