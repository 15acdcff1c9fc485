"""Freeze the first estimator's biomarker: fitted once on everyone, for people to come."""

from pathlib import Path

from bidsml.bids.store import read_record, write_record
from bidsml.errors import MissingInputError
from bidsml.learn.frozen import freeze
from bidsml.records import Fold, Freezing, Study
from bidsml.spec import read_spec


def freeze_model(study: Path, folds: Path, analysis: Path, dataset: str, seed: int, *, out_dir: Path) -> Path:
    """Fit the first estimator's biomarker on the whole cohort.

    An estimator that needs a package which is not here is not frozen; the analysis itself is none the worse.

    Parameters
    ----------
    dataset
        Name of the dataset, which makes a participant's label unique.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Freezing`.
    """
    spec = read_spec(analysis)
    content = read_record(Study, study)
    plan = read_record(tuple[Fold, ...], folds)
    try:
        model = freeze(content.features, content.cohort, plan, spec=spec, seed=seed, dataset=dataset)
        freezing = Freezing(model)
    except MissingInputError as error:
        freezing = Freezing(None, f"No model was frozen: {error.message}. To have one, {error.hint}.")
    return write_record(out_dir / "freezing.npz", freezing)
