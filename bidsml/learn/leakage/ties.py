"""What else the label goes with: the site, head motion, the nuisance columns."""

import re

import numpy as np
import pandas as pd

from bidsml.learn.leakage.association import Severity, Tie, tie_to_names, tie_to_numbers
from bidsml.learn.leakage.material import Material, listing, not_checked, passed, warned
from bidsml.records import LeakageCheck

_MOTION = re.compile(
    r"(?<![a-z])(fd|motion|movement|dvars|outliers?|censored|scrubbed|minutes_kept|volumes_kept)(?![a-z])|framewise",
    re.IGNORECASE,
)
_SITE = re.compile(r"(?<![a-z])(sites?|cent(er|re))(?![a-z])|scanner|magnet", re.IGNORECASE)


def check_label_site(material: Material) -> LeakageCheck:
    """Measure how far the label goes with the site."""
    ties = _site_ties(material)
    if not ties:
        named = bool(material.cohort.site) or any(map(_is_site, material.cohort.nuisance_source))
        reason = "There is one site only." if named else "The analysis names no site column."
        return not_checked("label-site", reason, advice="" if named else "name it as cohort.site")
    return _judge(
        "label-site",
        f"Label and site: {_list(ties)}",
        _worst(ties),
        advice="a model may recognise the scanner: rely on leave-site-out, and name the site among the nuisance "
        "columns",
    )


def _site_ties(material: Material) -> dict[str, Tie]:
    """Ties to the site, or, where none is named, to nuisance columns whose names say that they hold it."""
    if material.cohort.site:
        tie = site_tie(material)
        return {f"{len(set(material.cohort.site))} sites": tie} if tie else {}
    return {name: tie for name, tie in _column_ties(material).items() if _is_site(name)}


def site_tie(material: Material) -> Tie | None:
    """Tie of the label to the site, one row per unit; ``None`` where one of them does not vary."""
    cohort, rows = material.cohort, material.one_per_unit
    if not cohort.site:
        return None
    return tie_to_names(cohort.target[rows], [cohort.site[row] for row in rows], classes=len(cohort.classes))


def check_label_motion(material: Material) -> LeakageCheck:
    """Measure how far the label goes with head motion; a mild difference (AUC below 0.6) is a note."""
    ties = {name: tie for name, tie in _column_ties(material).items() if is_motion(name)}
    if not ties:
        return not_checked(
            "label-motion",
            "No column of head motion is known for these people.",
            advice="add mean_fd to participants.tsv, or name it among the nuisance columns",
        )
    return _judge(
        "label-motion",
        f"Label and head motion: {_list(ties)}",
        _worst(ties),
        advice="compare with the model of confounds alone, motion among them; match the groups or tighten the limit "
        "on motion",
    )


def check_label_nuisance(material: Material) -> LeakageCheck:
    """Measure how far the label goes with the other nuisance columns. Never an alarm: they are named to be compared."""
    ties = {n: t for n, t in _column_ties(material).items() if not is_motion(n) and not _is_site(n)}
    for column in _site_columns(material):
        ties.pop(column, None)
    if not ties:
        return not_checked(
            "label-nuisance",
            "The analysis names no nuisance column beside site and motion that varies.",
            advice="name age, sex and what else could explain the label under nuisance.columns",
        )
    worst = _worst(ties)
    # A difference in age between patients and controls is common: only a strong one is more than a note.
    return _judge(
        "label-nuisance",
        f"Label and nuisance columns: {_list(ties)}",
        "caution" if worst == "alarm" else "note" if worst == "caution" else worst,
        advice="compare with the model of confounds alone; match the groups where it can be done",
    )


def _is_site(column: str) -> bool:
    return _SITE.search(column) is not None


def is_motion(column: str) -> bool:
    """Say whether a column's name tells that it measures head motion."""
    return _MOTION.search(column) is not None


def _site_columns(material: Material) -> set[str]:
    """Columns that hold the site: those of the table that repeat ``cohort.site`` row by row."""
    cohort = material.cohort
    return {name for name in cohort.table if cohort.site and tuple(map(str, cohort.table[name])) == cohort.site}


def _is_target(column: str, material: Material) -> bool:
    """Say whether a column is the target, whose name may speak of movement too."""
    cells, target = material.cohort.table[column], material.cohort.target
    if not material.cohort.classes:
        return pd.api.types.is_numeric_dtype(cells) and np.array_equal(cells.to_numpy(dtype=float), target)
    codes = pd.factorize(cells)[0]
    pairs = set(zip(codes.tolist(), target.tolist(), strict=True))
    return len(pairs) == np.unique(target).size == np.unique(codes).size


def _column_ties(material: Material) -> dict[str, Tie]:
    """Ties of the label to the nuisance columns and to every numeric column of motion, one row per unit."""
    cohort, rows = material.cohort, material.one_per_unit
    motion = (name for name in map(str, cohort.table) if is_motion(name) and not _is_target(name, material))
    wanted = dict.fromkeys([*cohort.nuisance_source, *motion])
    found = {}
    for name in wanted:
        column = cohort.table[name].iloc[rows]
        tie: Tie | None = None
        if pd.api.types.is_numeric_dtype(column) and not _is_site(name):
            tie = tie_to_numbers(
                cohort.target[rows], column.to_numpy(dtype=float, na_value=np.nan), classes=len(cohort.classes)
            )
        elif not is_motion(name):
            present = column.notna().to_numpy()
            tie = tie_to_names(
                cohort.target[rows][present], column[present].astype(str).tolist(), classes=len(cohort.classes)
            )
        if tie is not None:
            found[name] = tie
    return found


def _worst(ties: dict[str, Tie]) -> Severity:
    order: tuple[Severity, ...] = ("none", "note", "caution", "alarm")
    return max((tie.grade(n_tests=len(ties)) for tie in ties.values()), key=order.index)


def _list(ties: dict[str, Tie]) -> str:
    ordered = sorted(ties.items(), key=lambda item: item[1].p)
    return listing([f"{name} ({tie.words})" for name, tie in ordered])


def _judge(check: str, evidence: str, severity: Severity, *, advice: str) -> LeakageCheck:
    if severity in ("none", "note"):
        words = "no tie is shown" if severity == "none" else "a mild tie"
        return passed(check, f"{evidence}: {words}.", note=severity == "note")
    words = "strongly tied" if severity == "alarm" else "tied"
    return warned(check, f"{evidence}: {words}.", advice=advice, alarm=severity == "alarm")
