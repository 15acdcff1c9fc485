"""A study in a notebook: who, and their features, from bidsml's output or from arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bidsml.app.readiness import account_for, usable_manifests
from bidsml.bids.derivative import RAW
from bidsml.bids.manifest import list_manifests
from bidsml.bids.references import resolve_atlas
from bidsml.bids.textfiles import read_json
from bidsml.errors import MissingInputError, UsageError, near_names
from bidsml.learn.cohort import build_cohort
from bidsml.records import Cohort, FeatureBlock, FeatureSet, FloatArray
from bidsml.spec import AnalysisSpec, RunOptions, load_analysis
from bidsml.steps.assembly import load_atlases, load_cohort, load_features, name_networks

NOTEBOOK = "notebook"
"""Name of the analysis of a study made of arrays."""
BLOCK = "features"
TARGET = "target"
# Of numbers, more distinct ones than these are an outcome, not classes.
_MOST_CLASSES = 10


@dataclass(frozen=True)
class Study:
    """Who is analysed, their features, and the analysis: what :func:`cross_validate` takes.

    Rows are participants, sorted by label. ``cohort.attrition`` says who is not analysed, and why.
    """

    cohort: Cohort
    features: FeatureSet
    spec: AnalysisSpec

    @property
    def X(self) -> pd.DataFrame:  # noqa: N802 - scikit-learn's name
        """Features, ``(n_participants, n_features)``, NaN where missing."""
        row = {person: number for number, person in enumerate(self.features.participant_id)}
        values = self.features.values[[row[person] for person in self.cohort.participant_id]]
        index = pd.Index(self.cohort.participant_id, name="participant_id")
        return pd.DataFrame(values, index=index, columns=list(self.features.names))

    @property
    def y(self) -> pd.Series:
        """Labels, or the outcome, ``(n_participants,)``."""
        classes = np.asarray(self.cohort.classes, dtype=object)
        values = classes[self.cohort.target.astype(int)] if classes.size else self.cohort.target
        index = pd.Index(self.cohort.participant_id, name="participant_id")
        return pd.Series(values, index=index, name=self.spec.target.column)

    @property
    def groups(self) -> np.ndarray:
        """Units that are never split between training and test, ``(n_participants,)``: scikit-learn's ``groups``."""
        return np.asarray(self.cohort.unit, dtype=object)

    def _repr_html_(self) -> str:
        counts = self.y.value_counts().sort_index() if self.cohort.classes else pd.Series({"people": len(self.y)})
        people = ", ".join(f"{count} {escape(str(name))}" for name, count in counts.items())
        blocks = ", ".join(f"{escape(block.name)} ({block.stop - block.start})" for block in self.features.blocks)
        left = len(self.cohort.attrition)
        return (
            f"<p><b>Study {escape(self.spec.name)}</b>: {escape(self.spec.target.task)} of "
            f"{escape(self.spec.target.column)}; {people}; {left} left out</p><p>Features: {blocks}</p>"
        )


def load_study(
    output_dir: str | Path,
    analysis: str | None = None,
    *,
    bids_dir: str | Path | None = None,
    derivatives: Mapping[str, str | Path] | None = None,
    allow_partial: bool = False,
) -> Study:
    """Load the people and features that ``bidsml … participant`` has published, as the group level does.

    Parameters
    ----------
    output_dir
        The OUTPUT_DIR of the participant level.
    analysis
        Name of an analysis of that folder, or a file ``analysis.toml``. May be left out where there is one.
    bids_dir, derivatives
        The dataset, and the folders that were given with ``--derivatives``, where they are not any more where
        the output's ``dataset_description.json`` says.
    allow_partial
        Go on without participants that are missing or failed.

    Raises
    ------
    MissingInputError
        There is no such output, analysis or dataset.
    PartialFailureError
        Participants are missing or failed, and ``allow_partial`` is not set.
    """
    out = Path(output_dir).absolute()
    spec = _find_analysis(out, analysis)
    links = _linked_folders(out)
    folders = {name: path for name, path in links.items() if name != RAW}
    folders |= {name: Path(path).absolute() for name, path in (derivatives or {}).items()}
    dataset = Path(bids_dir).absolute() if bids_dir is not None else links.get(RAW)
    if dataset is None or not dataset.is_dir():
        raise MissingInputError(f"the dataset {dataset or ''} is not there", hint="give bids_dir")
    options = RunOptions(
        bids_dir=dataset,
        output_dir=out,
        level="group",
        work_dir=out,
        derivatives=folders,
        allow_partial=allow_partial,
    )
    said: list[str] = []
    participants, failed = account_for(spec, options, usable_manifests(spec, options), said.append)
    cohort = load_cohort(
        spec, output=out, bids_dir=dataset, derivatives=folders, participants=participants, failed=failed
    )
    features = load_features(cohort.participant_id, spec, output=out)
    names = {feature.atlas for feature in spec.features if feature.atlas}
    atlases = load_atlases({name: resolve_atlas(name, bids_dir=dataset, derivatives=folders) for name in sorted(names)})
    return Study(cohort, name_networks(features, spec, atlases), spec)


def _find_analysis(out: Path, analysis: str | None) -> AnalysisSpec:
    if analysis is not None and Path(analysis).is_file():
        return load_analysis(analysis)
    known: dict[str, Mapping[str, Any]] = {}
    for manifest in list_manifests(out).values():
        for name, entry in manifest.analyses.items():
            if entry.provenance is not None:
                known.setdefault(name, entry.provenance.analysis)
    if not known:
        raise MissingInputError(f"{out} holds no finished participant", hint="run the participant level first")
    if analysis is None and len(known) > 1:
        raise UsageError(f"{out} holds several analyses", hint=f"give one of {', '.join(sorted(known))}")
    name = analysis if analysis is not None else next(iter(known))
    if name not in known:
        raise MissingInputError(f"{out} holds no analysis {name!r}", hint=near_names(name, known))
    return read_content(known[name])


def read_content(content: Mapping[str, Any]) -> AnalysisSpec:
    """Read an effective analysis, as records hold it."""
    import pydantic_core

    # JSON mode lets arrays fill tuples while numbers and texts stay strictly apart.
    return AnalysisSpec.model_validate_json(pydantic_core.to_json(dict(content)))


def _linked_folders(out: Path) -> dict[str, Path]:
    path = out / "dataset_description.json"
    if not path.is_file():
        raise MissingInputError(f"{out} is no output of bidsml: it has no dataset_description.json", hint="check it")
    links = read_json(path).get("DatasetLinks", {})
    return {str(name): (out / str(place)).resolve() for name, place in links.items()}


def make_study(
    X: ArrayLike | pd.DataFrame,
    y: ArrayLike,
    *,
    groups: Sequence[Any] | None = None,
    site: Sequence[Any] | None = None,
    nuisance: pd.DataFrame | None = None,
    regress: Sequence[str] = (),
    harmonize: bool = False,
    task: str = "auto",
    positive: str | None = None,
    participant_id: Sequence[Any] | None = None,
) -> Study:
    """Make a study of arrays or data frames.

    Parameters
    ----------
    X
        Features, ``(n_participants, n_features)``, NaN where missing; a data frame's columns name them.
    y
        Labels, or the outcome of a regression, ``(n_participants,)``.
    groups
        Units that are never split between training and test, such as families; default: each person.
    site
        Site or scanner of everyone: leave-site-out, and strata of the permutations.
    nuisance
        Columns of no interest, ``(n_participants, n_columns)``: the baseline that the biomarker has to beat.
    regress
        Columns of ``nuisance`` that are regressed out of every feature, within the folds.
    harmonize
        Take out what sites do to the features (ComBat), within the folds.
    task
        ``classification``, ``regression``, or ``auto``: a regression where ``y`` holds more than ten numbers.
    positive
        Of two classes the one whose score is higher; default: the last when sorted.
    participant_id
        Labels of the rows; default: the data frame's index if it is not 0, 1, …, else 0001, 0002, ….

    Returns
    -------
    Study

    Raises
    ------
    UsageError
        The parts differ in their number of rows, or ``regress`` names no column of ``nuisance``.
    DataError
        As of the command line: a single class, a label with fewer people than folds, ….

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["control", "patient"], 30)
    >>> X = rng.standard_normal((60, 5)) + (y == "patient")[:, None]
    >>> study = make_study(X, y)
    >>> study.X.shape, study.cohort.classes
    ((60, 5), ('control', 'patient'))
    """
    frame = _as_frame(X, participant_id)
    labels = np.asarray(y)
    roles = {"group": groups, "site": site}
    columns = {} if nuisance is None else {str(name): cells.to_numpy() for name, cells in nuisance.items()}
    columns |= {name: np.asarray(values) for name, values in roles.items() if values is not None}
    lengths = {"X": len(frame), "y": len(labels)} | {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"the parts differ in their rows: {lengths}", hint="give one row per participant in each")
    if task == "auto":
        numeric = np.issubdtype(labels.dtype, np.number)
        task = "regression" if numeric and len(np.unique(labels)) > _MOST_CLASSES else "classification"
    spec = AnalysisSpec.model_validate(
        {
            "name": NOTEBOOK,
            "target": {"column": TARGET, "task": task, **({"positive": positive} if positive else {})},
            "cohort": {name: name for name in roles if name in columns},
            "features": ({"kind": "table", "name": BLOCK, "file": "notebook.tsv"},),
            "nuisance": _nuisance([name for name in columns if name not in roles], regress, harmonize=harmonize),
            # How many is asked when the study is cross-validated.
            "cv": {"outer": {"kind": "stratified", "folds": 2}, "inner": {"folds": 5}},
        }
    )
    cells = {TARGET: labels, **columns}
    table = pd.DataFrame({"participant_id": frame.index, **{name: _as_text(cells[name]) for name in cells}})
    cohort = build_cohort(table, spec, available=list(frame.index))
    return Study(cohort, _as_features(frame), spec)


def _nuisance(columns: Sequence[str], regress: Sequence[str], *, harmonize: bool) -> dict[str, Any]:
    unknown = [name for name in regress if name not in columns]
    if unknown:
        raise UsageError(f"regress names {unknown}, which nuisance does not have", hint=near_names(unknown[0], columns))
    rest = tuple(name for name in columns if name not in regress)
    return {"columns": rest, "regress": tuple(regress), "harmonize": "combat" if harmonize else "none"}


def _as_frame(X: ArrayLike | pd.DataFrame, participant_id: Sequence[Any] | None) -> pd.DataFrame:
    frame = X.copy() if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X, dtype=float))
    if not isinstance(X, pd.DataFrame):
        frame.columns = pd.Index([f"feature {number + 1}" for number in range(frame.shape[1])])
    if participant_id is not None:
        index = [str(label) for label in participant_id]
    elif isinstance(frame.index, pd.RangeIndex):
        index = [f"{number + 1:04d}" for number in range(len(frame))]
    else:
        index = [str(label) for label in frame.index]
    if len(index) != len(frame):
        raise UsageError(f"{len(index)} participant_id for {len(frame)} rows of X", hint="give one label per row")
    frame.index = pd.Index(index)
    frame.columns = pd.Index([str(column) for column in frame.columns])
    return frame.astype(float)


def _as_features(frame: pd.DataFrame) -> FeatureSet:
    values: FloatArray = frame.to_numpy(dtype=float)
    block = FeatureBlock(BLOCK, kind="table", measure="value", layout="vector", start=0, stop=values.shape[1])
    return FeatureSet(tuple(frame.index), tuple(frame.columns), values, (block,))


def _as_text(values: np.ndarray) -> list[str | None]:
    """Cells as the participants table has them: numbers in full, nothing where nothing is."""
    cells = pd.Series(values)
    return [None if missing else _cell(cell) for cell, missing in zip(cells.tolist(), cells.isna(), strict=True)]


def _cell(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
