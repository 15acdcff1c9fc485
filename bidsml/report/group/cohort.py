"""Who the analysed people are, by class and site."""

import re

import numpy as np
import pandas as pd

from bidsml.records import Cohort, Result
from bidsml.report.blocks import Block, Section, Table
from bidsml.report.disclosure import SMALLEST_CELL, SUPPRESSED, protect_counts
from bidsml.report.lookup import class_counts, name_target
from bidsml.report.wording import name_column, number, plural

_MOST_LEVELS = 12
_MOST_CODES = 6
_UNITS = {"mean_fd": "mean head motion (framewise displacement, mm)"}
_PRIVATE = re.compile(r"birth|dob|date|acq_?time|scan_?time|(^|first_?|last_?|sur)name$", re.IGNORECASE)
"""Columns that could tell who a person is; never shown."""


def section(result: Result) -> Section:
    """Compare the classes on every column that the analysis names."""
    cohort = result.cohort
    blocks: list[Block] = [_characteristics(result)]
    if cohort.site:
        blocks.append(_by_site(result))
    return Section(
        anchor="cohort",
        title="Cohort",
        lead="The people analysed. Classes should differ in the label and in little else; a difference in age, sex, "
        f"motion or site is a rival explanation. Cells with under {SMALLEST_CELL} people are hidden.",
        blocks=tuple(blocks),
    )


def _groups(cohort: Cohort) -> dict[str, np.ndarray]:
    """Rows of each column of the table: everyone, or everyone and each class."""
    groups = {"all": np.ones(len(cohort.target), dtype=bool)}
    if cohort.classes:
        groups |= {name: cohort.target == code for code, name in enumerate(cohort.classes)}
    return groups


def _characteristics(result: Result) -> Table:
    cohort = result.cohort
    groups = _groups(cohort)
    rows: list[tuple[str, ...]] = [("People", *(str(int(mask.sum())) for mask in groups.values()))]
    hidden = {"participant_id", *([name_target(result)] if cohort.classes else [])}
    for column in cohort.table.columns:
        if (
            column in hidden
            or _PRIVATE.search(str(column))
            or tuple(cohort.table[column]) in (cohort.site, cohort.unit)
        ):
            continue
        rows += _describe(cohort.table[column], _UNITS.get(str(column), name_column(str(column))), groups)
    return Table(
        "Characteristics: mean ± standard deviation, or number of people",
        ("Measure", *groups),
        tuple(rows),
    )


def _describe(values: pd.Series, name: str, groups: dict[str, np.ndarray]) -> list[tuple[str, ...]]:
    is_number = pd.api.types.is_numeric_dtype(values)
    # Few different numbers are codes: of scanners, of answers.
    if is_number and values.nunique() > _MOST_CODES:
        return [(name, *(_mean(values[mask]) for mask in groups.values()))]
    text = values.map(lambda value: "missing" if pd.isna(value) else f"{value:g}" if is_number else str(value))
    levels = sorted(text.unique())
    if len(levels) > _MOST_LEVELS:
        return [(f"{name}: {len(levels)} different values", *("not shown" for _ in groups))]
    # The first group is everyone: its cells are sums of the others and are shown only where all of those are.
    parts = list(groups.values())[1:] or list(groups.values())
    counts = np.array([[int(((text == level) & mask).sum()) for mask in parts] for level in levels])
    totals = protect_counts(counts.sum(axis=1, keepdims=True)) if len(parts) < len(groups) else [[] for _ in levels]
    return [
        (f"{name}: {level}", *total, *cells)
        for level, total, cells in zip(levels, totals, protect_counts(counts), strict=True)
    ]


def _mean(values: pd.Series) -> str:
    known = values.dropna()
    if len(known) < SMALLEST_CELL:
        return SUPPRESSED
    missing = len(values) - len(known)
    text = f"{number(float(known.mean()))} ± {number(float(known.std()))}"
    return f"{text} ({missing} missing)" if missing >= SMALLEST_CELL else text


def _by_site(result: Result) -> Table:
    cohort = result.cohort
    names = sorted(set(cohort.site))
    site = np.array(cohort.site)
    if cohort.classes:
        counts = np.array([class_counts(cohort, np.flatnonzero(site == name)) for name in names])
    else:
        counts = np.array([[int((site == name).sum())] for name in names])
    columns = cohort.classes or ("people",)
    rows = tuple((name, *cells) for name, cells in zip(names, protect_counts(counts), strict=True))
    return Table(
        f"People by site ({plural(len(names), 'site')})", ("Site", *columns), rows, folded=len(names) > _MOST_LEVELS
    )
