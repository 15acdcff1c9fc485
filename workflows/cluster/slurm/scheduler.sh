# How submit.sh hands a job to SLURM.

submit() {
    local name=$1 tasks=$2 after=$3 words
    words=(--cpus-per-task="$4" --mem="$5" --time="$6" --output="$FOLDER/logs/$name.log")
    [ "$tasks" -gt 0 ] && words+=(--array="1-$tasks%$MAX_RUNNING" --output="$FOLDER/logs/$name-%a.log")
    [ -n "$after" ] && words+=(--dependency="afterany:$after")
    sbatch --parsable "${words[@]}" "${SCHEDULER_OPTIONS[@]}" "$FOLDER/$name.sh" "$FOLDER/settings.sh" | cut -d ';' -f 1
}
