"""Who is analysed: the gates from the participants table to the cohort, with a ledger of everyone who left."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from bidsml.errors import AnalysisFileError, DataError, near_names
from bidsml.learn.conditions import names_in, select
from bidsml.learn.metrics import METRICS
from bidsml.records import Attrition, Cohort, FloatArray
from bidsml.spec import AnalysisSpec, column_name

_NOBODY: Mapping[str, str] = MappingProxyType({})
_MISSING_TEXT = ("", "n/a", "N/A", "nan", "NaN", "NA")

MOTION_COLUMN = "mean_fd"
"""Mean framewise displacement in mm; kept in the cohort's table wherever it is known."""

# Gates before the table is looked at, as reasons name them.
_GATES_OF_FEATURES = ("input", "failed", "quality control")


def build_cohort(
    table: pd.DataFrame, spec: AnalysisSpec, *, available: Collection[str], failed: Mapping[str, str] = _NOBODY
) -> Cohort:
    """Lead everyone through the gates: features, target, ``include``, unit and site.

    A missing nuisance value excludes nobody; it is imputed within the folds.

    Parameters
    ----------
    table
        Text cells, missing ones ``None`` or NaN; ``participant_id`` without ``sub-``, and every column that
        the analysis names, under its :func:`~bidsml.spec.column_name`.
    available
        Participants whose features are at hand.
    failed
        Why the others have none, by participant: ``input: …``, ``failed: …`` or ``quality control: …``.

    Raises
    ------
    AnalysisFileError
        A column, the positive class or a listed class does not exist.
    DataError
        A participant is listed twice, a single class is left, a class or the units are fewer than the folds,
        or the target of a regression is not numeric.
    """
    columns = _named_columns(spec)
    text = _checked(table, columns, spec)
    people = _Gates(text, considered=set(text["participant_id"]) | set(available), target=columns["target"])
    people.leave_without_features(available, failed)
    people.leave_missing("target", columns["target"])
    if spec.target.classes:
        _check_values(text, columns["target"], spec.target.classes, "target.classes")
        keep = people.rows[columns["target"]].isin(spec.target.classes).to_numpy()
        people.leave(~keep, "classes", "not among target.classes")
    if spec.cohort.include is not None:
        keep = select(_typed(people.rows, exempt=()), spec.cohort.include)
        people.leave(~keep, "include", f"not ({spec.cohort.include})")
    for gate in ("unit", "site", "split"):
        if gate in columns:
            people.leave_missing(gate, columns[gate])
    return _assemble(people, columns, spec)


def _named_columns(spec: AnalysisSpec) -> dict[str, str]:
    """Columns with a role, by role; the nuisance columns and those of ``include`` come on top."""
    columns = {"target": column_name(spec.target.column), "unit": column_name(spec.cohort.group)}
    if spec.cohort.site:
        columns["site"] = column_name(spec.cohort.site)
    if spec.cv.outer.column:
        columns["split"] = column_name(spec.cv.outer.column)
    return columns


def _checked(table: pd.DataFrame, columns: Mapping[str, str], spec: AnalysisSpec) -> pd.DataFrame:
    """Keep the named columns as stripped text, one row per participant, sorted by ``participant_id``."""
    if "participant_id" not in table:
        raise DataError("the participants table has no column 'participant_id'", hint="add it as the first column")
    conditions = names_in(spec.cohort.include) if spec.cohort.include else ()
    references = [*spec.nuisance.baseline, *spec.nuisance.preserve]
    if spec.normative:
        references += spec.normative.columns
        conditions += names_in(spec.normative.reference, key="normative.reference") if spec.normative.reference else ()
    nuisance = [column_name(reference) for reference in references]
    # The leakage audit compares motion with the label whether or not the analysis names it.
    measured = [name for name in (MOTION_COLUMN,) if name in table and table[name].notna().any()]
    named = ["participant_id", *columns.values(), *nuisance, *conditions]
    for name in named:
        if name not in table:
            raise AnalysisFileError(
                f"the analysis names a column {name!r} that the tables do not have",
                hint=near_names(name, map(str, table.columns)),
            )
    names = dict.fromkeys([*named, *measured])
    text = pd.DataFrame({name: [_clean(cell) for cell in table[name]] for name in names}, dtype=object)
    ids = text["participant_id"]
    if ids.isna().any():
        raise DataError("a row of the participants table has no participant_id", hint="fill it or delete the row")
    twice = sorted(set(ids[ids.duplicated()]))
    if twice:
        raise DataError(
            f"participants listed more than once in the table: {', '.join(twice)}", hint="keep one row per participant"
        )
    return text.sort_values("participant_id", ignore_index=True)


def _clean(cell: object) -> str | None:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return None
    text = str(cell).strip()
    return None if text in _MISSING_TEXT else text


def _typed(text: pd.DataFrame, *, exempt: Collection[str]) -> pd.DataFrame:
    """Turn into numbers every column whose cells all are numbers."""
    typed = text.copy()
    for name in text:
        if name == "participant_id" or name in exempt:
            continue
        numbers = pd.to_numeric(text[name], errors="coerce")
        if numbers.notna().equals(text[name].notna()):
            infinite = np.isinf(numbers.to_numpy(dtype=float))
            if infinite.any():
                who = text["participant_id"].to_numpy()[infinite][0]
                raise DataError(f"column {name!r} of participant {who} is infinite", hint="write n/a if it is unknown")
            typed[name] = numbers.astype(float)
    return typed


class _Gates:
    """The rows still in, and the ledger of who left."""

    def __init__(self, rows: pd.DataFrame, *, considered: set[str], target: str) -> None:
        self.rows = rows
        self.considered = len(considered)
        self.target = target
        self.ledger = [
            Attrition(person, "table", "has features but no row in the participants table")
            for person in sorted(considered - set(rows["participant_id"]))
        ]

    def leave(self, gone: np.ndarray, gate: str, reason: str) -> None:
        for person, label in self.rows.loc[gone, ["participant_id", self.target]].itertuples(index=False):
            self.ledger.append(Attrition(person, gate, reason, label or "n/a"))
        self.rows = self.rows[~gone].reset_index(drop=True)

    def leave_without_features(self, available: Collection[str], failed: Mapping[str, str]) -> None:
        """Let go who has no features, at the gate that the reason names."""
        present = set(available) - set(failed)
        gone = ~self.rows["participant_id"].isin(present).to_numpy()
        for person, label in self.rows.loc[gone, ["participant_id", self.target]].itertuples(index=False):
            reason = failed.get(person, "no features were made")
            gate, colon, why = reason.partition(": ")
            if not colon or gate not in _GATES_OF_FEATURES:
                gate, why = ("failed" if person in failed else "features"), reason
            self.ledger.append(Attrition(person, gate, why, label or "n/a"))
        self.rows = self.rows[~gone].reset_index(drop=True)

    def leave_missing(self, gate: str, column: str) -> None:
        self.leave(self.rows[column].isna().to_numpy(), gate, f"{column} is missing")


def _assemble(people: _Gates, columns: Mapping[str, str], spec: AnalysisSpec) -> Cohort:
    rows = people.rows
    if rows.empty:
        left = pd.Series([row.gate for row in people.ledger]).value_counts()
        gates = ", ".join(f"{gate}: {count}" for gate, count in left.items())
        raise DataError(f"nobody is left to analyse ({gates or 'the table is empty'})", hint="see the gates' reasons")
    classes, positive, target = _encode_target(rows, columns["target"], spec)
    # A site or a family is a name even where it is spelt as a number.
    categories = {columns["unit"], columns.get("site", ""), *map(column_name, spec.nuisance.categories)}
    typed = _typed(rows, exempt=categories)
    nuisance, names, source = encode_columns(typed, [column_name(reference) for reference in spec.nuisance.baseline])
    cohort = Cohort(
        table=typed,
        target=target,
        classes=classes,
        positive=positive,
        unit=tuple(rows[columns["unit"]]),
        site=tuple(rows[columns["site"]]) if "site" in columns else (),
        nuisance=nuisance,
        nuisance_names=names,
        nuisance_source=source,
        attrition=tuple(people.ledger),
        considered=people.considered,
    )
    _check_counts(cohort, spec)
    return cohort


def _encode_target(rows: pd.DataFrame, column: str, spec: AnalysisSpec) -> tuple[tuple[str, ...], str, FloatArray]:
    """Class codes with the positive class last (code 1 of two), or numbers."""
    if spec.target.task == "regression":
        numbers = pd.to_numeric(rows[column], errors="coerce").to_numpy(dtype=float, copy=True)
        wrong = ~np.isfinite(numbers)
        if wrong.any():
            who, value = rows.loc[wrong, ["participant_id", column]].iloc[0]
            raise DataError(
                f"target {column!r} must be a number for a regression; participant {who} has {value!r}",
                hint="correct the cell, or set target.task = 'classification'",
            )
        return (), "", numbers
    classes = sorted(set(rows[column]))
    positive = spec.target.positive
    if positive is not None:
        _check_values(rows, column, (positive,), "target.positive")
        if len(classes) == 2:
            classes.sort(key=lambda name: name == positive)
    code = {name: float(number) for number, name in enumerate(classes)}
    return tuple(classes), positive or classes[-1], np.array([code[name] for name in rows[column]])


def _check_values(rows: pd.DataFrame, column: str, values: Collection[str], key: str) -> None:
    found = {str(value) for value in rows[column].dropna()}
    for value in values:
        if value not in found:
            raise AnalysisFileError(
                f"{key} names {value!r}, which is no value of column {column!r}", hint=near_names(value, found)
            )


def encode_columns(typed: pd.DataFrame, columns: Sequence[str]) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    """Turn columns of a cohort's table into numbers: numeric ones as they are, others as indicators but the first.

    Returns
    -------
    tuple
        Values ``(n, n_encoded)``, NaN where missing; the name of each; and the column that each encodes.
    """
    values: list[FloatArray] = []
    names: list[str] = []
    source: list[str] = []
    for column in columns:
        cells = typed[column]
        if pd.api.types.is_numeric_dtype(cells):
            encoded = {column: cells.to_numpy(dtype=float)}
        else:
            levels = sorted({str(cell) for cell in cells.dropna()})
            missing = cells.isna().to_numpy()
            encoded = {
                f"{column}[{level}]": np.where(missing, np.nan, (cells == level).to_numpy(dtype=float))
                # A column of one level knows nothing, but is still the column that was asked for.
                for level in levels[1:] or levels
            }
        values.extend(encoded.values())
        names.extend(encoded)
        source.extend([column] * len(encoded))
    matrix = np.column_stack(values) if values else np.empty((len(typed), 0))
    return matrix, tuple(names), tuple(source)


def _check_counts(cohort: Cohort, spec: AnalysisSpec) -> None:
    """Refuse what cannot be cross-validated, before anything runs."""
    outer = spec.cv.outer
    folds = outer.folds if outer.kind == "stratified" else 2
    units = len(set(cohort.unit))
    if units < folds:
        raise DataError(f"{units} units are fewer than {folds} folds", hint="lower cv.outer.folds or add participants")
    if spec.target.task == "regression":
        if np.ptp(cohort.target) == 0:
            raise DataError(
                f"target {spec.target.column!r} has the same value for everyone", hint="choose another target or cohort"
            )
        return
    if len(cohort.classes) < 2:
        raise DataError(
            f"target {spec.target.column!r}: only one class is left: {cohort.classes[0]!r}",
            hint="check the column, cohort.include and target.classes",
        )
    for code, name in enumerate(cohort.classes):
        members = {unit for unit, label in zip(cohort.unit, cohort.target, strict=True) if label == code}
        if len(members) < folds:
            raise DataError(
                f"class {name!r} has {len(members)} units, fewer than {folds} folds",
                hint="lower cv.outer.folds, or leave the class out with target.classes",
            )
    metric = METRICS.get(spec.primary_metric)
    if metric is not None and metric.binary_only and len(cohort.classes) > 2:
        raise AnalysisFileError(
            f"inference.primary_metric = {spec.primary_metric!r} needs two classes; there are {len(cohort.classes)}",
            hint="use roc_auc or balanced_accuracy, or choose two with target.classes",
        )
