#!/bin/bash
#SBATCH --job-name=bidsml-shard
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
source "$(dirname "$1")/level.sh" "$1"
source "$FOLDER/job.sh"
run_shard "$SLURM_ARRAY_TASK_ID" "${RESOURCES[@]}"
leave $?
