#!/bin/bash
#SBATCH --job-name=bidsml-group
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
source "$(dirname "$1")/level.sh" "$1"
source "$FOLDER/job.sh"
run_group "${RESOURCES[@]}"
leave $?
