# What the scripts of this folder read. `bidsml cluster` writes one filled in; or copy this folder and edit it.
# Where relative paths among the OPTIONS start.
RUN_DIR=/path/to
BIDS_DIR=/path/to/dataset
OUTPUT_DIR=/path/to/derivatives/bidsml
# On a file system that every node sees; participants get a folder each below it.
WORK_DIR=/path/to/scratch/bidsml
# How bidsml is called. With an image: (apptainer run --cleanenv -B /path/to:/path/to bidsml.sif)
BIDSML=(bidsml)
# Options for both levels, a word each.
OPTIONS=(--analysis rest-connectome -d fmriprep=/path/to/derivatives/fmriprep)
# Into how many jobs the permutations are divided; 1: none of their own.
SHARDS=1
# How often a job that was interrupted is put back into the queue.
MAX_REQUEUES=5
# Resources, and options for the scheduler (partition, account), a word each.
PARTICIPANT_CPUS=2
PARTICIPANT_MEMORY_MB=8000
PARTICIPANT_TIME=08:00:00
GROUP_CPUS=8
GROUP_MEMORY_MB=16000
GROUP_TIME=24:00:00
MAX_RUNNING=100
SCHEDULER_OPTIONS=()
