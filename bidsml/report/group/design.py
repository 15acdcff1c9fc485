"""How people were split into training and test."""

from collections.abc import Sequence

from bidsml.records import Fold, Result
from bidsml.report.blocks import Block, Section, Table
from bidsml.report.disclosure import protect_count
from bidsml.report.lookup import LEAVE_SITE_OUT, class_counts, folds_of, read_spec
from bidsml.report.wording import plural

_DESIGNS = {
    "stratified": "by lot, with the same shares of the label (and of sites, as far as counts allow) in every fold",
    "leave-site-out": "each site is predicted by models of the other sites",
    "leave-group-out": "each group is predicted by models of the others",
    "leave-one-out": "each person (or unit) is predicted by a model of all others",
    "fixed": "as a column of the dataset says",
}


def section(result: Result) -> Section:
    """List the folds of every design with the classes in their test part."""
    designs = list(dict.fromkeys(fold.design for fold in result.folds))
    group = read_spec(result).cohort.group
    units = len(set(result.cohort.unit))
    kept = f"People of one {group} ({units} of them) are never split" if group != "participant_id" else ""
    blocks: list[Block] = [_summary(result, designs)]
    blocks += [_folds(result, design) for design in designs]
    return Section(
        anchor="design",
        title="Validation design",
        lead="Every figure comes from people who took no part in fitting the model that judged them; everything that "
        f"is fitted (filling gaps, scaling, confound regression, tuning) sees training people only. {kept}".strip(),
        blocks=tuple(blocks),
    )


def _summary(result: Result, designs: Sequence[str]) -> Table:
    rows = []
    for design in designs:
        folds = folds_of(result, design)
        sizes = [len(fold.test) for fold in folds]
        repeats = len({fold.repeat for fold in folds})
        span = str(min(sizes)) if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
        inner = max((int(fold.inner.max(initial=-1)) + 1 for fold in folds), default=0)
        tuning = str(inner) if inner > 0 else "none"
        rows.append((design, _DESIGNS.get(design, ""), str(len(folds) // repeats), str(repeats), span, tuning))
    columns = ("Design", "How people are split", "Folds", "Repeats", "People in a test fold", "Inner folds for tuning")
    return Table("Designs", columns, tuple(rows), text_columns=2)


def _folds(result: Result, design: str) -> Table:
    folds = folds_of(result, design)
    classes = result.cohort.classes
    rows = tuple(_row(result, fold) for fold in folds)
    tested = tuple(f"Test: {name}" for name in classes) or ("Test",)
    return Table(f"{design}: {plural(len(folds), 'fold')}", ("Fold", "Repeat", "Train", *tested), rows, folded=True)


def _row(result: Result, fold: Fold) -> tuple[str, ...]:
    counts = class_counts(result.cohort, fold.test) if result.cohort.classes else [len(fold.test)]
    # A fold drawn by lot says nothing about its people; a site does.
    write = protect_count if fold.design == LEAVE_SITE_OUT else str
    train = "" if fold.design == LEAVE_SITE_OUT else str(len(fold.train))
    return (fold.name, str(fold.repeat + 1), train or "all others", *(write(int(n)) for n in counts))
