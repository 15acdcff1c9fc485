"""Where each participant came out, with a way to their own report."""

import numpy as np

from bidsml.records import Result
from bidsml.report.blocks import Link, Section, Table
from bidsml.report.disclosure import SMALLEST_CELL, protect_count
from bidsml.report.individuals import Standing, judge_individuals, name_sites
from bidsml.report.lookup import folds_of
from bidsml.report.viewers import Dot, Strip
from bidsml.report.wording import number, start_sentence


def section(result: Result) -> Section | None:
    """Draw every participant's out-of-fold score, each dot a link to that participant's report."""
    people = judge_individuals(result)
    if len(people.rows) == 0:
        return None
    return Section(
        anchor="people",
        title="Each participant",
        lead=f"One dot is one participant's {people.label}, predicted by models that did not see that participant"
        f"{people.averaged}. A dot leads to the participant's own report, which shows data quality and never a "
        "prediction. This part names people: take it out before the report leaves those who may know them.",
        blocks=(_strip(result, people),),
    )


def _strip(result: Result, people: Standing) -> Strip:
    sites = name_sites(result.cohort)
    site_names = sorted(set(sites))
    folds = folds_of(result, result.cv[0].design)
    memberships = _fold_numbers(result, len(result.cohort.target))
    filters: dict[str, tuple[str, ...]] = {}
    if len(site_names) > 1:
        filters["Site"] = tuple(site_names)
    if len(folds) > 1:
        repeats = len({fold.repeat for fold in folds})
        filters["Tested in"] = tuple(
            fold.name if repeats == 1 else f"repeat {fold.repeat + 1}, {fold.name}" for fold in folds
        )
    dots, rows = [], []
    for index, row in enumerate(people.rows):
        label = result.cohort.participant_id[row]
        href = f"sub-{label}.html"
        site = (sites[row],) if "Site" in filters else ()
        words, numbers = people.words[index], people.numbers[index]
        told = zip((*people.word_columns, *people.number_columns), (*words, *numbers), strict=True)
        said = ", ".join((f"sub-{label}", *site, *(f"{column}: {cell}" for column, cell in told)))
        groups = ((site_names.index(sites[row]),),) if site else ()
        groups += (memberships[row],) if "Tested in" in filters else ()
        wrong = bool(people.wrong[index] > 0.5)
        dots.append(Dot(float(people.value[index]), int(people.band[index]), said, href, wrong, groups))
        rows.append((Link(f"sub-{label}", href), *words, *site, *numbers))
    site_column = ("Site",) if "Site" in filters else ()
    name = "people"
    table = Table(
        f"{people.label} of each participant",
        ("Participant", *people.word_columns, *site_column, *people.number_columns),
        tuple(rows),
        text_columns=1 + len(people.word_columns) + len(site_column),
        name=name,
        sortable=True,
        filters=(*people.word_columns[:1], *site_column),
    )
    return Strip(
        name=name, alt=_say(people), table=table, bands=people.bands, dots=tuple(dots), label=people.axis,
        filters=filters, reference=people.reference,
    )  # fmt: skip


def _fold_numbers(result: Result, n: int) -> list[tuple[int, ...]]:
    """For each participant the numbers of the folds that tested them, in the order of the design's folds."""
    numbers: list[list[int]] = [[] for _ in range(n)]
    for index, fold in enumerate(folds_of(result, result.cv[0].design)):
        for row in fold.test.tolist():
            numbers[row].append(index)
    return [tuple(found) for found in numbers]


def _say(people: Standing) -> str:
    parts = []
    for band, name in enumerate(people.bands):
        mine = people.band == band
        if mine.sum() < SMALLEST_CELL:
            parts.append(f"{name}: fewer than {SMALLEST_CELL} people")
            continue
        middle = number(float(np.median(people.value[mine])), 2)
        wrong = protect_count(int((people.wrong[mine] > 0.5).sum()))
        said = f", {wrong} of them predicted wrongly" if people.has_classes else ""
        parts.append(f"{name}: median {middle} over {mine.sum()} people{said}")
    hollow = " Hollow dots were predicted wrongly." if people.has_classes else ""
    return f"{start_sentence(people.label)}. {'; '.join(parts)}.{hollow}"
