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
from bidsml.notebook.arrays import (
    TARGET,
    as_text,
    check_rows,
    guess_task,
    name_class,
    read_features,
    read_labels,
    read_nuisance,
)
from bidsml.notebook.content import read_content
from bidsml.records import Cohort, FeatureBlock, FeatureSet, FloatArray
from bidsml.spec import AnalysisSpec, RunOptions, load_analysis
from bidsml.steps.assembly import load_atlases, load_cohort, load_features, name_networks

NOTEBOOK = "notebook"
"""Name of the analysis of a study made of arrays."""
BLOCK = "features"


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        n, p = len(self.cohort.participant_id), len(self.features.names)
        return f"Study({self.spec.name!r}: {self.spec.target.task}, {n} participants, {p} features)"

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
        found = f"there is no folder {dataset}" if dataset else f"{out} does not say where its dataset is"
        raise MissingInputError(found, hint="give bids_dir=, the dataset that the output was made of")
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
    if analysis is not None and (Path(analysis).is_file() or Path(analysis).suffix == ".toml"):
        return load_analysis(analysis)
    known: dict[str, Mapping[str, Any]] = {}
    for manifest in list_manifests(out).values():
        for name, entry in manifest.analyses.items():
            if entry.provenance is not None:
                known.setdefault(name, entry.provenance.analysis)
    if not known:
        if not out.is_dir():
            raise MissingInputError(f"there is no folder {out}", hint="give the OUTPUT_DIR of the participant level")
        raise MissingInputError(f"{out} holds no finished participant", hint="run the participant level first")
    if analysis is None and len(known) > 1:
        raise UsageError(f"{out} holds several analyses", hint=f"give one of {', '.join(sorted(known))}")
    name = analysis if analysis is not None else next(iter(known))
    if name not in known:
        raise MissingInputError(f"{out} holds no analysis {name!r}", hint=near_names(name, known))
    return read_content(known[name])


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
    nuisance: pd.DataFrame | pd.Series | None = None,
    regress: str | Sequence[str] = (),
    harmonize: bool = False,
    task: str = "auto",
    positive: Any = None,
    participant_id: Sequence[Any] | None = None,
) -> Study:
    """Make a study of arrays or data frames.

    Row *i* of every part is one participant. Where X is a data frame and another part has an index of its own, both
    have to name the same people in the same order.

    Parameters
    ----------
    X
        Features, ``(n_participants, n_features)``, NaN where missing; a data frame's columns name them.
    y
        Labels, or the outcome of a regression, ``(n_participants,)``. Who has none (NaN, None) is left out.
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
        The parts differ in their rows, features are no numbers, or ``regress`` names no column of ``nuisance``.
    AnalysisFileError
        ``positive`` is no label, ``task`` is unknown, or ``harmonize`` is asked for without ``site``.
    DataError
        A feature is infinite, a single class is left, someone is listed twice, ….

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
    frame, labels, columns = read_features(X, participant_id), read_labels(y), read_nuisance(nuisance)
    roles = {name: part for name, part in {"group": groups, "site": site}.items() if part is not None}
    given = {"y": y} | ({} if nuisance is None else {"nuisance": nuisance})
    said = {"group": "groups", "site": "site"}
    check_rows(X, given | {said[name]: part for name, part in roles.items()}, n=len(frame))
    cells = {name: as_text(part) for name, part in columns.items()}
    for name, part in roles.items():
        if cells.setdefault(name, as_text(part)) != as_text(part):
            raise UsageError(f"nuisance has another column {name!r} than {said[name]}=", hint="give it another name")
    spec = read_content(
        {
            "name": NOTEBOOK,
            "target": {
                "column": TARGET,
                "task": guess_task(labels) if task == "auto" else task,
                "positive": None if positive is None else name_class(positive, labels),
            },
            "cohort": {name: name for name in roles},
            "features": [{"kind": "table", "name": BLOCK, "file": "notebook.tsv"}],
            "nuisance": _nuisance(list(columns), regress, harmonize=harmonize),
            # How many is asked when the study is cross-validated.
            "cv": {"outer": {"kind": "stratified", "folds": 2}, "inner": {"folds": 5}},
        }
    )
    table = pd.DataFrame({"participant_id": frame.index, TARGET: as_text(labels), **cells})
    cohort = build_cohort(table, spec, available=list(frame.index))
    return Study(cohort, _as_features(frame), spec)


def _nuisance(columns: Sequence[str], regress: str | Sequence[str], *, harmonize: bool) -> dict[str, Any]:
    taken_out = [regress] if isinstance(regress, str) else list(regress)
    unknown = [name for name in taken_out if name not in columns]
    if unknown:
        hint = near_names(unknown[0], columns) if columns else "give the columns as nuisance=, a data frame"
        raise UsageError(f"regress names {unknown}, which nuisance does not have", hint=hint)
    rest = [name for name in columns if name not in taken_out]
    return {"columns": rest, "regress": taken_out, "harmonize": "combat" if harmonize else "none"}


def _as_features(frame: pd.DataFrame) -> FeatureSet:
    values: FloatArray = frame.to_numpy(dtype=float)
    block = FeatureBlock(BLOCK, kind="table", measure="value", layout="vector", start=0, stop=values.shape[1])
    return FeatureSet(tuple(frame.index), tuple(frame.columns), values, (block,))
