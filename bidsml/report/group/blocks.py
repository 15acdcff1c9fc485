"""What each block of features adds to the others."""

import math

from bidsml.records import BlockEffect, PerformanceRow, Result
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.figures import ForestRow, forest_plot
from bidsml.report.lookup import name_primary
from bidsml.report.wording import CHANCE, LOWER_IS_BETTER, estimate, interval, number, p_value

_SURE = 0.05
_CAUTION = (
    "A block that adds nothing is not one that tells nothing: what it tells may be in the others too. And a gain that "
    "cannot be shown is not shown to be absent: the interval says how large it could be."
)


def section(result: Result) -> Section | None:
    """Show the biomarker with each block alone and without each block."""
    effects = result.blocks_added
    if not any(_measured(effect.alone) or _measured(effect.without) for effect in effects):
        return None
    measured = any(_measured(effect.gain) for effect in effects)
    blocks: list[Block] = [_gains(result) if measured else Paragraph(_finding(result)), _models(result)]
    blocks += [Paragraph(f"{effect.block}: {note}.") for effect in effects for note in effect.notes]
    blocks.append(Paragraph(_CAUTION))
    return Section(
        anchor="blocks",
        title="What each block adds",
        lead="The biomarker was made again on each block of features alone and without each block, "
        f"{_FUSED[_kind(result)]}, on the same folds. What a block adds is the whole biomarker less the one without "
        "it, fold by fold.",
        blocks=tuple(blocks),
    )


_FUSED = {
    "concatenate": "with the remaining blocks side by side",
    "kernel_sum": "with weights of the remaining blocks chosen anew",
    "stacking": "with the remaining blocks stacked anew",
}


def _kind(result: Result) -> str:
    return str(result.spec.get("fusion", {}).get("kind", "concatenate"))


def _measured(row: PerformanceRow | None) -> bool:
    return row is not None and math.isfinite(row.estimate)


def _verdict(result: Result, effect: BlockEffect) -> str:
    """Say in a word what a block does: better, worse, or not to be told."""
    if effect.gain is None or not effect.p_holm < _SURE:
        return "unclear"
    better = (effect.gain.estimate > 0) != (result.primary_metric in LOWER_IS_BETTER)
    return "adds" if better else "harms"


def _finding(result: Result) -> str:
    """Say block by block what it adds."""
    said = []
    for effect in result.blocks_added:
        gain = effect.gain
        if gain is None or not math.isfinite(gain.estimate):
            said.append(f"What {effect.block} adds could not be measured.")
            continue
        figures = f"{estimate(gain.estimate)}, 95 % interval {interval(gain.low, gain.high)}"
        if math.isfinite(effect.p_holm):
            figures += f", {p_value(effect.p_holm)} corrected over the blocks"
        words = {
            "adds": f"{effect.block} adds to the others",
            "harms": f"{effect.block} makes the biomarker worse",
            "unclear": f"that {effect.block} adds anything cannot be shown",
        }[_verdict(result, effect)]
        said.append(f"{words[0].upper() if words.startswith('that') else words[0]}{words[1:]} ({figures}).")
    return " ".join(said)


def _gains(result: Result) -> Figure:
    metric = name_primary(result)
    direction = " (below 0 is better)" if result.primary_metric in LOWER_IS_BETTER else ""
    rows = [
        ForestRow(effect.block, gain.estimate, gain.low, gain.high, strong=_verdict(result, effect) == "adds")
        for effect in result.blocks_added
        if (gain := effect.gain) is not None and math.isfinite(gain.estimate)
    ]
    alt = f"What each block adds in {metric}. {_finding(result)}"
    label = f"What the block adds in {metric}{direction}"
    return Figure(
        name="block-gains",
        svg=forest_plot(rows, label=label, reference=0.0, name="block-gains", alt=alt),
        alt=alt,
        table=_table(result),
    )


def _table(result: Result) -> Table:
    weighed = any(math.isfinite(effect.weight) for effect in result.blocks_added)
    columns = ("Block", "Features", "What it adds", "95 % interval", "p", "p, corrected (Holm)")
    rows = []
    for effect in result.blocks_added:
        gain = effect.gain
        cells = [effect.block, str(effect.n_features), estimate(gain.estimate) if gain else "n/a"]
        cells.append(interval(gain.low, gain.high) if gain else "no interval")
        cells += [number(gain.p if gain else math.nan, 2), number(effect.p_holm, 2)]
        rows.append((*cells, number(effect.weight, 2)) if weighed else tuple(cells))
    return Table("what each block adds", (*columns, "Mean share of the weights") if weighed else columns, tuple(rows))


def _models(result: Result) -> Figure:
    """Draw the biomarker on all blocks, on each alone, and without each where that is another one."""
    metric, whole = name_primary(result), result.headline
    rows = [ForestRow("all blocks", whole.estimate, whole.low, whole.high, strong=True)]
    seen: set[str] = set()
    for words, kind in (("{} alone", "alone"), ("without {}", "without")):
        for effect in result.blocks_added:
            row: PerformanceRow | None = getattr(effect, kind)
            if row is None or not math.isfinite(row.estimate) or row.estimator in seen:
                continue
            seen.add(row.estimator)
            rows.append(ForestRow(words.format(effect.block), row.estimate, row.low, row.high))
    said = "; ".join(f"{row.label} {estimate(row.estimate)} ({interval(row.low, row.high)})" for row in rows)
    alt = f"{metric} of the biomarker by the blocks it has, with 95 % intervals: {said}."
    label = f"{metric} (smaller is better)" if result.primary_metric in LOWER_IS_BETTER else metric
    chance = CHANCE.get(result.primary_metric)
    cells = tuple((row.label, estimate(row.estimate), interval(row.low, row.high)) for row in rows)
    return Figure(
        name="blocks",
        svg=forest_plot(rows, label=label, reference=chance, name="blocks", alt=alt),
        alt=alt,
        table=Table("the biomarker by its blocks", ("Blocks", metric, "95 % interval"), cells),
    )
