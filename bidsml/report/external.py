"""The page of a frozen biomarker on another dataset: what it reaches there, beside what it promised."""

import math
from collections.abc import Callable

import numpy as np

from bidsml.records import ExternalResult, PerformanceRow
from bidsml.report.blocks import Block, Bullets, Facts, Figure, Paragraph, Section, Table
from bidsml.report.disclosure import SMALLEST_CELL, SUPPRESSED, protect_count
from bidsml.report.figures import ForestRow, forest_plot
from bidsml.report.normative_text import name_norm
from bidsml.report.page import Page, make_page
from bidsml.report.wording import (
    CHANCE,
    LOWER_IS_BETTER,
    METRIC_MEANING,
    estimate,
    interval,
    name_metric,
    p_value,
    start_sentence,
)


def render_external(result: ExternalResult) -> Page:
    """Make the page: the answer first, then everything that it rests on."""
    sections = [section for make in SECTIONS_EXTERNAL if (section := make(result)) is not None]
    return make_page(
        sections,
        title=f"External test: {result.analysis}",
        subtitle=f"A frozen biomarker of {result.card.target}, on {len(result.predictions)} people of another dataset.",
        version=result.provenance.version,
    )


def answer(result: ExternalResult) -> Section:
    """Say what the frozen model reaches here, and what its own analysis had promised."""
    name = name_metric(result.primary_metric)
    here, there = find_external(result), _internal(result)
    if here is None or math.isnan(here.estimate):
        return Section(
            anchor="answer",
            title="Answer",
            lead=f"Nothing can be said of how good the predictions are: {_why_not(result)}. "
            "They are in predictions.tsv.",
            badge="predictions only",
            tone="caution",
            blocks=_caveats(result),
        )
    badge, tone = _verdict(result, here)
    promised = f" Its own analysis had found {_said(there)}, out of fold." if there is not None else ""
    meaning = METRIC_MEANING.get(result.primary_metric)
    return Section(
        anchor="answer",
        title="Answer",
        lead=f"On {here.n} people whom it has not seen, the frozen biomarker reaches {name} {_said(here)}.{promised}",
        badge=badge,
        tone="good" if tone else "caution",
        blocks=((Paragraph(f"{start_sentence(name)} is {meaning}."),) if meaning else ()) + _caveats(result),
    )


def find_external(result: ExternalResult) -> PerformanceRow | None:
    """Find the primary metric of the frozen model on all people here."""
    wanted = ("frozen", "external", result.primary_metric)
    return next((r for r in result.performance if (r.model, r.design, r.metric) == wanted), None)


def _internal(result: ExternalResult) -> PerformanceRow | None:
    return next((r for r in result.performance if r.design.startswith("internal")), None)


def _said(row: PerformanceRow) -> str:
    return f"{estimate(row.estimate)} (95 % interval {interval(row.low, row.high)})"


def _why_not(result: ExternalResult) -> str:
    labelled = int(np.isfinite(result.people.target).sum())
    return "nobody here has a label" if not labelled else f"the {labelled} labels here don't define the figure"


def _verdict(result: ExternalResult, here: PerformanceRow) -> tuple[str, bool]:
    """Compare the interval with chance, where chance is one number."""
    chance = CHANCE.get(result.primary_metric)
    if chance is None or math.isnan(here.low):
        return "no verdict for this figure", False
    low, high = (-here.high, -here.low) if result.primary_metric in LOWER_IS_BETTER else (here.low, here.high)
    if low > chance:
        return "better than chance here", True
    return ("worse than chance here" if high < chance else "not told from chance here"), False


def _caveats(result: ExternalResult) -> tuple[Block, ...]:
    return (Bullets(result.warnings, heading="To know"),) if result.warnings else ()


def people(result: ExternalResult) -> Section:
    """Say who was predicted, who was judged, and who left."""
    target = result.people.target
    judged = target[np.isfinite(target)]
    names = result.card.classes
    counts = np.bincount(judged.astype(int), minlength=len(names)) if names else np.array([judged.size])
    pairs = [("Predicted", str(target.size)), ("With a label, judged", protect_count(judged.size))]
    pairs += [(name, protect_count(int(count))) for name, count in zip(names or ("people",), counts, strict=True)]
    training = [(f"{name}, in training", protect_count(count)) for name, count in result.card.people.counts.items()]
    blocks: list[Block] = [Facts((*pairs, *training))]
    if result.people.left:
        blocks.append(Bullets(result.people.left, heading="Who left"))
    return Section(
        anchor="people",
        title="People",
        lead="Nobody here was found among the people of the training data: labels and features were compared with the "
        "salted hashes that the model keeps.",
        blocks=tuple(blocks),
    )


def sites(result: ExternalResult) -> Section | None:
    """Show the external figure, of all and of every site, beside the internal one."""
    here, there = find_external(result), _internal(result)
    if here is None or math.isnan(here.estimate):
        return None
    by_site = [row for row in result.performance if row.design.startswith("external, site ")]
    rows = [row for row in (there, here, *by_site) if row is not None]
    labels = {id(there): "internal, out of fold", id(here): "external, all"}
    named = [(labels.get(id(row), row.design.removeprefix("external, ")), row) for row in rows]
    name = name_metric(result.primary_metric)
    shown = [(label, row) for label, row in named if math.isfinite(row.estimate)]
    alt = f"{name}: " + "; ".join(f"{label} {_said(row)}" for label, row in shown) + "."
    dots = [ForestRow(label, row.estimate, row.low, row.high, strong=row is here) for label, row in shown]
    cells = tuple((label, _people(row), _figure(row), interval(row.low, row.high)) for label, row in named)
    figure = Figure(
        name="external",
        svg=forest_plot(dots, label=name, reference=CHANCE.get(result.primary_metric), name="external", alt=alt),
        alt=alt,
        table=Table("internal, external, sites", ("Where", "People", name, "95 % interval"), cells),
    )
    return Section(
        anchor="sites",
        title="Inside, outside, site by site",
        lead="A biomarker that travels stays near its internal figure, at every site. Intervals are a bootstrap over "
        "people (the model is fixed); the internal one is of the procedure that made it.",
        blocks=(figure,),
    )


def _figure(row: PerformanceRow) -> str:
    return estimate(row.estimate) if math.isfinite(row.estimate) else f"n/a ({SUPPRESSED} in a class)"


def _people(row: PerformanceRow) -> str:
    return f"<{2 * SMALLEST_CELL}" if row.n == 0 else protect_count(row.n)


def recalibration(result: ExternalResult) -> Section | None:
    """Say what recalibration on this data would change, beside the frozen model and never instead of it."""
    recalibrated = [row for row in result.performance if row.model.startswith("frozen, recalibrated")]
    calibration = [r for r in result.performance if r.metric.startswith("calibration_") and r.model == "frozen"]
    if not recalibrated and not calibration:
        return None
    frozen = {row.metric: row for row in result.performance if (row.model, row.design) == ("frozen", "external")}
    rows = []
    for row in recalibrated:
        beside = frozen.get(row.metric)
        rows.append((name_metric(row.metric), estimate(beside.estimate) if beside else "n/a", estimate(row.estimate)))
    blocks: list[Block] = []
    if calibration:
        blocks.append(Facts(tuple((name_metric(row.metric), _said(row)) for row in calibration)))
    if rows:
        blocks.append(Table("Frozen and recalibrated on this data", ("Metric", "Frozen", "Recalibrated"), tuple(rows)))
        blocks.append(
            Paragraph(
                "Recalibrated on this data: intercept and slope were fitted to the labels of the very people it is "
                "judged on, so these figures flatter. They are reported beside the frozen model's, never instead."
            )
        )
    return Section(
        anchor="calibration",
        title="Calibration",
        lead="Whether the predicted sizes, not only their order, hold here: a slope of 1 and an intercept of 0 are "
        "perfect.",
        blocks=tuple(blocks),
    )


def figures(result: ExternalResult) -> Section:
    """List every figure."""
    rows = tuple(
        (
            name_metric(row.metric),
            row.model,
            row.design,
            row.interval or "n/a",
            row.note,
            estimate(row.estimate),
            interval(row.low, row.high),
            p_value(row.p, floor=row.p_floor),
            _people(row),
        )
        for row in result.performance
    )
    columns = ("Metric", "Model", "Where", "How", "Note", "Estimate", "95 % interval", "p", "People")
    return Section(
        anchor="performance",
        title="All figures",
        lead="Everything that was computed; nothing of the frozen model was fitted again.",
        blocks=(Table("All figures", columns, rows, text_columns=5),),
    )


def model(result: ExternalResult) -> Section:
    """Describe the model that was applied."""
    card = result.card
    regressed = ", ".join(column.name for column in card.nuisance)
    chosen = ", ".join(f"{key} = {value}" for key, value in sorted(card.parameters.items()))
    return Section(
        anchor="model",
        title="The model",
        lead="Fitted once, on the whole cohort of its own analysis. For research; not for clinical use.",
        blocks=(
            Facts(
                (
                    ("Analysis", card.analysis),
                    ("Estimator", f"{card.estimator} {f'({chosen})' if chosen else ''}".strip()),
                    ("Predicts", f"{card.target}{': ' + ' or '.join(card.classes) if card.classes else ''}"),
                    ("Features", f"{len(card.names)} in {', '.join(block.name for block in card.blocks)}"),
                    ("Regressed out", regressed or "nothing"),
                    ("Harmonised over sites", "ComBat" if card.sites else "no"),
                    *([("Normative scores", name_norm(card.normative))] if card.normative else []),
                    ("Digest", result.model_digest),
                    ("Made by", f"bidsml {card.version}"),
                )
            ),
        ),
    )


def provenance(result: ExternalResult) -> Section:
    """List versions, seed and the command."""
    ran = result.provenance
    pairs = [("Command", " ".join(ran.command)), ("Seed", str(ran.seed)), ("bidsml", ran.version)]
    packages = sorted(ran.packages.items())
    return Section(
        anchor="provenance",
        title="Provenance",
        lead="What made this page; the same command on the same inputs gives the same bytes.",
        blocks=(
            Facts((*pairs, *packages)),
            Table("Digests of the inputs", ("Input", "SHA-256"), tuple(sorted(ran.inputs.items())), 2, folded=True),
        ),
    )


SECTIONS_EXTERNAL: tuple[Callable[[ExternalResult], Section | None], ...] = (
    answer,
    people,
    sites,
    recalibration,
    figures,
    model,
    provenance,
)
