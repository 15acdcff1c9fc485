"""The methods text says what ran, cites what it says, and nothing else."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bidsml.features import CATALOG as FEATURES
from bidsml.learn.estimators import CATALOG as ESTIMATORS
from bidsml.learn.nulls import finish_null, with_p
from bidsml.records import CalibrationCurve, LearningCurve, PatternNull, Result, Utility
from bidsml.report.blocks import Paragraph, References
from bidsml.report.group import methods
from bidsml.report.methods_text import describe_cleaning, describe_features, sources_of
from bidsml.report.wording import ESTIMATOR_NAMES
from bidsml.spec import InferenceSpec

CITED = re.compile(r"((?:von )?[A-Z][A-Za-z-]+)(?: et al\.| & [A-Z][a-z]+)?, (\d{4})")


def told(result: Result) -> tuple[str, list[str]]:
    """The text, and the sources; every one named in the other."""
    blocks = methods.section(result).blocks
    text = " ".join(block.text for block in blocks if isinstance(block, Paragraph))
    sources = [str(source.text) for block in blocks if isinstance(block, References) for source in block.items]
    assert_cited(text, sources)
    return text, sources


def assert_cited(text: str, sources: list[str]) -> None:
    cited = set(CITED.findall(text))
    for name, year in cited:
        assert any(source.startswith(name) and f" {year}. " in source for source in sources), (name, year)
    for source in sources:
        year = re.search(r" (\d{4})\. ", source)
        assert year is None or any(source.startswith(name) and year[1] == of for name, of in cited), source


def with_spec(result: Result, section: str, **changes: object) -> Result:
    return replace(result, spec={**result.spec, section: {**result.spec[section], **changes}})


def with_null(result: Result, **changes: object) -> Result:
    return replace(result, nulls=(replace(result.nulls[0], **changes),))


def says(result: Result, words: str, author: str) -> bool:
    """Whether the text says something, which it does just where the source is cited."""
    text, sources = told(result)
    cited = any(source.startswith(author) for source in sources)
    assert (words in text) == cited, text
    return cited


def test_methods_tell_what_ran(binary: Result) -> None:
    text, _ = told(binary)
    for words in (
        "Of 159 people considered, 150 people (75 control, 75 patient) were analysed, with class labels from the",
        "between the regions of the dosenbach2010 atlas was estimated as the Pearson correlation",
        "Ridge regression (scikit-learn; Pedregosa et al., 2011) was evaluated by stratified cross-validation",
        "5 folds, repeated 2 times",
        "drawn at random 200 times (seed 7)",
        "confounds alone (age and mean head motion)",
        "every site was left out in turn",
    ):
        assert words in text, words


@pytest.mark.parametrize("kind", ["binary", "three_classes", "regression", "bare"])
def test_every_source_is_named_in_the_text_and_every_name_is_a_source(kind: str, request) -> None:
    told(request.getfixturevalue(kind))


def test_combat_is_cited_only_where_it_ran(binary: Result) -> None:
    words = "harmonised over sites by ComBat"
    assert not says(binary, words, "Johnson")
    harmonised = with_spec(binary, "nuisance", harmonize="combat", preserve=["age"])
    assert says(harmonised, words, "Johnson") and says(harmonised, words, "Fortin")
    text, sources = told(harmonised)
    assert "with the effect of age kept" in text and "got the pooled mean and variance" in text
    assert sum(source.startswith("Fortin") for source in sources) == 2


def test_regressing_is_cited_only_where_it_ran(binary: Result) -> None:
    assert not says(binary, "regressed out", "Snoek")
    assert says(with_spec(binary, "nuisance", regress=["age"]), "age was regressed out", "Snoek")


def test_without_a_grid_nothing_was_tuned(binary: Result) -> None:
    assert "Hyper-parameters were tuned" in told(binary)[0]
    fixed = replace(binary, spec={**binary.spec, "estimators": [{"kind": "ridge", "grid": {}}]})
    assert "Hyper-parameters" not in told(fixed)[0]


# ------------------------------------------------------------------ p


def printed_p(text: str, null) -> float:
    """Work out the formula that the text prints, from the numbers that it prints."""
    reached = int((null.null >= null.observed).sum())
    if found := re.search(r"h = (\d+) of them .* took l = (\d+) draws, and p = h / l", text):
        return int(found[1]) / int(found[2])
    if found := re.search(r"All ([\d,]+) distinct labellings.* p is the share of these labellings", text):
        return (1 + reached) / int(found[1].replace(",", ""))
    found = re.search(r"of the m = (\d+) draws .* p = \(1 \+ b\) / \(1 \+ m\)", text)
    return (1 + reached) / (1 + int(found[1]))


@pytest.mark.parametrize("exhaustive", [False, True])
@pytest.mark.parametrize("stop_after", [0, 5, 20, 500])
def test_the_formula_printed_gives_the_p_printed(binary: Result, exhaustive: bool, stop_after: int) -> None:
    rng = np.random.default_rng(1)
    for observed in (0.55, 0.6, 0.9):
        null = replace(binary.nulls[0], observed=observed, null=rng.normal(0.5, 0.06, 200), exhaustive=exhaustive)
        inference = InferenceSpec(permutations=200, stop_after=stop_after)
        result = with_spec(
            replace(binary, nulls=(finish_null(with_p(null), inference),)), "inference", **dict(inference)
        )
        assert printed_p(told(result)[0], result.nulls[0]) == pytest.approx(result.nulls[0].p, rel=1e-12)


def test_the_stop_is_named_where_the_last_draw_of_all_made_it(binary: Result) -> None:
    values = np.full(200, 0.4)
    values[[3, 199]] = 0.99
    null = replace(binary.nulls[0], observed=0.9, null=values)
    inference = InferenceSpec(permutations=200, stop_after=2)
    result = with_spec(replace(binary, nulls=(finish_null(with_p(null), inference),)), "inference", **dict(inference))
    assert result.nulls[0].p == 2 / 200 and result.nulls[0].stopped
    assert printed_p(told(result)[0], null) == 2 / 200


def test_each_way_to_p_has_its_source(binary: Result) -> None:
    plain, reached = "p = (1 + b) / (1 + m)", "p = h / l"
    assert says(binary, plain, "Phipson") and not says(binary, reached, "Besag")
    stopped = with_spec(with_null(binary, stopped=True, p=0.05), "inference", stop_after=10)
    assert says(stopped, reached, "Besag") and not says(stopped, plain, "Phipson")
    every = with_null(binary, exhaustive=True)
    assert not says(every, plain, "Phipson") and "were enumerated" in told(every)[0]
    assert "permutation" not in told(replace(binary, nulls=()))[0]


def test_the_tail_is_named_where_it_was_asked_for(binary: Result) -> None:
    words = "tail of the null"
    assert not says(binary, words, "Knijnenburg")
    fitted = with_null(binary, p_tail=1e-6, tail="generalised Pareto over the 120 largest draws")
    assert says(fitted, words, "Knijnenburg") and "the 120 largest draws" in told(fitted)[0]
    assert "but the draws allow no fit" in told(with_null(binary, tail="the draws allow no fit of a tail"))[0]


def test_the_engine_is_named_by_estimator_where_there_are_two(binary: Result) -> None:
    assert "(general engine)" in told(binary)[0] and "fast engine" not in told(binary)[0]
    fast = told(with_null(binary, engine="fast"))[0]
    assert "(fast engine)" in fast and "general engine" not in fast
    first = replace(binary.nulls[0], engine="fast", p_family=0.01)
    both = told(replace(binary, nulls=(first, replace(first, estimator="forest", engine="general"))))[0]
    assert re.search(r"of logistic regression were solved together[^.]*\(fast engine\)", both)
    assert re.search(r"of a random forest were fitted one by one[^.]*\(general engine\)", both)


def test_the_maximum_statistic_is_cited_for_estimators_and_for_patterns(binary: Result) -> None:
    estimators, patterns = "Over estimators, p was corrected", "How features go with the prediction"
    assert not says(binary, estimators, "Westfall")
    first = replace(binary.nulls[0], p_family=0.01)
    assert says(replace(binary, nulls=(first, replace(first, estimator="forest"))), estimators, "Westfall")
    pattern = PatternNull("feature", (), np.zeros(66), np.zeros((200, 1)), np.ones(66))
    assert says(with_null(binary, patterns=(pattern,)), patterns, "Westfall")


# ------------------------------------------------------------------ features


def with_block(result: Result, kind: str, measure: str) -> Result:
    return replace(result, blocks=(replace(result.blocks[0], kind=kind, measure=measure, layout="vector"),))


def test_anatomy_is_told_where_features_come_from_it(binary: Result) -> None:
    words = "Atropos (Avants"
    assert not says(binary, words, "Tustison")
    density = with_block(binary, "gray_matter", "density")
    assert says(density, words, "Tustison") and says(density, "full width at half maximum", "Good")
    assert "to the template by" in told(density)[0], "auto: each participant's report names the space"
    named = with_spec(density, "preprocess", space="MNI152NLin6Asym", gray_matter_fwhm_mm=0, t1w="average")
    text = told(named)[0]
    assert "the template MNI152NLin6Asym" in text and "not smoothed" in text and "were aligned rigidly" in text
    volumes = with_block(binary, "morphometry", "volume_of_brain")
    assert says(volumes, "divided by the brain's volume", "Voevodskaya")
    assert "smoothed" not in told(volumes)[0]
    assert not says(with_block(binary, "morphometry", "volume"), "divided by the brain's volume", "Voevodskaya")


def test_cleaning_is_told_where_bold_is_known_to_have_been_raw(binary: Result) -> None:
    raw, cleaned = "Raw BOLD runs were preprocessed", "the 36p set of confounds regressed out of it"
    assert raw not in told(binary)[0] and not says(binary, cleaned, "Ciric")
    known = with_spec(binary, "input", kind="raw")
    assert raw in told(known)[0] and says(known, cleaned, "Ciric")
    anatomy = with_spec(with_block(binary, "gray_matter", "density"), "input", kind="raw")
    assert raw not in told(anatomy)[0] and cleaned not in told(anatomy)[0]


def test_a_task_s_model_is_told_where_features_come_from_it(binary: Result) -> None:
    words = "canonical haemodynamic response"
    assert not says(binary, words, "Glover")
    task = with_spec(with_block(binary, "task_contrast", "effect"), "task", contrasts={"a-b": "a - b"})
    assert says(task, words, "Glover") and "a-b (a - b)" in told(task)[0]
    assert "percent signal change, were averaged in the regions of the dosenbach2010 atlas" in told(task)[0]


# ------------------------------------------------------------------ intervals and the rest


def test_each_interval_has_its_source(binary: Result) -> None:
    row = binary.performance[0]

    def only(way: str) -> Result:
        return replace(binary, performance=(replace(row, interval=way),))

    fold, boot, delong = "corrected resampled t", "a bootstrap over units", "(DeLong et al., 1988)"
    assert says(only("Nadeau-Bengio"), fold, "Nadeau") and not says(only("Nadeau-Bengio"), boot, "Efron")
    widened = only("unit bootstrap, widened for training")
    assert says(widened, boot, "Efron") and fold not in told(widened)[0]
    assert says(only("DeLong"), delong, "DeLong") and says(only("DeLong"), "Sun & Xu", "Sun")
    assert not says(only("Nadeau-Bengio"), delong, "DeLong") and not says(widened, delong, "Sun")


def test_patterns_and_curves_are_cited_where_they_are_shown(binary: Result) -> None:
    assert says(binary, "forward patterns", "Haufe") and not says(replace(binary, weights=()), "patterns", "Haufe")
    nothing = np.empty(0)
    utility = Utility(
        "ridge", "biomarker", "stratified", "probability", 0.5, np.eye(2, dtype=int), *[nothing] * 3, *[np.ones(3)] * 3
    )
    curve = LearningCurve("ridge", "stratified", "roc_auc", *[nothing] * 5, asymptote=0.8)
    assert not says(binary, "decision curves", "Vickers") and not says(binary, "power law", "Figueroa")
    assert says(replace(binary, utility=(utility,)), "decision curves", "Vickers")
    assert not says(replace(binary, utility=(replace(utility, threshold_probability=nothing),)), "decision", "Vickers")
    assert says(replace(binary, learning_curves=(curve,)), "power law", "Figueroa")
    bins = CalibrationCurve("ridge", "biomarker", "stratified", *[np.ones(3)] * 6)
    assert "Calibration was" in told(replace(binary, calibration=(bins,)))[0]
    assert "Calibration was" not in told(binary)[0]


# ------------------------------------------------------------------ words for every name


def test_every_estimator_and_measure_has_words() -> None:
    assert set(ESTIMATOR_NAMES) == set(ESTIMATORS)
    for kind in FEATURES.values():
        for measure in kind.measures:
            made = describe_features([(kind.name, measure, "power2011" if "atlas" in kind.keys else "")])
            text = " ".join(sentence.text for sentence in made)
            assert ("power2011" in text) == ("atlas" in kind.keys)
            assert ("one row per participant" in text) == (kind.name == "table")
            assert_cited(text, [source.text for source in sources_of(made)])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "the 36p set of confounds regressed out of it"),
        ({"strategy": "none"}, "without confound regression"),
        ({"columns": ["csf"]}, "and csf regressed out of it"),
        ({"high_pass_hz": 0}, "low-pass filtered (below 0.08 Hz)"),
        ({"low_pass_hz": 0}, "high-pass filtered (above 0.01 Hz)"),
        ({"fd_censor_mm": 0.5}, "above 0.5 mm were censored"),
    ],
)
def test_cleaning_is_told_as_it_was(changes: dict[str, object], words: str) -> None:
    denoise = {"strategy": "36p", "columns": [], "high_pass_hz": 0.01, "low_pass_hz": 0.08, **changes}
    made = describe_cleaning(denoise)
    text = " ".join(sentence.text for sentence in made)
    assert words in text
    assert_cited(text, [source.text for source in sources_of(made)])
