"""Pages, and the records that they can be made from again: what a report shows and no more."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bidsml.bids.manifest import Entry
from bidsml.bids.overviews import write_overview, write_summary
from bidsml.bids.store import read_record, write_record, write_text
from bidsml.errors import DataError
from bidsml.records import (
    AnatomyView,
    CVResult,
    ExternalResult,
    FeatureVector,
    FloatArray,
    Overview,
    ParticipantResult,
    PermutationNull,
    Result,
    Scan,
)
from bidsml.report import render_group, render_participant
from bidsml.report.external import render_external
from bidsml.report.page import Page
from bidsml.report.summary import summarise_external, summarise_group

GROUP_RECORD = "result.npz"
SUMMARY = "summary.json"

_STRETCHES = 48
_PICTURE_PX = 64
_Kind = TypeVar("_Kind", ParticipantResult, Result, ExternalResult)


def publish_participant_page(out: Path, result: ParticipantResult) -> list[Path]:
    """Write a participant's page and figures, the record to make them from again, and the overview.

    Returns
    -------
    list of Path
        What was written.
    """
    label, analysis = result.participant_id, result.analysis
    kept = _keep(participant_record(out, label, analysis), _slim_participant(result))
    overview = write_overview(overview_path(out, label, analysis), make_overview(result))
    page = write_participant_page(out, replace(kept, features=result.features))
    return [participant_record(out, label, analysis), overview, *page]


def restore_participant(out: Path, participant_id: str, entry: Entry, analysis: str) -> ParticipantResult:
    """Read what a participant's page shows from the published record and features.

    Raises
    ------
    FileNotFoundError
        There is no record.
    DataError
        It is damaged, or lacks features that the manifest does not name.
    """
    path = participant_record(out, participant_id, analysis)
    kept = read_record(ParticipantResult, path)
    blocks = [vector.block for vector in kept.features]
    absent = [block for block in blocks if block not in entry.features]
    if absent:
        raise DataError(
            f"the manifest of sub-{participant_id} names no features {', '.join(absent)}",
            hint="run the participant level again for this participant",
        )
    vectors = tuple(read_record(FeatureVector, out / entry.features[block]) for block in blocks)
    return replace(kept, features=vectors)


def write_participant_page(out: Path, result: ParticipantResult) -> list[Path]:
    """Render a participant's page and write it with its figures."""
    label = result.participant_id
    page = render_participant(result)
    figures = out / f"sub-{label}" / "figures"
    drawings = [write_text(figures / f"sub-{label}_desc-{name}.svg", svg) for name, svg in page.figures.items()]
    return [write_text(participant_page(out, label), page.html), *drawings]


def publish_group_page(out: Path, result: Result) -> list[Path]:
    """Write a group's page and figures, the record to make them from again, and the summary.

    Returns
    -------
    list of Path
        What was written.
    """
    folder = out / "group" / result.analysis
    kept = _keep(folder / GROUP_RECORD, _slim_result(result))
    return [folder / GROUP_RECORD, write_summary(folder / SUMMARY, summarise_group(kept)), *write_group_page(out, kept)]


def write_group_page(out: Path, result: Result) -> list[Path]:
    """Render a group's page and write it with its figures."""
    name = result.analysis
    return _write_page(out / f"group-{name}.html", render_group(result), out / "group" / name / "figures")


def publish_external_page(out: Path, result: ExternalResult) -> list[Path]:
    """Write the page of an applied biomarker, its record and its summary. Returns what was written."""
    folder = out / "group" / result.analysis / "external"
    kept = _keep(folder / GROUP_RECORD, _slim_external(result))
    summary = write_summary(folder / SUMMARY, summarise_external(kept))
    return [folder / GROUP_RECORD, summary, *write_external_page(out, kept)]


def write_external_page(out: Path, result: ExternalResult) -> list[Path]:
    """Render the page of an applied biomarker and write it with its figures."""
    name = result.analysis
    figures = out / "group" / name / "external" / "figures"
    return _write_page(out / f"group-{name}_desc-external.html", render_external(result), figures)


def _write_page(path: Path, page: Page, figures: Path) -> list[Path]:
    drawings = [write_text(figures / f"{name}.svg", svg) for name, svg in page.figures.items()]
    return [*drawings, write_text(path, page.html)]


def _keep(path: Path, record: _Kind) -> _Kind:
    """Write a record and read it back: a page made from it again cannot differ from the first."""
    return read_record(type(record), write_record(path, record))


# ------------------------------------------------------------------ where


def participant_page(out: Path, participant_id: str) -> Path:
    """Page of a participant."""
    return out / f"sub-{participant_id}.html"


def participant_record(out: Path, participant_id: str, analysis: str) -> Path:
    """Record that a participant's page is made from."""
    return _beside_figures(out, participant_id, analysis, "report.npz")


def overview_path(out: Path, participant_id: str, analysis: str) -> Path:
    """Where a participant's overview lies."""
    return _beside_figures(out, participant_id, analysis, "overview.json")


def _beside_figures(out: Path, participant_id: str, analysis: str, name: str) -> Path:
    desc = "".join(character for character in analysis if character.isalnum())
    return out / f"sub-{participant_id}" / "figures" / f"sub-{participant_id}_desc-{desc}_{name}"


# ------------------------------------------------------------------ what is left out


def _slim_participant(result: ParticipantResult) -> ParticipantResult:
    """Leave out folders, which tell about a machine, and features, which are published on their own."""
    return replace(
        result,
        scans=tuple(_without_folder(scan) for scan in result.scans),
        features=tuple(replace(one, names=(), values=np.empty(0), missing={}) for one in result.features),
    )


def _without_folder(scan: Scan) -> Scan:
    name = Path(scan.path.name)
    return replace(scan, path=name, mask=None, confounds=None, events=None, nodes=None, sidecars=())


def _slim_result(result: Result) -> Result:
    """Leave out what no section shows: the weights of every fold, draws of regions and networks, places of atlases."""
    return replace(
        result,
        cv=tuple(_without_weights(one) for one in result.cv),
        nulls=tuple(_without_draws(one) for one in result.nulls),
        atlases=tuple(replace(one, image=None) for one in result.atlases),
    )


def _without_weights(cv: CVResult) -> CVResult:
    return replace(cv, weights=None, patterns=None)


def _without_draws(null: PermutationNull) -> PermutationNull:
    # (n_draws, 0) still says how many draws there were.
    slim = [one if one.level == "feature" else replace(one, draws=one.draws[:, :0]) for one in null.patterns]
    return replace(null, patterns=tuple(slim))


def _slim_external(result: ExternalResult) -> ExternalResult:
    """Leave out the features of the people who were predicted."""
    people = result.people
    return replace(result, people=replace(people, values=people.values[:, :0], beside=people.beside[:, :0]))


# ------------------------------------------------------------------ at a glance


def make_overview(result: ParticipantResult) -> Overview:
    """Shorten a participant's motion to one value a stretch, and its T1w to one small slice."""
    traces = [qc.fd_mm for qc in result.qc if qc.fd_mm.size] or [run.fd_mm for run in result.functional]
    picture = next((small_slice(view) for view in result.anatomy), np.empty((0, 0), dtype=np.uint8))
    return Overview(_shorten(traces), picture)


def _shorten(traces: Sequence[FloatArray]) -> tuple[float, ...]:
    """Largest value of each stretch, to 0.01 mm; the first volume of a scan has no displacement."""
    values = np.nan_to_num(np.concatenate(traces)) if traces else np.empty(0)
    parts = np.array_split(values, min(_STRETCHES, len(values))) if values.size else []
    return tuple(round(float(part.max()), 2) for part in parts)


def small_slice(view: AnatomyView) -> NDArray[np.uint8]:
    """Cut the axial slice that shows most brain from a mosaic, at most 64 pixels high and wide.

    The slices of the first row are axial: none of them shows a face.
    """
    from scipy.ndimage import find_objects, label

    parts, _ = label(view.brain)
    sizes = np.bincount(parts.ravel())[1:]
    if not sizes.size:
        return np.empty((0, 0), dtype=np.uint8)
    # Small parts are tips of lobes, which may lie higher than the slice they belong to.
    boxes = [(int(size), box) for size, box in zip(sizes, find_objects(parts), strict=True) if size > sizes.max() / 4]
    bottom = min((box[0].start, box[0].stop) for _, box in boxes)[1]
    _, place = max((one for one in boxes if one[1][0].start < bottom), key=lambda one: one[0])
    picture = view.slices[place]
    step = -(-max(picture.shape) // _PICTURE_PX)
    height, width = (size // step * step for size in picture.shape)
    tiles = picture[:height, :width].reshape(height // step, step, width // step, step)
    return np.asarray(np.rint(tiles.mean(axis=(1, 3))), dtype=np.uint8)
