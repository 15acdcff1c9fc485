"""From one raw BOLD run to a run in template space, its confounds and its quality."""
