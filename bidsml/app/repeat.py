"""The command that repeats what failed: as it is typed here, and as a page that is passed on may show it."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from bidsml.spec import AnalysisSpec, RunOptions

_FOLDERS = {1: "BIDS_DIR", 2: "OUTPUT_DIR"}
_PLACES = {"--work-dir": "WORK_DIR", "--apply": "MODEL_DIR", "--bids-filter-file": "FILTER_FILE"}


def repeat_command(spec: AnalysisSpec, options: RunOptions, *, participant_id: str = "") -> tuple[str, ...]:
    """Give the words of a command line that repeats a run, with its folders and without what only sizes the machine.

    Parameters
    ----------
    participant_id
        Repeat this participant only, without ``sub-``; empty at the group level.
    """
    words = ["bidsml", str(options.bids_dir), str(options.output_dir), options.level]
    words += ["--analysis", next(_values(options.command, "--analysis"), spec.name)]
    for flag in ("--set", "--bids-filter-file", "--study"):
        for value in _values(options.command, flag):
            words += [flag, value]
    for name, folder in sorted(options.derivatives.items()):
        words += ["--derivatives", f"{name}={folder}"]
    selections = {"--session-label": options.session_labels, "--task-id": options.task_ids}
    selections["--participant-label"] = (participant_id,) if participant_id else options.participant_labels
    for flag, values in selections.items():
        words += [flag, *values] if values else []
    words += ["--apply", str(options.apply)] if options.apply else []
    switches = {
        "--skip-bids-validation": options.skip_bids_validation,
        "--fetch-templates": options.fetch_templates,
        "--allow-partial": options.allow_partial,
    }
    words += [flag for flag, given in switches.items() if given]
    words += ["--random-seed", str(options.random_seed)] if options.random_seed else []
    return (*words, "--work-dir", str(options.work_dir))


def _values(command: Sequence[str], flag: str) -> Iterator[str]:
    """Give what the user wrote after an option, each time it stands in the command."""
    for number, word in enumerate(command):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") != flag:
            continue
        if equals:
            yield value
        elif number + 1 < len(command):
            yield command[number + 1]


def without_folders(command: Sequence[str]) -> tuple[str, ...]:
    """Replace the folders in a command of :func:`repeat_command` by what they stand for.

    >>> without_folders(["bidsml", "/a/b", "/c", "group", "--derivatives", "fmriprep=/d/e", "--work-dir", "/w"])
    ('bidsml', 'BIDS_DIR', 'OUTPUT_DIR', 'group', '--derivatives', 'fmriprep=FMRIPREP_DIR', '--work-dir', 'WORK_DIR')
    """
    words = list(command)
    for number, word in enumerate(words):
        before = words[number - 1] if number else ""
        name, equals, path = word.partition("=")
        if number in _FOLDERS:
            words[number] = _FOLDERS[number]
        elif before in _PLACES:
            words[number] = _PLACES[before]
        elif before == "--derivatives" and equals:
            words[number] = f"{name}={name.upper()}_DIR"
        elif PurePath(word).is_absolute():
            words[number] = f"FOLDER/{PurePath(word).name}"
        elif equals and PurePath(path.strip("\"'")).is_absolute():
            words[number] = f"{name}=FOLDER/{PurePath(path).name}"
    return tuple(words)
