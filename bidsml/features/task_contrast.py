"""Response of each region to contrasts of task conditions."""

import numpy as np

from bidsml.errors import AnalysisFileError, DataError, near_names
from bidsml.features import measure_of
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_task_contrast(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take one value per contrast and region, named ``contrast--region``.

    ``effect``: mean of the region's voxels, in percent signal change. ``z``: mean of their z values, which weighs
    the effect by how sure it is, and so also carries how much a participant moved and how long they were scanned.

    Returns
    -------
    FeatureVector
        Contrasts in the order of ``options.contrasts``, else of the analysis; regions within.

    Raises
    ------
    AnalysisFileError
        ``options.contrasts`` names one that was not estimated.
    DataError
        The input has no contrasts.
    """
    measure = measure_of(options)
    maps = data.contrasts if measure == "effect" else data.contrasts_z
    if not maps:
        raise DataError(
            f"{data.scan.path}: task_contrast needs BOLD during a task, the input has no contrasts",
            hint="name contrasts in [task.contrasts], and give BOLD with events.tsv",
        )
    for name in options.contrasts:
        if name not in maps:
            raise AnalysisFileError(
                f"block {block!r}: [task.contrasts] has no contrast {name!r}", hint=near_names(name, maps)
            )
    chosen = options.contrasts or tuple(maps)
    reasons = {f"{c}--{r}": data.missing[r] for c in chosen for r in data.regions if r in data.missing}
    return FeatureVector(
        block=block,
        kind="task_contrast",
        measure=measure,
        names=tuple(f"{contrast}--{region}" for contrast in chosen for region in data.regions),
        values=np.concatenate([np.asarray(maps[contrast], dtype=np.float64) for contrast in chosen]),
        missing=reasons,
        atlas=data.atlas,
    )
