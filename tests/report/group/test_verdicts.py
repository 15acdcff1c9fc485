"""From figures to the verdict and its words: every case of the answer box in one table."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from bidsml.records import LeakageCheck, Result
from bidsml.report.evidence import list_caveats
from bidsml.report.group import answer


@dataclass(frozen=True)
class Case:
    """Figures of a result, what the box says of them, and words that must and must not be there."""

    name: str
    badge: str
    auc: tuple[float, float, float] = (0.74, 0.66, 0.81)
    p: float = 1 / 1001
    draws: int = 1000
    confounds: float = 0.60
    difference: tuple[float, float, float, float] = (0.14, 0.05, 0.23, 0.004)
    n_per_class: int = 75
    alarm: str = ""
    said: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


_BEATEN = ("does better than the confounds alone",)
_NOT_BEATEN = "Better than chance, but not shown to be the brain"
CASES = (
    Case(
        "significant and beats nuisance",
        "Better than chance, and better than the confounds alone",
        said=(
            "an AUC of 0.740, 95 % interval 0.660 to 0.810",
            "150 people (75 control, 75 patient)",
            "1000 draws: p < 0.001 (at the floor: 1000 draws can't show less)",
            "does better than the confounds alone (age and mean head motion: AUC 0.600)",
            "the difference is 0.140 (95 % interval 0.050 to 0.230, p = 0.0040)",
        ),
    ),
    Case(
        "significant, gain not shown",
        _NOT_BEATEN,
        difference=(0.04, -0.05, 0.13, 0.3),
        said=("A gain over the confounds alone is not shown", "0.040 (95 % interval −0.050 to 0.130, p = 0.30)"),
        never=_BEATEN,
    ),
    Case(
        "significant, confounds do better",
        _NOT_BEATEN,
        confounds=0.78,
        difference=(-0.04, -0.1, 0.02, 0.2),
        said=("The confounds alone do as well or better", "AUC 0.780"),
        never=_BEATEN,
    ),
    Case(
        "confounds below guessing",
        "Better than chance, and better than the confounds alone",
        confounds=0.41,
        difference=(0.33, 0.2, 0.4, 0.001),
        said=("AUC 0.410, below the 0.5 of guessing, which makes the difference look larger",),
    ),
    Case(
        "not significant",
        "Not better than chance, as far as these data can tell",
        auc=(0.53, 0.44, 0.62),
        p=0.21,
        said=("p = 0.21",),
    ),
    Case(
        "significant the wrong way round",
        "Not better than chance, as far as these data can tell",
        auc=(0.41, 0.33, 0.49),
        p=0.01,
    ),
    Case("19 in a class", "Too small to say", n_per_class=19, said=("19 control, 19 patient",)),
    Case("wide interval", "Too small to say", auc=(0.74, 0.55, 0.93), said=("0.550 to 0.930",)),
    Case(
        "too few draws to be significant",
        "Too few permutation draws to say",
        p=1 / 11,
        draws=10,
        said=("10 draws",),
    ),
    Case("label tied to the site", "Suspicious", alarm="label-site"),
    Case(
        "label tied to motion, confounds do as well",
        "Suspicious",
        alarm="label-motion",
        difference=(0.02, -0.1, 0.14, 0.6),
    ),
    Case("too good", "Suspicious", auc=(0.97, 0.95, 0.99)),
    Case("too good, and too few", "Suspicious", auc=(0.97, 0.95, 0.99), n_per_class=12),
    Case(
        "tied to the site without an effect",
        "Not better than chance",
        alarm="label-site",
        auc=(0.52, 0.43, 0.6),
        p=0.4,
    ),
)


def make(case: Case, result: Result) -> Result:
    """Give a simulated result the figures of a case."""
    n = 2 * case.n_per_class
    cohort = replace(result.cohort, target=np.arange(n) % 2.0, attrition=(), considered=n)
    figures = {
        "biomarker": dict(zip(("estimate", "low", "high"), case.auc, strict=True)),
        "nuisance": {"estimate": case.confounds},
        "biomarker - nuisance": dict(zip(("estimate", "low", "high", "p"), case.difference, strict=True)),
    }
    rows = tuple(
        replace(row, **figures.get(row.model, {})) if (row.design, row.metric) == ("stratified", "roc_auc") else row
        for row in result.performance
    )
    draws = np.random.default_rng(0).normal(0.5, 0.04, case.draws)
    null = replace(result.nulls[0], null=draws, observed=case.auc[0], p=case.p, p_floor=1 / (1 + case.draws))
    found = LeakageCheck(case.alarm, "warned", f"{case.alarm} is strong", "look", "alarm")
    return replace(result, cohort=cohort, performance=rows, nulls=(null,), leakage=(found,) if case.alarm else ())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_and_its_words(case: Case, binary: Result) -> None:
    result = make(case, binary)
    shown = answer.section(result)
    assert shown.badge.startswith(case.badge), shown.badge
    assert (shown.tone == "good") == case.badge.endswith("better than the confounds alone")
    text = " ".join(answer.answer(result).sentences)
    for words in case.said:
        assert words in text, text
    for words in case.never:
        assert words not in text, text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_verdict_comes_without_figures_and_caveats(case: Case, binary: Result) -> None:
    result = make(case, binary)
    said = answer.answer(result)
    first, second = said.sentences[:2]
    assert "95 % interval" in first and f"{2 * case.n_per_class} people" in first
    assert "p = " in second or "p < " in second
    assert said.caveats == list_caveats(result)
    assert any("single person" in caveat for caveat in said.caveats)
    assert any("one dataset" in caveat for caveat in said.caveats)
    if case.alarm:
        assert f"{case.alarm} is strong" in said.caveats


def test_every_verdict_has_a_case() -> None:
    badges = {badge for badge, _ in answer._BADGES.values()}
    reached = {badge for badge in badges if any(badge.startswith(case.badge) for case in CASES)}
    # Without a test, and without confounds: their own tests stand in test_answer.py.
    assert {badge.partition(";")[0] for badge in badges - reached} == {
        "Not tested against chance",
        "Better than chance",
    }
