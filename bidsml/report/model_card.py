"""The model card: what a frozen biomarker is for, what it was made from, and what it must not be used for."""

import html
from dataclasses import dataclass

from bidsml.records import ModelCard
from bidsml.report.disclosure import protect_count
from bidsml.report.lookup import name_block
from bidsml.report.normative_text import name_norm
from bidsml.report.wording import (
    estimate,
    interval,
    listing,
    name_column,
    name_estimator,
    name_metric,
    p_value,
    plural,
)
from bidsml.spec import StudySpec


@dataclass(frozen=True)
class Part:
    """A part of the card: plain text under a heading, then facts by name or a list."""

    heading: str
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    items: tuple[str, ...] = ()


def describe_model(card: ModelCard, study: StudySpec) -> tuple[Part, ...]:
    """Say what a frozen biomarker is, part by part (after Mitchell 2019, doi 10.1145/3287560.3287596).

    Parameters
    ----------
    card
        With the out-of-fold headline under ``performance``.
    study
        What the authors told: purpose, users and whom to ask.
    """
    parts = (_model(card), _use(card, study), _training(card), _performance(card), _limits(card, study), _files(card))
    return tuple(part for part in parts if part is not None)


def render_model_card(card: ModelCard, study: StudySpec) -> str:
    """Write the model card as Markdown."""
    parts = [_markdown(part) for part in describe_model(card, study)]
    return "\n\n".join([f"# Model card: {_text(card.analysis)}", *parts]) + "\n"


def _markdown(part: Part) -> str:
    facts = [f"* {_text(name)}: {_text(value)}" for name, value in part.facts]
    items = [f"* {_text(item)}" for item in part.items]
    blocks = [f"## {part.heading}", _text(part.text), "\n".join([*facts, *items])]
    return "\n\n".join(block for block in blocks if block)


def _model(card: ModelCard) -> Part:
    chosen = ", ".join(f"{key} = {value}" for key, value in sorted(card.parameters.items()))
    predicts = " against ".join(card.classes) if card.classes else "a number"
    weighted = ", classes weighted alike" if card.class_weight == "balanced" else ""
    kept = f", keeping {_columns(card.preserved)}" if card.preserved else ""
    return Part(
        "Model",
        f"A frozen biomarker that predicts {card.target} ({predicts}), fitted once on everyone who was analysed.",
        facts=(
            ("Learns from", "; ".join(f"{name_block(one)}: {one.stop - one.start} features" for one in card.blocks)),
            ("Estimator", f"{name_estimator(card.estimator)}{f' with {chosen}' if chosen else ''}{weighted}"),
            ("Regressed out", _columns(card.nuisance)),
            ("Harmonised over sites", f"{'ComBat' if card.sites else 'no'}{kept}"),
            *([("Normative scores", name_norm(card.normative))] if card.normative else []),
            ("Made by", f"bidsml {card.version}"),
        ),
    )


def _columns(columns: tuple[object, ...]) -> str:
    names = dict.fromkeys(getattr(column, "source", "") or getattr(column, "name", "") for column in columns)
    return listing([name_column(name) for name in names]) if names else "nothing"


def _use(card: ModelCard, study: StudySpec) -> Part:
    told = [("Purpose", study.use.purpose), ("For people", study.use.population), ("Users", study.use.users)]
    return Part(
        "Intended use",
        "Not for clinical use. It is no medical device, was not evaluated for diagnosis, prognosis, screening or "
        "treatment, and says nothing about any single person that should be acted upon. It is for research: to test on "
        f"people whom the model has not seen whether the measure still predicts {card.target}, with "
        "“bidsml BIDS_DIR OUTPUT_DIR group --apply MODEL_DIR”, which writes a report of its own, "
        "group-NAME_desc-external.html.",
        facts=tuple((f"{name}, as the authors state", text) for name, text in told if text),
    )


def _training(card: ModelCard) -> Part:
    counts = card.people.counts
    total = sum(counts.values())
    by_class = ", ".join(f"{protect_count(count)} {name}" for name, count in counts.items())
    sites = f" Sites: {listing(list(card.sites), limit=40)}." if card.sites else ""
    return Part(
        "Training data",
        f"{plural(total, 'person', 'people')}{f' ({by_class})' if len(counts) > 1 else ''}, all that were analysed."
        f"{sites} Who they are is kept only as salted SHA-256 hashes, of their labels and of their features, so that "
        "the model can refuse to be judged on them. Somebody who already knows a label, or has the features, can test "
        "whether that person was in the training data: share the model as you would share that fact.",
    )


def _performance(card: ModelCard) -> Part | None:
    said = card.performance
    if not said:
        return None
    values = {key: _number(said.get(key)) for key in ("estimate", "low", "high", "p", "p_floor")}
    tested = f"; {p_value(values['p'], floor=values['p_floor'])}" if values["p"] == values["p"] else ""
    return Part(
        "Performance, out of fold",
        f"{name_metric(str(said['metric']))} {estimate(values['estimate'])} "
        f"(95 % interval {interval(values['low'], values['high'])}, {said['interval'] or 'none made'}){tested}, "
        f"{said['design']} cross-validation, {said['n']} people. "
        "This is the figure of the procedure: models fitted on part of the people and judged on the others. The frozen "
        "model itself was fitted on all of them, and has no figure of its own before it is applied to others.",
    )


def _limits(card: ModelCard, study: StudySpec) -> Part:
    items = [
        "It holds for people, scanners and preprocessing like those of the training data; elsewhere expect less.",
        "Features must be made with the same input, denoising and feature settings; bidsml checks this.",
        "A biomarker can predict by way of confounds: see the report's comparison with the confounds alone.",
    ]
    if card.task == "classification":
        items.insert(2, "Probabilities are calibrated for the training data's share of each class, if at all.")
    if card.sites:
        unseen = "People of a site that training did not know are not harmonised, or refused if the analysis says so."
        items.insert(2, unseen)
    facts = [("Limits, as the authors state", study.discussion.limitations), ("Whom to ask", study.contact)]
    return Part("Limits", items=tuple(items), facts=tuple((name, text) for name, text in facts if text))


def _files(card: ModelCard) -> Part:
    other = ", estimator.skops (the estimator, opened only with the types that bidsml expects in it)"
    return Part(
        "Files",
        "model.json (what is said here and more, with the SHA-256 of the other files), arrays.npz (plain numbers)"
        f"{other if card.packages else ''}. There is no pickle, and none is ever read.",
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _text(text: str) -> str:
    """Make text plain in Markdown: what a dataset brings along can't format, link or run."""
    escaped = html.escape(text, quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]#|" else letter for letter in escaped).replace("\n", " ")
