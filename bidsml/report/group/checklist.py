"""What a paper should report, and what of it is here: TRIPOD+AI 2024 and CLAIM 2024."""

from collections import Counter
from collections.abc import Sequence

from bidsml.records import Result
from bidsml.report.blocks import Block, Bullets, Cell, Link, Reference, References, Section, Table
from bidsml.report.checklist.filling import GUIDELINES, Filled, Guideline, fill_checklists
from bidsml.report.lookup import read_study
from bidsml.report.references import CLAIM, TRIPOD_AI
from bidsml.report.wording import plural

_TITLES: dict[Guideline, str] = {"TRIPOD+AI": "TRIPOD+AI 2024", "CLAIM": "CLAIM 2024"}
_SOURCES: tuple[Reference, ...] = (TRIPOD_AI, CLAIM)


def section(result: Result) -> Section:
    """Show every item of both checklists, with its text and where it stands."""
    filled = fill_checklists(result)
    missing = [one for one in filled if one.status == "MISSING"]
    study = read_study(result)
    keys = list(dict.fromkeys(key for one in missing for key in one.item.study if not study.get(key)))
    blocks: list[Block] = [_table(guideline, filled) for guideline in GUIDELINES.values()]
    if keys:
        blocks.append(Bullets((_where_to_tell(keys),), heading="What only the authors know"))
    return Section(
        anchor="checklist",
        title="Reporting checklists",
        lead="What reviewers and journals ask of a prediction study, item by item, in our own words. An item is filled "
        "only where there is a text for it: from what ran (auto), from the authors (study.toml), or with a reason why "
        "it doesn't apply. Whether the text is enough, a person must judge.",
        blocks=(*blocks, References(_SOURCES)),
        badge=f"{plural(len(missing), 'item')} of {len(filled)} missing" if missing else "Every item has a text",
        tone="caution" if missing else "plain",
    )


def _where_to_tell(keys: Sequence[str]) -> str:
    return (
        f"{plural(len(keys), 'key')} of study.toml are not told: {', '.join(keys)}. “bidsml schema --study-template” "
        "prints a file to fill in; put it into BIDS_DIR/code/study.toml and run the group level again, which repeats "
        "nothing but the report."
    )


def _table(guideline: Guideline, filled: Sequence[Filled]) -> Table:
    mine = [one for one in filled if one.item.guideline == guideline]
    counts = Counter(one.status for one in mine)
    said = ", ".join(f"{counts[status]} {status}" for status in ("auto", "study.toml", "not applicable", "MISSING"))
    return Table(
        f"{_TITLES[guideline]}: {plural(len(mine), 'item')}: {said}",
        ("Item", "Asks for", "Status", "Text", "Where"),
        tuple(_row(one) for one in mine),
        text_columns=5,
        folded=True,
        name=f"checklist-{guideline.partition('+')[0].lower()}",
        filters=("Status",),
    )


def _row(one: Filled) -> tuple[Cell, ...]:
    where: Cell = Link(one.anchor, f"#{one.anchor}") if one.anchor else ""
    return one.item.number, one.item.asks, one.status, one.text, where
