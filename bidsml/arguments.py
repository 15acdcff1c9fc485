"""The options of the command line: the parser, and ``RunOptions`` from what it read."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bidsml import __version__
from bidsml.errors import UsageError, near_names

if TYPE_CHECKING:
    from bidsml.spec import RunOptions

LEVELS = ("participant", "group")
EPILOG = """\
helper commands (bidsml COMMAND --help):
  demo OUT              simulate a cohort with a planted effect, run both levels on it
  status OUT            where every participant stands: done, failed (why), missing
  rerun OUT NEW_OUT     repeat what OUT records into NEW_OUT, then compare the two
  compare OUT_A OUT_B   file by file: identical, within tolerance, different
  cluster SCHEDULER …   write the scripts that run a dataset on a cluster
  doctor                versions, atlases and templates at hand, memory, cores
  check-plugin NAME     check a feature kind, estimator or section that another package adds
  schema                JSON Schema of analysis.toml and study.toml; a study.toml to fill in

exit codes: 0 ok, 1 some participants failed, 16 not valid BIDS, 17 unknown level, 18 nothing selected, 64 usage,
65 bad data, 66 input missing, 69 an extension is broken, 70 a bug, 73 output cannot be created, 74 disk,
75 interrupted, 78 bad analysis file
"""


class CommandParser(argparse.ArgumentParser):
    """Usage errors become :class:`UsageError` with near names, never exit code 2; no option is abbreviated."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise in place of exiting."""
        unknown = message.removeprefix("unrecognized arguments: ").split()
        options = [option for action in self._actions for option in action.option_strings]
        hint = f"see {self.prog} --help"
        if message.startswith("unrecognized") and unknown[0].startswith("-"):
            hint = near_names(unknown[0].partition("=")[0], options)
        raise UsageError(f"{self.prog}: {message}", hint=hint)


class _PrintDescriptor(argparse.Action):
    """Print the parser as a Boutiques descriptor, and leave."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Do so; the parser is the one being used, so that the two can't differ."""
        from bidsml.descriptor import describe_command

        sys.stdout.write(json.dumps(describe_command(parser, levels=LEVELS, numbers=NUMBERS), indent=2) + "\n")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Build the BIDS-App parser; the reference page of the documentation is made from it."""
    parser = CommandParser(
        prog="bidsml",
        description="Honest brain biomarkers from BIDS data: features, cross-validation, permutation tests, reports.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=Path, help="the dataset: participants.tsv, sub-*/")
    parser.add_argument("output_dir", metavar="OUTPUT_DIR", type=Path, help="where the derivatives and reports go")
    parser.add_argument(
        "level", metavar="{participant,group}", help="measure one participant at a time, or learn and test"
    )
    parser.add_argument("--version", action="version", version=f"bidsml {__version__}")
    parser.add_argument(
        "--bids-exec-spec", action=_PrintDescriptor, nargs=0, help="print the Boutiques descriptor (JSON) and exit"
    )
    _add_selection(parser)
    _add_analysis(parser)
    _add_resources(parser)
    _add_run_control(parser)
    return parser


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("selection")
    group.add_argument(
        "--participant-label",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="only these people, with or without sub-; default: everyone",
    )
    group.add_argument(
        "--session-label", nargs="+", default=[], metavar="LABEL", help="only these sessions, with or without ses-"
    )
    group.add_argument(
        "--task-id", "-t", nargs="+", default=[], metavar="TASK", help="only these tasks, with or without task-"
    )
    group.add_argument(
        "--bids-filter-file",
        type=Path,
        metavar="FILE",
        help="JSON of BIDS entities for each kind of file (bold, t1w, …), as of fMRIPrep",
    )
    group.add_argument(
        "-d", "--derivatives", nargs="+", action="extend", default=[], metavar="NAME=PATH",
        help="derivatives to read from, e.g. fmriprep=/data/derivatives/fmriprep",
    )  # fmt: skip
    group.add_argument("--bids-database-dir", type=Path, metavar="DIR", help="keep the dataset index here for reuse")
    group.add_argument("--skip-bids-validation", action="store_true", help="don't check dataset_description.json")


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("analysis")
    group.add_argument(
        "--analysis", default="rest-connectome", metavar="NAME|FILE",
        help="a ready-made analysis or an analysis.toml; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="KEY.PATH=VALUE",
        help="override one entry of the analysis; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--study", type=Path, metavar="FILE",
        help="group: what software can't know, for the report; default: study.toml beside the analysis file, else "
        "BIDS_DIR/code/study.toml",
    )  # fmt: skip
    group.add_argument(
        "--random-seed", type=int, default=0, metavar="N", help="of folds, draws and models; default: %(default)s"
    )
    group.add_argument(
        "--apply", type=Path, metavar="MODEL_DIR",
        help="group: judge a frozen biomarker (group/NAME/model of another dataset's output) here, without refitting",
    )  # fmt: skip


def _add_resources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("resources")
    group.add_argument(
        "--nprocs",
        "--nthreads",
        "--n-cpus",
        type=positive_int,
        metavar="N",
        help="processes at once; default: all cores",
    )
    group.add_argument(
        "--omp-nthreads", type=positive_int, default=1, metavar="N", help="threads of one node; default: 1"
    )
    group.add_argument(
        "--mem-gb",
        "--mem",
        type=positive_float,
        metavar="GB",
        help="memory to plan with; default: nine tenths of what is free",
    )
    group.add_argument(
        "--use-plugin", type=Path, metavar="FILE", help="Nipype plugin (YAML) that takes the steps, such as SLURM"
    )
    group.add_argument(
        "--shards", type=positive_int, default=1, metavar="N",
        help="group: divide the permutations into N jobs, which share the work folder; the result is the same",
    )  # fmt: skip
    group.add_argument(
        "--shard", type=positive_int, metavar="I",
        help="group: only draw part I of --shards N; the same command without --shard then makes the result",
    )  # fmt: skip


def _add_run_control(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run control")
    group.add_argument(
        "-w", "--work-dir", type=Path, default=Path("work"), metavar="DIR",
        help="scratch of intermediate results, from which a stopped run goes on; default: ./work",
    )  # fmt: skip
    group.add_argument("--dry-run", action="store_true", help="print inputs, nodes, outputs and GB, compute nothing")
    group.add_argument("--boilerplate-only", action="store_true", help="write the methods text, compute nothing")
    group.add_argument("--reports-only", action="store_true", help="make the pages again from what OUTPUT_DIR holds")
    group.add_argument("--stop-on-first-crash", action="store_true", help="don't go on with other participants")
    group.add_argument(
        "--fetch-templates", action="store_true",
        help="download the template of preprocess.space through TemplateFlow; nothing is downloaded without this",
    )  # fmt: skip
    group.add_argument("--write-graph", action="store_true", help="draw the graph into OUTPUT_DIR/logs")
    group.add_argument(
        "--allow-partial", action="store_true", help="group: go on without missing or failed participants"
    )
    group.add_argument("--clean-workdir", action="store_true", help="remove the work folder after success")
    group.add_argument("-v", "--verbose", action="count", default=0, help="more messages; may be repeated")
    group.add_argument("--notrack", action="store_true", help="accepted; nothing is ever tracked")


def positive_int(text: str) -> int:
    """Read a whole number above 0, as the type of an option."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def positive_float(text: str) -> float:
    """Read a number above 0, as the type of an option."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


# What the Boutiques descriptor says of options that are numbers.
NUMBERS: dict[Callable[[str], Any], dict[str, Any]] = {
    int: {"integer": True},
    float: {},
    positive_int: {"integer": True, "minimum": 1},
    positive_float: {"minimum": 0, "exclusive-minimum": True},
}


def parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace | None:
    """Parse a command line; ``None`` when it only asked for ``--help`` or ``--version``."""
    try:
        return parser.parse_args(_hyphens(words))
    except SystemExit:
        return None


def _hyphens(words: list[str]) -> list[str]:
    """Spell options with hyphens: ``--participant_label`` is ``--participant-label``."""
    spelled = []
    for word in words:
        name, equals, value = word.partition("=")
        spelled.append(name.replace("_", "-") + equals + value if name.startswith("--") else word)
    return spelled


def make_options(arguments: argparse.Namespace, *, command: tuple[str, ...]) -> "RunOptions":
    """Turn parsed arguments into checked options.

    Raises
    ------
    UsageError, MissingInputError, DataError
        An option's value makes no sense, or its file is not there or is not JSON.
    """
    from bidsml.spec import RunOptions

    if arguments.apply and arguments.level != "group":
        raise UsageError("--apply is for the group level", hint="run the participant level without it first")
    if arguments.shard and (arguments.level != "group" or arguments.apply or arguments.shard > arguments.shards):
        raise UsageError(
            f"--shard {arguments.shard} is one of the parts of `group --shards N`, and N is {arguments.shards}",
            hint="give --shards N with N at least as large, at the group level and without --apply",
        )
    nprocs = arguments.nprocs or len(os.sched_getaffinity(0))
    return RunOptions(
        bids_dir=arguments.bids_dir.absolute(),
        output_dir=arguments.output_dir.absolute(),
        level=arguments.level,
        work_dir=arguments.work_dir.absolute(),
        participant_labels=_strip("sub-", arguments.participant_label),
        session_labels=_strip("ses-", arguments.session_label),
        task_ids=_strip("task-", arguments.task_id),
        filters=_read_filters(arguments.bids_filter_file),
        derivatives=named_paths(arguments.derivatives),
        bids_database_dir=arguments.bids_database_dir and arguments.bids_database_dir.absolute(),
        skip_bids_validation=arguments.skip_bids_validation,
        random_seed=arguments.random_seed,
        study=arguments.study and arguments.study.absolute(),
        apply=arguments.apply and arguments.apply.absolute(),
        shards=arguments.shards,
        shard=arguments.shard,
        nprocs=nprocs,
        omp_nthreads=arguments.omp_nthreads,
        mem_gb=arguments.mem_gb or 0.9 * available_gb(),
        plugin_file=arguments.use_plugin,
        dry_run=arguments.dry_run,
        reports_only=arguments.reports_only,
        boilerplate_only=arguments.boilerplate_only,
        stop_on_first_crash=arguments.stop_on_first_crash,
        fetch_templates=arguments.fetch_templates,
        write_graph=arguments.write_graph,
        allow_partial=arguments.allow_partial,
        clean_workdir=arguments.clean_workdir,
        verbosity=arguments.verbose,
        command=command,
    )


def available_gb() -> float:
    """Memory that may still be taken, in GB (1e9 bytes), within the limit of a container or cluster job."""
    from bidsml.machine import free_memory_gb

    return free_memory_gb()


def _strip(prefix: str, labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label.removeprefix(prefix) for label in labels))


def named_paths(entries: Sequence[str]) -> dict[str, Path]:
    """Read ``NAME=PATH`` entries of ``--derivatives``; a path alone is named by its last part."""
    paths: dict[str, Path] = {}
    for entry in entries:
        name, equals, path = entry.partition("=")
        if not equals:
            name, path = Path(entry).name, entry
        if not name.replace("-", "").replace("_", "").isalnum() or not path:
            raise UsageError(f"--derivatives {entry!r} is not NAME=PATH", hint="e.g. -d fmriprep=/data/fmriprep")
        if name in paths:
            raise UsageError(f"--derivatives names {name!r} twice", hint="give each folder its own name")
        paths[name] = Path(path).absolute()
    return paths


def _read_filters(path: Path | None) -> dict[str, dict[str, object]]:
    if path is None:
        return {}
    from bidsml.bids.textfiles import read_json_value

    content = read_json_value(path)
    if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
        raise UsageError(f"{path} must hold an object of objects", hint='e.g. {"bold": {"task": "rest"}}')
    return content
