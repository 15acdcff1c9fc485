"""Repeat the runs that an output folder records: find their inputs, say what is not as it was, run them again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

import bidsml
from bidsml.app.agreement import folders_of
from bidsml.app.provenance import effective_toml, file_digest, package_versions, plugin_versions
from bidsml.app.recorded import MODEL, RecordedRun, recorded_links, split_uri
from bidsml.app.run import run as run_level
from bidsml.app.selection import select_inputs
from bidsml.app.status import of_analysis, read_statuses, write_status
from bidsml.bids.derivative import RAW
from bidsml.bids.modelfiles import read_model
from bidsml.bids.participants import read_participants
from bidsml.bids.store import write_text
from bidsml.errors import BidsmlError, DiskError, InterruptedRunError, MissingInputError
from bidsml.features import reads_images
from bidsml.spec import RunOptions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Changes:
    """What is not as it was recorded: inputs as BIDS URIs, ``new`` also participants; the others as ``was → is``."""

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    versions: Mapping[str, str] | None = None
    image: str = ""

    @property
    def none(self) -> bool:
        """Whether everything is as it was."""
        return not (self.changed or self.missing or self.new or self.versions or self.image)


@dataclass(frozen=True)
class Repetition:
    """One run, ready to be repeated: what was recorded, and with which options."""

    recorded: RecordedRun
    options: RunOptions


def plan_repetition(
    runs: Sequence[RecordedRun], out: Path, *, base: RunOptions, given: Mapping[str, Path]
) -> tuple[Repetition, ...]:
    """Give every recorded run its inputs and its participants.

    Parameters
    ----------
    base
        Output, work folder and resources; ``apply`` is where the frozen model lies now.
    given
        Where datasets lie now, by name. One that is not among them is looked for where the output's own
        ``DatasetLinks`` and ``run.json`` say.

    Raises
    ------
    MissingInputError
        A dataset is nowhere.
    """
    places = _find_places(runs, out, given)
    known: dict[str, set[str]] = {}
    for run in runs:
        if run.level == "participant":
            known.setdefault(run.spec.name, set()).update(run.participants)
    plans = []
    for run in runs:
        options = replace(
            base,
            level=run.level,
            bids_dir=places[RAW],
            derivatives={name: places[name] for name in run.choice.derivatives},
            session_labels=run.choice.sessions,
            task_ids=run.choice.tasks,
            filters=run.choice.filters,
            skip_bids_validation=run.choice.skip_bids_validation,
            random_seed=run.seed,
            apply=(base.apply or run.model) if run.model else None,
            allow_partial=run.allow_partial,
            participant_labels=run.participants,
            omp_nthreads=run.n_threads,
        )
        if run.level == "participant":
            alone = known[run.spec.name] == set(run.participants)
            options = replace(options, participant_labels=_labels(run, out, options, alone=alone))
        plans.append(Repetition(run, options))
    return tuple(plans)


def _find_places(runs: Sequence[RecordedRun], out: Path, given: Mapping[str, Path]) -> dict[str, Path]:
    """Folder of every dataset that the runs read: as given, else as the output's links say, else as run.json says."""
    links = dict(recorded_links(out))
    needed = dict.fromkeys([RAW, *(name for run in runs for name in run.choice.derivatives)])
    found: dict[str, Path] = {}
    for name in needed:
        raw, link = links.get(RAW), links.get(name)
        candidates = [given[name]] if name in given else []
        if not candidates and RAW in given and raw and link and link.is_relative_to(raw):
            # Derivatives that lay inside their dataset are looked for inside the one that was given.
            candidates.append(given[RAW] / link.relative_to(raw))
        if not candidates:
            candidates += [link] if link else []
            candidates += [run.places[name] for run in runs if name in run.places]
        place = next((one for one in candidates if one.is_dir()), None)
        if place is None:
            tried = ", ".join(str(one) for one in dict.fromkeys(candidates)) or "no place is recorded"
            option = "--bids-dir DIR" if name == RAW else f"-d {name}=DIR"
            raise MissingInputError(f"the dataset {name!r} is not there: {tried}", hint=f"say where it is: {option}")
        found[name] = place
    return found


def _labels(run: RecordedRun, out: Path, options: RunOptions, *, alone: bool) -> tuple[str, ...]:
    """Participants to ask for by name; nobody where the dataset holds no others, so that all are taken as they were."""
    statuses = of_analysis(read_statuses(out), run.spec.name)
    failed = {label for label, one in statuses.items() if one.state in ("failed", "selected")}
    present = _present(run, options)
    if alone and present <= {*run.participants, *statuses}:
        return ()
    wanted = {*run.participants, *(failed if alone else ())} & present
    return tuple(sorted(wanted)) or run.participants


def _present(run: RecordedRun, options: RunOptions) -> set[str]:
    if not any(reads_images(feature) for feature in run.spec.features):
        return set(read_participants(options.bids_dir)["participant_id"])
    return set(folders_of(options))


def find_changes(plans: Sequence[Repetition]) -> Changes:
    """Compare inputs and versions with what was recorded; the inputs are read for it, the runs not begun."""
    changed: set[str] = set()
    missing: set[str] = set()
    new: set[str] = set()
    versions: dict[str, str] = {}
    for plan in plans:
        for uri, digest in plan.recorded.files.items():
            path = _locate(uri, plan.options)
            if path is None or not path.is_file():
                missing.add(uri)
            elif file_digest(path) != digest:
                changed.add(uri)
        new |= _new_inputs(plan)
        if plan.options.apply is not None and _model_differs(plan, plan.options.apply):
            changed.add(f"the model {plan.options.apply}")
        versions |= _other_versions(plan.recorded)
    return Changes(tuple(sorted(changed)), tuple(sorted(missing)), tuple(sorted(new)), versions)


def _locate(uri: str, options: RunOptions) -> Path | None:
    name, relative = split_uri(uri)
    root = options.bids_dir if name == RAW else options.derivatives.get(name)
    return None if root is None else root / relative


def _new_inputs(plan: Repetition) -> set[str]:
    """Files that would be read now and were not, and participants that the dataset has beside those recorded."""
    run, options = plan.recorded, plan.options
    if run.level != "participant":
        return set()
    try:
        selection = select_inputs(run.spec, options, logger.info)
    except BidsmlError as error:
        # The run itself will say so, as the user's own problem; what is missing has been found already.
        logger.info("the inputs of %s cannot be selected: %s", run.title, error)
        return set()
    found = {uri for one in selection.plans for uri in one.provenance.inputs if uri.startswith("bids:")}
    people = {f"participant {label}" for label in _present(run, options) - {*run.participants, *selection.without}}
    people -= {f"participant {label}" for label in options.participant_labels}
    return (found - set(run.files)) | people


def _model_differs(plan: Repetition, model: Path) -> bool:
    return read_model(model)[1] != plan.recorded.inputs.get(MODEL)


def _other_versions(run: RecordedRun) -> dict[str, str]:
    now = {"bidsml": bidsml.__version__, **package_versions(), **plugin_versions(run.spec)}
    then = {"bidsml": run.version, **run.packages}
    return {
        name: f"{then.get(name, 'not used')} → {now.get(name, 'not used')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    }


def repeat_runs(plans: Sequence[Repetition], out: Path, *, console: Console) -> tuple[str, ...]:
    """Run everything again, one run after the other.

    Returns
    -------
    tuple of str
        Why a run could not be repeated to its end, one sentence each; empty when all were.

    Raises
    ------
    BidsmlError
        The disk is full, the run was interrupted, or not even the first run could begin.
    """
    problems: list[str] = []
    for number, plan in enumerate(plans):
        console.print(f"repeating: {plan.recorded.title}", markup=False)
        analysis = _write_analysis(plan, number)
        _carry_over(plan, out)
        try:
            status = run_level(str(analysis), [], plan.options, console=console)
        except (DiskError, InterruptedRunError):
            raise
        except BidsmlError as error:
            if not plan.options.output_dir.exists():
                raise
            problems.append(f"{plan.recorded.title}: {error}")
            continue
        if status.exit_code not in (0, 1):
            problems.append(f"{plan.recorded.title}: {status.last_line}")
    return tuple(problems)


def _write_analysis(plan: Repetition, number: int) -> Path:
    """Write the effective analysis where the run finds it, and beside it what was told of the study then."""
    folder = plan.options.work_dir / "recorded" / str(number)
    study = plan.recorded.folder / "study.toml" if plan.recorded.folder else None
    # An empty file, too: a study.toml that came into the dataset since then is not to be found.
    write_text(folder / "study.toml", study.read_text(encoding="utf-8") if study and study.is_file() else "")
    return write_text(folder / "analysis.toml", effective_toml(plan.recorded.spec))


def _carry_over(plan: Repetition, out: Path) -> None:
    """Who had no input then, and is not asked for now, has none in the new output either."""
    if plan.recorded.level != "participant" or not plan.options.participant_labels:
        return
    for one in of_analysis(read_statuses(out), plan.recorded.spec.name).values():
        if one.state == "no-input":
            write_status(plan.options.output_dir, one)
