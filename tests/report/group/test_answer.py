"""The rules of the answer box, one case each."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bidsml.records import LeakageCheck, Result
from bidsml.report.group.answer import answer


def change(result: Result, model: str, *, design: str = "stratified", **fields: float) -> Result:
    """Replace fields of the row of the primary metric of a model."""
    wanted = (model, design, result.primary_metric)
    rows = tuple(
        replace(row, **fields) if (row.model, row.design, row.metric) == wanted else row for row in result.performance
    )
    assert rows != result.performance
    return replace(result, performance=rows)


def set_p(result: Result, p: float, p_family: float = float("nan")) -> Result:
    return replace(result, nulls=(replace(result.nulls[0], p=p, p_family=p_family),))


@pytest.fixture
def good(binary: Result) -> Result:
    """Significant, with a narrow interval and a sure gain over the confounds."""
    made = change(binary, "biomarker", estimate=0.74, low=0.66, high=0.81)
    made = change(made, "nuisance", estimate=0.60)
    return set_p(change(made, "biomarker - nuisance", estimate=0.14, low=0.05, high=0.23, p=0.004), 1 / 201)


def test_significant_and_beyond_the_confounds(good: Result) -> None:
    said = answer(good)
    assert said.kind == "beyond the confounds"
    text = " ".join(said.sentences)
    assert (
        "AUC of 0.740, 95 % interval 0.660 to 0.810 (Nadeau-Bengio, corrected for training sets that overlap)" in text
    )
    assert "75 control, 75 patient" in text
    assert "p < 0.005 (at the floor: 200 draws can't show less)" in text
    assert "does better than the confounds alone" in text
    assert "0.140 (95 % interval 0.050 to 0.230, p = 0.0040)" in text


@pytest.mark.parametrize(
    ("difference", "words"),
    [(0.02, "A gain over the confounds alone is not shown"), (-0.02, "The confounds alone do as well or better")],
)
def test_significant_but_not_beyond_the_confounds(good: Result, difference: float, words: str) -> None:
    made = change(good, "biomarker - nuisance", estimate=difference, low=-0.1, high=0.1, p=0.6)
    said = answer(made)
    assert said.kind == "not beyond the confounds"
    assert any(words in s and "age and mean head motion: AUC 0.600" in s for s in said.sentences)


def test_a_significantly_worse_biomarker_is_not_beyond_the_confounds(good: Result) -> None:
    made = change(good, "biomarker - nuisance", estimate=-0.14, low=-0.23, high=-0.05, p=0.004)
    assert answer(made).kind == "not beyond the confounds"


def test_not_significant(good: Result) -> None:
    said = answer(set_p(good, 0.2))
    assert said.kind == "not significant"
    assert any("p = 0.20" in sentence for sentence in said.sentences)


def test_the_corrected_p_decides_where_several_estimators_were_tried(good: Result) -> None:
    first = replace(good.nulls[0], p=0.01, p_family=0.08)
    several = replace(good, nulls=(first, replace(first, estimator="forest")))
    assert answer(several).kind == "not significant"
    assert any("Corrected over the estimators" in s and "p = 0.080" in s for s in answer(several).sentences)
    assert answer(replace(good, nulls=(first,))).kind == "beyond the confounds"


def test_without_a_permutation_test_nothing_is_said_about_chance(good: Result) -> None:
    assert answer(replace(good, nulls=())).kind == "not tested"


def test_without_confounds_the_brain_is_not_claimed(good: Result) -> None:
    rows = tuple(row for row in good.performance if row.model == "biomarker")
    said = answer(replace(good, performance=rows))
    assert said.kind == "confounds not named"
    assert any("can't tell whether it is the brain" in sentence for sentence in said.sentences)


@pytest.mark.parametrize(
    ("low", "high", "kind"), [(0.59, 0.895, "too small to say"), (0.60, 0.88, "beyond the confounds")]
)
def test_a_wide_interval_is_too_small_to_say(good: Result, low: float, high: float, kind: str) -> None:
    assert answer(change(good, "biomarker", low=low, high=high)).kind == kind


@pytest.mark.parametrize(("patients", "kind"), [(19, "too small to say"), (20, "beyond the confounds")])
def test_few_people_of_a_class_are_too_small_to_say(good: Result, patients: int, kind: str) -> None:
    target = np.zeros(150)
    target[:patients] = 1
    said = answer(replace(good, cohort=replace(good.cohort, target=target)))
    assert said.kind == kind
    assert any("Only 19 people are patient" in caveat for caveat in said.caveats) == (patients == 19)


def find(result: Result, check: str, severity: str, status: str = "warned") -> Result:
    """Let the leakage audit find something."""
    return replace(result, leakage=(LeakageCheck(check, status, f"{check} was found", "do so", severity),))


def without_motion(result: Result) -> Result:
    """Compare with confounds that do not hold the motion."""
    return replace(result, cohort=replace(result.cohort, nuisance_source=("age", "sex")))


@pytest.mark.parametrize("check", ["label-site", "label-motion", "separating-features"])
def test_a_label_strongly_tied_to_site_or_motion_is_suspicious(good: Result, check: str) -> None:
    said = answer(find(without_motion(good), check, "alarm"))
    assert said.kind == "suspicious"
    assert f"{check} was found" in said.caveats


@pytest.mark.parametrize("check", ["label-site", "label-motion", "near-duplicates", "whole-data-steps"])
def test_a_milder_finding_stands_beside_the_headline(good: Result, check: str) -> None:
    said = answer(find(good, check, "caution"))
    assert said.kind == "beyond the confounds"
    assert f"{check} was found" in said.caveats


def test_strong_motion_does_not_hide_a_finding_that_goes_beyond_it(good: Result) -> None:
    said = answer(find(good, "label-motion", "alarm"))
    assert said.kind == "beyond the confounds"
    assert "label-motion was found" in said.caveats
    equal = change(good, "biomarker - nuisance", estimate=0.02, low=-0.1, high=0.1, p=0.6)
    assert answer(find(equal, "label-motion", "alarm")).kind == "suspicious"
    # Beating the confounds says nothing about another site's scanner.
    assert answer(find(good, "label-site", "alarm")).kind == "suspicious"


def test_an_alarm_without_an_effect_is_not_significant(good: Result) -> None:
    assert answer(set_p(find(good, "label-site", "alarm"), 0.4)).kind == "not significant"


@pytest.mark.parametrize(("severity", "status"), [("note", "passed"), ("none", "passed"), ("none", "not checked")])
def test_what_the_audit_does_not_warn_of_is_no_caveat(good: Result, severity: str, status: str) -> None:
    said = answer(find(good, "label-motion", severity, status))
    assert said == answer(good)


def test_words_in_other_warnings_raise_no_suspicion(good: Result) -> None:
    assert answer(replace(good, warnings=("The label is tied to the site.",))).kind == "beyond the confounds"


def test_too_good_is_suspicious(good: Result) -> None:
    said = answer(change(good, "biomarker", estimate=0.97, low=0.95, high=0.99))
    assert said.kind == "suspicious"
    assert any("0.95 is rare" in caveat for caveat in said.caveats)


def test_leave_site_out_is_told(good: Result) -> None:
    made = change(good, "biomarker", design="leave-site-out", estimate=0.631)
    (sentence,) = [s for s in answer(made).sentences if "never seen" in s]
    assert "each of 3 left out" in sentence and "0.631" in sentence and "0.740" in sentence


def test_for_an_error_a_smaller_value_is_a_gain(regression: Result) -> None:
    made = replace(regression, primary_metric="mae", nulls=(replace(regression.nulls[0], metric="mae", p=0.01),))
    better = change(made, "biomarker - nuisance", estimate=-1.2, low=-2.0, high=-0.4, p=0.01)
    assert answer(better).kind == "beyond the confounds"
    worse = change(made, "biomarker - nuisance", estimate=1.2, low=0.4, high=2.0, p=0.01)
    assert answer(worse).kind == "not beyond the confounds"


def test_r2_below_zero_is_never_better_than_chance(regression: Result) -> None:
    made = set_p(change(regression, "biomarker", estimate=-0.05, low=-0.1, high=0.0), 1 / 201)
    assert answer(made).kind == "not significant"


def test_losing_many_people_is_a_caveat(good: Result) -> None:
    lost = replace(good.cohort, attrition=good.cohort.attrition * 5, considered=150 + 45)
    assert any("left out on the way" in caveat for caveat in answer(replace(good, cohort=lost)).caveats)
    assert not any("left out on the way" in caveat for caveat in answer(good).caveats)


def test_several_classes_and_regression_have_an_answer(three_classes: Result, regression: Result) -> None:
    assert "macro one-against-rest AUC" in answer(three_classes).sentences[0]
    assert re.search(r"an R² of \d", answer(regression).sentences[0].replace("−", "-"))
