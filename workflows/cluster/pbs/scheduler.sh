# How submit.sh hands a job to PBS Professional or OpenPBS, which give a script no arguments. An interrupted task is not
# put back by itself: `bidsml cluster pbs … --missing` writes the scripts for what is left.

submit() {
    local name=$1 tasks=$2 after=$3 words
    words=(-N "bidsml-${name:0:5}" -l "select=1:ncpus=$4:mem=$5mb" -l "walltime=$6" -o "$FOLDER/logs/")
    # PBS takes no array of one task.
    [ "$tasks" -gt 1 ] && words+=(-J "1-$tasks")
    [ -n "$after" ] && words+=(-W "depend=afterany:$after")
    qsub "${words[@]}" -v "FOLDER=$FOLDER" "${SCHEDULER_OPTIONS[@]}" "$FOLDER/$name.sh"
}
