# Sourced by the jobs for SLURM, after level.sh.
RESOURCES=(--nprocs "${SLURM_CPUS_PER_TASK:-1}")
[ -n "${SLURM_MEM_PER_NODE:-}" ] && RESOURCES+=(--mem-gb "$(gigabytes "$SLURM_MEM_PER_NODE")")

# leave CODE: end the job, or put it back into the queue where it was interrupted (time limit, preemption).
leave() {
    if [ "$1" -eq "$INTERRUPTED" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$MAX_REQUEUES" ]; then
        echo "interrupted; back into the queue"
        # SLURM ends this job as soon as it is in the queue again.
        scontrol requeue "$SLURM_JOB_ID" && sleep 60
    fi
    exit "$1"
}
