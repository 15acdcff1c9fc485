#!/bin/bash
#SBATCH --job-name=bidsml-participant
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
source "$(dirname "$1")/level.sh" "$1"
source "$FOLDER/job.sh"
run_participant "$SLURM_ARRAY_TASK_ID" "${RESOURCES[@]}"
leave $?
