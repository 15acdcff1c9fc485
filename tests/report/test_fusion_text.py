"""The methods text says how blocks were fused and judged, and nothing of it where there is one block."""

import pytest

from bidsml.report.fusion_text import describe_ablation, describe_fusion
from bidsml.spec import AnalysisSpec


def make_spec(n_blocks=2, *, task="classification", **fusion):
    features = tuple({"kind": "table"} for _ in range(n_blocks))
    target = {"column": "dx", "task": task}
    return AnalysisSpec.model_validate({"name": "a", "target": target, "features": features, "fusion": fusion})


@pytest.mark.parametrize(
    ("fusion", "words"),
    [
        ({}, "scaled to the same total variance"),
        ({"scale_blocks": False}, "every feature weighing the same"),
        ({"kind": "kernel_sum"}, "added with weights in quarters"),
        ({"kind": "stacking"}, "a logistic regression with weights that are not negative (Breiman, 1996)"),
    ],
)
def test_each_kind_has_its_sentence_and_its_sources(fusion, words):
    (sentence,) = describe_fusion(make_spec(**fusion))
    assert words in sentence.text
    # A name with a year in the text has a source behind it.
    assert sentence.text.count(", 19") == len(sentence.sources)


def test_an_outcome_is_stacked_by_ridge_regression():
    assert "a ridge regression" in describe_fusion(make_spec(task="regression", kind="stacking"))[0].text


def test_one_block_is_not_fused_and_the_ablation_is_told_only_where_it_ran():
    assert describe_fusion(make_spec(1)) == [] == describe_ablation(make_spec(1))
    assert describe_ablation(make_spec(ablation=False)) == []
    assert "Holm" in describe_ablation(make_spec())[0].text
