"""Mean signal of every region of a surface atlas."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from bidsml.errors import DataError
from bidsml.preproc.regions import MIN_COVERAGE, RegionSignals
from bidsml.records import Atlas, IntArray
from bidsml.surfaces import Part, SurfaceLabels, SurfaceSeries, read_labels, read_series


def average_surface(bold: Path, atlas: Atlas) -> RegionSignals:
    """Average BOLD over the vertices (and, of CIFTI, voxels) of every region of a surface atlas.

    Points are matched by structure and vertex number, so that series without the medial wall (91k grayordinates) go
    with labels that have it. Points that are not finite in some volume, or do not vary, are left out of all.

    Parameters
    ----------
    bold
        ``.dtseries.nii``, or the left hemisphere's ``.func.gii``.
    atlas
        With ``surfaces``.

    Returns
    -------
    RegionSignals
        Regions of which less than half has a signal are NaN with a reason.

    Raises
    ------
    DataError
        A file is damaged, series and labels are on different surfaces, or every region is lost.
    """
    labels = read_labels(atlas.surfaces[0])
    series = read_series(bold)
    members = _find_members(bold, series, labels)
    finite = np.asarray(np.isfinite(series.values).all(axis=0))
    with np.errstate(invalid="ignore"):
        usable = np.asarray(finite & (np.ptp(series.values, axis=0) > 0))
    signals = np.full((len(series.values), len(labels.names)), np.nan)
    coverage = np.zeros(len(labels.names))
    missing: dict[str, str] = {}
    for place, (name, columns) in enumerate(zip(labels.names, members, strict=True)):
        mine = columns[usable[columns]]
        coverage[place] = len(mine) / int((labels.number == place + 1).sum())
        if coverage[place] < MIN_COVERAGE:
            missing[name] = f"only {100 * coverage[place]:.0f} % of its vertices have a signal"
        else:
            signals[:, place] = series.values[:, mine].mean(axis=1, dtype=np.float64)
    if len(missing) == len(labels.names):
        raise DataError(
            f"{bold}: all {len(missing)} regions of atlas {atlas.name} are lost; {next(iter(missing.values()))}",
            hint="are the series and the atlas on one surface?",
        )
    used = np.unique(np.concatenate(members))
    n_bad = int((~finite[used]).sum())
    return RegionSignals(
        names=labels.names,
        signals=signals,
        coverage=coverage,
        missing=missing,
        n_nonfinite_voxels=n_bad,
        n_volumes=len(signals),
        tr_s=series.tr_s,
        nonfinite_share=n_bad / max(len(used), 1),
    )


def _find_members(bold: Path, series: SurfaceSeries, labels: SurfaceLabels) -> list[IntArray]:
    """Columns of the series of every region."""
    of_column = np.zeros(series.values.shape[1], dtype=np.int64)
    for name, part in labels.parts.items():
        other = series.parts.get(name)
        if other is None:
            continue
        if other.size != part.size:
            raise DataError(
                f"{bold}: {name} has {other.size} vertices, the atlas has {part.size}",
                hint="give an atlas of the same surface: fsaverage5 has 10,242 vertices a hemisphere, fsLR 32,492",
            )
        of_column[other.columns] = _lookup(part, labels.number)[other.keys]
    order = np.argsort(of_column, kind="stable")
    found = of_column[order]
    ends = np.searchsorted(found, np.arange(1, len(labels.names) + 2))
    return [order[start:end] for start, end in pairwise(ends)]


def _lookup(part: Part, number: IntArray) -> IntArray:
    """Region of every vertex of a structure, ``(size,)``."""
    found = np.zeros(part.size, dtype=np.int64)
    found[part.keys] = number[part.columns]
    return found
