"""The model card: what a frozen biomarker is for, what it was made from, and what it must not be used for."""

import html

from bidsml.records import ModelCard
from bidsml.report.wording import estimate, interval, name_metric, p_value


def render_model_card(card: ModelCard) -> str:
    """Write the model card as Markdown (after Mitchell 2019, doi 10.1145/3287560.3287596).

    Parameters
    ----------
    card
        With the out-of-fold headline under ``performance``.
    """
    parts = (_what(card), _use(card), _training(card), _performance(card), _limits(card), _files(card))
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(card: ModelCard) -> str:
    blocks = "; ".join(
        f"{_text(block.name)} ({_text(block.kind)}{', ' + _text(block.measure) if block.measure else ''}"
        f"{', atlas ' + _text(block.atlas) if block.atlas else ''}, {block.stop - block.start} features)"
        for block in card.blocks
    )
    chosen = ", ".join(f"{_text(key)} = {_text(str(value))}" for key, value in sorted(card.parameters.items()))
    predicts = " against ".join(_text(name) for name in card.classes) if card.classes else "a number"
    return (
        f"# Model card: {_text(card.analysis)}\n\n"
        f"A frozen biomarker that predicts *{_text(card.target)}* ({predicts}) from {blocks}.\n\n"
        f"* Estimator: {_text(card.estimator)}{' with ' + chosen if chosen else ''}"
        f"{', classes weighted alike' if card.class_weight == 'balanced' else ''}\n"
        f"* Made by: bidsml {_text(card.version)}\n"
        f"* Regressed out: {_listed([column.name for column in card.nuisance])}\n"
        f"* Harmonised over sites: {'ComBat' if card.sites else 'no'}"
        f"{', keeping ' + _listed([column.name for column in card.preserved]) if card.preserved else ''}"
    )


def _use(card: ModelCard) -> str:
    return (
        "## Intended use\n\n"
        "Research: to test on people whom the model has not seen whether the measure still predicts "
        f"*{_text(card.target)}*, with `bidsml BIDS_DIR OUTPUT_DIR group --apply MODEL_DIR`, which writes "
        "`OUTPUT_DIR/group/<analysis>/external/` and `OUTPUT_DIR/group-<analysis>_desc-external.html`.\n\n"
        "**Not for clinical use.** It is no medical device, was not evaluated for diagnosis, prognosis, screening or "
        "treatment, and says nothing about any single person that should be acted upon."
    )


def _training(card: ModelCard) -> str:
    counts = ", ".join(f"{count} {_text(name)}" for name, count in card.people.counts.items())
    total = sum(card.people.counts.values())
    sites = f" Sites: {_listed(card.sites)}." if card.sites else ""
    return (
        "## Training data\n\n"
        f"{total} people ({counts}), all that were analysed.{sites} "
        "Who they are is kept only as salted SHA-256 hashes, of their labels and of their features, so that the model "
        "can refuse to be judged on them. Somebody who already knows a label, or has the features, can test whether "
        "that person was in the training data: share the model as you would share that fact."
    )


def _performance(card: ModelCard) -> str:
    said = card.performance
    if not said:
        return ""
    values = {key: _number(said.get(key)) for key in ("estimate", "low", "high", "p", "p_floor")}
    tested = f"; {p_value(values['p'], floor=values['p_floor'])}" if values["p"] == values["p"] else ""
    return (
        "## Performance, out of fold\n\n"
        f"{name_metric(str(said['metric']))} {estimate(values['estimate'])} "
        f"({interval(values['low'], values['high'])}; {_text(str(said['interval']) or 'no interval')}){tested}, "
        f"{_text(str(said['design']))}, {said['n']} people.\n\n"
        "This is the figure of the procedure: models fitted on part of the people and judged on the others. The frozen "
        "model itself was fitted on all of them, and has no figure of its own before it is applied to others."
    )


def _limits(card: ModelCard) -> str:
    unseen = (
        "* Participants of a site that training did not know are not harmonised, or refused if the analysis says so.\n"
        if card.sites
        else ""
    )
    return (
        "## Limits\n\n"
        "* It holds for people, scanners and preprocessing like those of the training data; elsewhere expect less.\n"
        "* Features must be made with the same input, denoising and feature settings; bidsml checks this.\n"
        f"{unseen}"
        "* Probabilities are calibrated for the training data's share of each class, if at all.\n"
        "* A biomarker can predict by way of confounds: see the report's comparison with the confounds alone."
    )


def _files(card: ModelCard) -> str:
    other = ", `estimator.skops` (the estimator, opened only with the types that bidsml expects in it)"
    return (
        "## Files\n\n"
        "`model.json` (what is said here and more, with the SHA-256 of the other files), `arrays.npz` (plain numbers)"
        f"{other if card.packages else ''}. There is no pickle, and none is ever read."
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(_text(name) for name in names) or "nothing"


def _text(text: str) -> str:
    """Make a name from a dataset plain text in Markdown."""
    escaped = html.escape(text, quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]#|" else letter for letter in escaped).replace("\n", " ")
