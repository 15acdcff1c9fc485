# How submit.sh hands a job to Grid Engine. The parallel environment has another name at some sites: PARALLEL=name.

submit() {
    local name=$1 tasks=$2 after=$3 words
    # Grid Engine counts memory by the slot.
    words=(-N "bidsml-$name" -pe "${PARALLEL:-smp}" "$4" -l "h_rt=$6,h_vmem=$(($5 / $4))M" -j y -o "$FOLDER/logs")
    [ "$tasks" -gt 0 ] && words+=(-t "1-$tasks" -tc "$MAX_RUNNING")
    [ -n "$after" ] && words+=(-hold_jid "$after")
    qsub -terse "${words[@]}" "${SCHEDULER_OPTIONS[@]}" "$FOLDER/$name.sh" "$FOLDER/settings.sh" | cut -d . -f 1
}
