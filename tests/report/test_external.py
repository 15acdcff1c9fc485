"""The page of an external test says what the records say, and nothing that they don't."""

from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest

from bidsml.records import (
    ExternalResult,
    FeatureBlock,
    ModelCard,
    Newcomers,
    PerformanceRow,
    Provenance,
    TrainingPeople,
)
from bidsml.report.external import render_external
from bidsml.report.model_card import render_model_card
from bidsml.spec import StudySpec

EVIL = "<script>alert(1)</script>"
CARD = ModelCard(
    schema=1,
    version="1.0",
    packages={},
    analysis="demo",
    estimator="ridge",
    parameters={"alpha": 10.0},
    class_weight="none",
    task="classification",
    target=EVIL,
    classes=("control", EVIL),
    positive=EVIL,
    features={},
    features_digest="f",
    blocks=(FeatureBlock(EVIL, "table", "", "vector", 0, 2, (), EVIL),),
    names=("u", "v"),
    nuisance=(),
    people=TrainingPeople({"control": 20, EVIL: 3}, "s", (), (), ()),
    performance={"metric": "roc_auc", "estimate": 0.8, "low": 0.7, "high": 0.9, "interval": "Nadeau-Bengio",
                 "design": "stratified", "n": 23, "p": None, "p_floor": None},
)  # fmt: skip


def figure(design="external", low=0.6, **more):
    return PerformanceRow("ridge", "frozen", design, "roc_auc", 0.75, low, 0.88, "unit bootstrap", n=40, **more)


def make(rows=None, **more):
    table = pd.DataFrame({"participant_id": ["a"] * 40, "label": [EVIL] * 40, "unit": ["a"] * 40, "site": [EVIL] * 40})
    target = np.repeat([0.0, 1.0], [37, 3])
    people = Newcomers(table, target, np.zeros((40, 2)), np.zeros((40, 0)), left=(f"1 left: {EVIL}",))
    internal = PerformanceRow("ridge", "biomarker", "internal, stratified", "roc_auc", 0.8, 0.7, 0.9, n=23)
    result = ExternalResult(
        analysis="demo", card=CARD, model_digest="d", people=people, scores=np.zeros((40, 1)),
        predictions=np.zeros(40), probabilities=None, recalibrated=None,
        performance=(internal, *(rows if rows is not None else (figure(), figure(f"external, site {EVIL}")))),
        primary_metric="roc_auc", provenance=Provenance("1", {}, 0, "general", ("bidsml",), ""), warnings=(EVIL,),
    )  # fmt: skip
    return replace(result, **more)


def test_nothing_from_a_dataset_runs():
    html = render_external(make()).html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "<script" not in render_model_card(CARD, StudySpec())


def test_the_answer_gives_both_figures():
    text = unescape(render_external(make()).html)
    assert "On 40 people whom it has not seen, the frozen biomarker reaches AUC 0.750" in text
    assert "Its own analysis had found 0.800" in text


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.6, 0.9, "better than"), (0.4, 0.9, "not told from"), (0.2, 0.4, "worse than")],
)
def test_the_verdict_follows_the_interval(low, high, words):
    row = replace(figure(), low=low, high=high, estimate=(low + high) / 2)
    assert f"{words} chance here" in render_external(make((row,))).html


def test_without_a_figure_no_verdict_is_made_up():
    people = replace(make().people, target=np.full(40, np.nan))
    html = render_external(make((), people=people)).html
    assert "predictions only" in html
    assert "nobody here has a label" in html
    assert "chance here" not in html


def test_small_counts_are_hidden():
    html = render_external(make()).html
    # Three people of one class, here and in training.
    assert html.count("&lt;5") >= 2


def test_the_page_is_the_same_twice():
    assert render_external(make()) == render_external(make())


def test_the_card_says_what_the_model_is_for():
    text = render_model_card(CARD, StudySpec())
    for words in (
        "Not for clinical use",
        "Intended use",
        "Training data",
        "Limits",
        "AUC 0.800 (95 % interval 0.700 to 0.900",
    ):
        assert words in text
    assert "Performance" not in render_model_card(replace(CARD, performance={}), StudySpec())
    assert "estimator.skops" in render_model_card(replace(CARD, packages={"skops": "0.16"}), StudySpec())
