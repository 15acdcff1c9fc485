"""The step that fits the first-level model of a task."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import pandas as pd

from bidsml.atlases import load_atlas
from bidsml.bids.names import common_entities
from bidsml.bids.preprocessed import Folder
from bidsml.bids.store import read_record, sha256_file, write_record, write_table
from bidsml.bids.textfiles import read_json
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.preproc.events import read_events
from bidsml.preproc.regions import average_regions
from bidsml.preproc.task import ContrastMaps, TaskRun, fit_contrasts, nuisance_regressors, single_trial_betas
from bidsml.preproc.volumes import open_series
from bidsml.records import Atlas, FloatArray, Preprocessing, Scan, ScanData
from bidsml.spec import DenoiseSpec, TaskSpec

_STATISTICS = {"effect": "Effect, in percent signal change,", "z": "z value"}


def fit_task(scans: list[Path], task: str, denoise: str, atlas: str, *, out_dir: Path) -> Path:
    """Estimate the contrasts of one participant's task runs, in each voxel and each region.

    Writes ``contrast-<name>_stat-effect_statmap.nii.gz`` and ``…stat-z…`` per contrast, and where single trials are
    asked for ``betas.tsv``: run, onset, duration, trial type, and the response of each region in percent.

    Parameters
    ----------
    scans
        Records of the :class:`~bidsml.records.Scan` of preprocessed BOLD, one per run of one participant.
    task, denoise
        ``TaskSpec`` and ``DenoiseSpec`` as JSON.
    atlas
        Atlas name or place.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`, with ``contrasts`` and ``contrasts_z``. Its scan is the first
        run, under the entities that all runs share.

    Raises
    ------
    AnalysisFileError
        No contrast is named, or one names no trial type.
    DataError
        Events, confounds, images and atlas do not fit each other.
    MissingInputError
        A run has no events.
    """
    spec = TaskSpec.model_validate_json(task)
    sources = [read_record(Scan, path) for path in scans]
    if not spec.contrasts:
        raise AnalysisFileError(
            "the analysis has a task feature, but names no contrast",
            hint='add for example [task.contrasts] with face-house = "face - house"',
        )
    runs = [_read_run(source, DenoiseSpec.model_validate_json(denoise)) for source in sources]
    maps = fit_contrasts(runs, spec)
    for name, found in maps.items():
        for statistic, image in (("effect", found.effect), ("z", found.z)):
            nib.save(image, out_dir / f"contrast-{name}_stat-{statistic}_statmap.nii.gz")
    regions = load_atlas(atlas)
    if spec.single_trial != "none":
        write_table(out_dir / "betas.tsv", _betas(runs, sources, regions, spec))
    effects, z_values, missing = _average(maps, regions, mask=runs[0].mask, out_dir=out_dir)
    data = ScanData(
        # Maps over several runs are no one run's.
        scan=replace(sources[0], entities=common_entities(sources)),
        regions=regions.names,
        missing=missing,
        contrasts=effects,
        contrasts_z=z_values,
        tr_s=runs[0].tr_s,
        atlas=regions.name,
    )
    return write_record(out_dir / "scan_data.npz", data)


def publish_task(scan_data: Path, bids_dir: str, output: str, *, out_dir: Path) -> Path:
    """Write the statistical maps of contrasts, and the responses to single trials, into the output folder.

    Parameters
    ----------
    scan_data
        From :func:`fit_task`; the maps lie beside it.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Preprocessing`, which has files only.
    """
    data = read_record(ScanData, scan_data)
    out = Path(output)
    entities = {key: value for key, value in data.scan.entities.items() if key != "desc"}
    folder = Folder(
        out, participant_id=data.scan.participant_id, entities=entities, datatype="func", bids_dir=Path(bids_dir)
    )
    for name in data.contrasts:
        label = "".join(character for character in name if character.isalnum())
        for statistic, meaning in _STATISTICS.items():
            image = scan_data.parent / f"contrast-{name}_stat-{statistic}_statmap.nii.gz"
            about = f"{meaning} of the contrast {name}"
            folder.image(image, "statmap", about, sources=[data.scan.path], contrast=label, stat=statistic)
    betas = scan_data.parent / "betas.tsv"
    if betas.exists():
        folder.copy(betas, "events", ".tsv", desc="singletrial", atlas=data.atlas)
    files = {path.relative_to(out).as_posix(): sha256_file(path) for path in sorted(folder.written)}
    return write_record(out_dir / "published.npz", Preprocessing(files=files))


def _read_run(scan: Scan, denoise: DenoiseSpec) -> TaskRun:
    if scan.events is None:
        raise MissingInputError(
            f"{scan.label}: there is no events.tsv for {scan.path.name}",
            hint="a task needs events.tsv in the BIDS dataset; choose the scans of a task with input.task",
        )
    series = open_series(scan.path)
    tr_s = scan.tr_s or series.tr_s
    if not tr_s:
        raise DataError(f"{scan.path}: the repetition time is not known", hint="set input.tr_s")
    return TaskRun(
        bold=scan.path,
        mask=scan.mask,
        events=read_events(scan.events, scan_s=series.n_volumes * tr_s),
        nuisance=nuisance_regressors(scan, denoise, n_volumes=series.n_volumes),
        tr_s=tr_s,
        slice_time_ref=_slice_time_ref(scan, tr_s),
    )


def _slice_time_ref(scan: Scan, tr_s: float) -> float:
    """When volumes were taken, as a share of the repetition time: ``StartTime`` of a slice-time corrected image."""
    metadata: dict[str, object] = {}
    for path in scan.sidecars:
        metadata |= read_json(path)
    start_s = metadata.get("StartTime")
    known = isinstance(start_s, (int, float)) and 0 <= start_s <= tr_s
    return float(start_s) / tr_s if known and isinstance(start_s, (int, float)) else 0.0


def _average(
    maps: Mapping[str, ContrastMaps], atlas: Atlas, *, mask: Path | None, out_dir: Path
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], Mapping[str, str]]:
    """Region means of effects and z values, by contrast; and why a region is missing."""
    stack = nib.concat_images([image for found in maps.values() for image in (found.effect, found.z)])
    path = out_dir / "statmaps.nii.gz"
    nib.save(stack, path)
    found = average_regions(path, atlas, mask=mask)
    rows = dict(zip(maps, found.signals.reshape(len(maps), 2, -1), strict=True))
    return {name: row[0] for name, row in rows.items()}, {name: row[1] for name, row in rows.items()}, found.missing


def _betas(runs: list[TaskRun], sources: list[Scan], atlas: Atlas, spec: TaskSpec) -> pd.DataFrame:
    """Response to each trial of all runs, one row each, percent of the region's mean."""
    tables = []
    for run, source in zip(runs, sources, strict=True):
        signals = average_regions(run.bold, atlas, mask=run.mask).signals
        percent = 100 * (signals / signals.mean(axis=0) - 1)
        responses = pd.DataFrame(single_trial_betas(percent, run, spec), columns=list(atlas.names))
        trials = run.events[["onset", "duration", "trial_type"]]
        trials.insert(0, "run", source.entities.get("run", "n/a"))
        tables.append(pd.concat([trials, responses], axis=1))
    return pd.concat(tables, ignore_index=True)
