"""People of another dataset, laid out as a frozen biomarker takes them."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from bidsml.errors import DataError
from bidsml.learn.conditions import select
from bidsml.records import FeatureSet, FloatArray, ModelCard, Newcomers, NormativeCard, NuisanceColumn
from bidsml.spec import AnalysisSpec, column_name

_MISSING_TEXT = ("", "n/a", "N/A", "nan", "NaN", "NA")
_SHOWN = 3


def choose_newcomers(
    table: pd.DataFrame, spec: AnalysisSpec, *, available: Collection[str], failed: Mapping[str, str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Lead people through the gates that need no label: features at hand, and ``cohort.include``.

    Parameters
    ----------
    table
        Text cells, missing ones ``None`` or NaN, one row per participant.
    failed
        Why participants have no features, by label.

    Returns
    -------
    pandas.DataFrame
        Their rows with stripped text cells, sorted by ``participant_id``.
    tuple of str
        How many left, and why.

    Raises
    ------
    DataError
        Nobody is left.
    AnalysisFileError
        ``cohort.include`` cannot be read, or names no column.
    """
    rows = pd.DataFrame({name: [_clean(cell) for cell in table[name]] for name in table}, dtype=object)
    rows = rows.sort_values("participant_id", ignore_index=True)
    here = rows["participant_id"].isin(set(available)).to_numpy()
    reasons = pd.Series([failed.get(label, "no features were made") for label in rows["participant_id"][~here]])
    left = [f"{count} left: {reason}" for reason, count in reasons.value_counts(sort=False).items()]
    rows = rows[here].reset_index(drop=True)
    if spec.cohort.include is not None and len(rows):
        keep = select(_numeric(rows), spec.cohort.include)
        if not keep.all():
            left.append(f"{int((~keep).sum())} left: not ({spec.cohort.include})")
        rows = rows[keep].reset_index(drop=True)
    if rows.empty:
        raise DataError(f"nobody is left to predict ({'; '.join(left) or 'the table is empty'})", hint="see the gates")
    return rows, tuple(left)


def _clean(cell: object) -> str | None:
    if cell is None or pd.isna(cell):  # type: ignore[call-overload]
        return None
    text = str(cell).strip()
    return None if text in _MISSING_TEXT else text


def _numeric(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as numbers, for conditions."""
    typed = rows.copy()
    for name in rows.columns.drop("participant_id"):
        numbers = pd.to_numeric(rows[name], errors="coerce")
        if numbers.notna().equals(rows[name].notna()):
            typed[name] = numbers.astype(float)
    return typed


def lay_out(
    rows: pd.DataFrame, features: FeatureSet, card: ModelCard, spec: AnalysisSpec, *, left: tuple[str, ...]
) -> Newcomers:
    """Bring people's features, labels, nuisance columns and sites into the model's own order and code.

    Parameters
    ----------
    rows
        As :func:`choose_newcomers` gives them; row for row with the features.

    Raises
    ------
    DataError
        The features are not the model's, in its order; a nuisance column is no number where the model's is; or no
        value of the target is one of the model's classes.
    """
    check_names(features.names, card.names)
    notes: list[str] = []
    target, labels = _encode_target(rows, card, spec, notes)
    site = _optional(rows, spec.cohort.site)
    unit = _optional(rows, spec.cohort.group)
    table = pd.DataFrame(
        {
            "participant_id": rows["participant_id"],
            "label": labels,
            "unit": [own or label for own, label in zip(unit, rows["participant_id"], strict=True)],
            "site": site,
        },
        dtype=object,
    )
    beside = _encode(rows, card.nuisance, notes)
    if card.sites:
        beside = np.column_stack([beside, _site_numbers(site, card, notes), _encode(rows, card.preserved, notes)])
    if card.normative:
        numbers = _norm_numbers(site, card.normative, notes)
        beside = np.column_stack([beside, numbers, _encode(rows, card.normative.columns, notes)])
    return Newcomers(table, target, features.values, beside, left=left, notes=tuple(notes))


def check_names(found: Sequence[str], expected: Sequence[str]) -> None:
    """Check that features bear the model's names in the model's order.

    Raises
    ------
    DataError
        Lists what lacks, what is too much, or where the order differs.
    """
    if tuple(found) == tuple(expected):
        return
    lacking = [name for name in expected if name not in set(found)]
    extra = [name for name in found if name not in set(expected)]
    problems = [
        f"{len(names)} {what} ({_some(names)})" for what, names in (("lack", lacking), ("are new", extra)) if names
    ]
    if not problems:
        place = next(i for i, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other)
        problems = [
            f"their order differs from number {place + 1} on ({found[place]!r} in place of {expected[place]!r})"
        ]
    raise DataError(
        f"the features are not those of the model ({len(found)}, and the model takes {len(expected)}): "
        + "; ".join(problems),
        hint=_hint([*lacking, *extra]),
    )


def _hint(names: Sequence[str]) -> str:
    if any(name.endswith("]") and "[" in name for name in names):
        # Of two levels one is shown, so that the levels themselves cannot be told from the names.
        return (
            "columns of text become indicators of the levels that the table holds, here others than in training: "
            "code them as numbers (0, 1) in both tables, name them in columns, and train again"
        )
    return "make them with the same atlas, columns and bidsml version as the model's"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _optional(rows: pd.DataFrame, reference: str | None) -> list[str | None]:
    name = column_name(reference) if reference else ""
    return rows[name].tolist() if name in rows else [None] * len(rows)


def _encode_target(
    rows: pd.DataFrame, card: ModelCard, spec: AnalysisSpec, notes: list[str]
) -> tuple[FloatArray, list[str | None]]:
    """Class codes of the model or outcomes, NaN where unknown; and the cells as they are."""
    cells = _optional(rows, None if spec.target.column == "participant_id" else spec.target.column)
    known = [cell for cell in cells if cell is not None]
    if not known:
        notes.append(f"There is no {column_name(spec.target.column)!r} to compare with: predictions only, no figures.")
        return np.full(len(rows), np.nan), cells
    if not card.classes:
        return _numbers(rows["participant_id"], cells, what=f"target {spec.target.column!r}"), cells
    code = _class_codes(card, spec)
    target = np.array([np.nan if cell is None else code.get(cell, np.nan) for cell in cells])
    if np.isnan(target).all():
        found = _some(sorted(set(known)))
        raise DataError(
            f"column {spec.target.column!r} holds {found}; the model tells {' from '.join(card.classes)}",
            hint='name the classes here: --set \'target.classes=["…", "…"]\' --set target.positive=…',
        )
    other = sorted({cell for cell in known if cell not in code})
    if other:
        count = sum(cell in other for cell in known)
        notes.append(f"{count} people are of no class of the model ({_some(other)}): predicted, but not judged.")
    return target, cells


def _class_codes(card: ModelCard, spec: AnalysisSpec) -> dict[str, float]:
    """Give the model's code of each label here: by name, or by role where the analysis names two other classes."""
    names = spec.target.classes
    if len(card.classes) == 2 and len(names) == 2 and spec.target.positive and set(names) != set(card.classes):
        return {name: float(name == spec.target.positive) for name in names}
    return {name: float(code) for code, name in enumerate(card.classes)}


def _numbers(people: Sequence[str], cells: Sequence[str | None], *, what: str) -> FloatArray:
    values = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce").to_numpy(dtype=float)
    for person, cell, value in zip(people, cells, values, strict=True):
        if cell is not None and not np.isfinite(value):
            raise DataError(
                f"{what} must be a number, as in the model's training data; participant {person} has {cell!r}",
                hint="correct the cell, or code the column as it was in training",
            )
    return np.asarray(values)


def _encode(rows: pd.DataFrame, columns: Sequence[NuisanceColumn], notes: list[str]) -> FloatArray:
    encoded = []
    for column in columns:
        cells = _optional(rows, column.source)
        if column.level:
            encoded.append([float(cell == column.level) if cell in column.levels else np.nan for cell in cells])
        else:
            encoded.append(_numbers(rows["participant_id"], cells, what=f"column {column.source!r}").tolist())
    notes += _unknown_levels(rows, columns)
    return np.array(encoded).T if encoded else np.empty((len(rows), 0))


def _unknown_levels(rows: pd.DataFrame, columns: Sequence[NuisanceColumn]) -> Iterator[str]:
    for source, levels in {column.source: column.levels for column in columns if column.level}.items():
        strange = [cell for cell in _optional(rows, source) if cell is not None and cell not in levels]
        if strange:
            yield (
                f"{len(strange)} people have a {source} that training did not know ({_some(sorted(set(strange)))}): "
                "taken as missing, and set to the training median."
            )


def _norm_numbers(site: Sequence[str | None], norm: NormativeCard, notes: list[str]) -> FloatArray:
    """Numbers of the sites that the norm knows, −1 for others; 0 for all where sites have no norm of their own."""
    if not norm.sites:
        return np.zeros(len(site))
    numbers = np.array([float(norm.sites.index(one)) if one in norm.sites else -1.0 for one in site])
    unknown = int((numbers < 0).sum())
    if unknown:
        notes.append(
            f"{unknown} people come from sites that training did not know: they are scored against everyone there, "
            "with the variance between sites on top of their own."
        )
    return numbers


def _site_numbers(site: Sequence[str | None], card: ModelCard, notes: list[str]) -> FloatArray:
    numbers = np.array([float(card.sites.index(one)) if one in card.sites else -1.0 for one in site])
    unknown, known = int((numbers < 0).sum()), sorted({one for one in site if one in card.sites})
    if unknown:
        notes.append(f"{unknown} people come from sites that training did not know: they are not harmonised.")
    if known:
        notes.append(
            f"Sites of the same name as in training ({_some([str(one) for one in known])}) are harmonised as those: "
            "check that they are the same scanners."
        )
    return numbers
