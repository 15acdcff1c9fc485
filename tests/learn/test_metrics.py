import numpy as np
import pytest
import sklearn.metrics as reference
from scipy import stats

from bidsml.errors import AnalysisFileError
from bidsml.learn.metrics import METRICS, Outcome, find_metric, metrics_of, pool_outcomes

RNG = np.random.default_rng(0)
TARGET = (RNG.random(80) < 0.4).astype(float)
SCORE = np.round(RNG.standard_normal(80) + TARGET, 1)  # rounded: ties occur
PROBABILITY = 1 / (1 + np.exp(-SCORE))
BINARY = Outcome(
    TARGET, SCORE[:, None], (SCORE > 0).astype(float), np.column_stack([1 - PROBABILITY, PROBABILITY]), n_classes=2
)
OUTCOME = RNG.standard_normal(50)
PREDICTED = 0.5 * OUTCOME + RNG.standard_normal(50)
NUMBERS = Outcome(OUTCOME, PREDICTED[:, None], PREDICTED, train_mean=np.full(50, 0.3))

BINARY_REFERENCES = {
    "roc_auc": lambda: reference.roc_auc_score(TARGET, SCORE),
    "accuracy": lambda: reference.accuracy_score(TARGET, SCORE > 0),
    "balanced_accuracy": lambda: reference.balanced_accuracy_score(TARGET, SCORE > 0),
    "sensitivity": lambda: reference.recall_score(TARGET, SCORE > 0),
    "specificity": lambda: reference.recall_score(TARGET, SCORE > 0, pos_label=0),
    "pr_auc": lambda: reference.average_precision_score(TARGET, SCORE),
    "brier": lambda: reference.brier_score_loss(TARGET, PROBABILITY),
    "log_loss": lambda: reference.log_loss(TARGET, PROBABILITY),
}


@pytest.mark.parametrize("name", BINARY_REFERENCES)
def test_binary_metrics_agree_with_scikit_learn(name):
    assert METRICS[name](BINARY) == pytest.approx(BINARY_REFERENCES[name](), abs=1e-12)


def test_regression_metrics_agree_with_references():
    total = ((OUTCOME - 0.3) ** 2).sum()
    assert METRICS["r2"](NUMBERS) == pytest.approx(1 - ((OUTCOME - PREDICTED) ** 2).sum() / total)
    assert METRICS["mae"](NUMBERS) == pytest.approx(reference.mean_absolute_error(OUTCOME, PREDICTED))
    assert METRICS["pearson"](NUMBERS) == pytest.approx(stats.pearsonr(OUTCOME, PREDICTED).statistic)
    assert METRICS["spearman"](NUMBERS) == pytest.approx(stats.spearmanr(OUTCOME, PREDICTED).statistic)


def test_multiclass_metrics_agree_with_scikit_learn():
    target = RNG.integers(0, 3, 90)
    logits = RNG.standard_normal((90, 3)) + np.eye(3)[target]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    outcome = Outcome(target.astype(float), probability, probability.argmax(axis=1).astype(float), probability, 3)
    expected = reference.roc_auc_score(target, probability, multi_class="ovr", average="macro")
    assert METRICS["roc_auc"](outcome) == pytest.approx(expected)
    assert METRICS["balanced_accuracy"](outcome) == pytest.approx(
        reference.balanced_accuracy_score(target, probability.argmax(axis=1))
    )
    assert METRICS["log_loss"](outcome) == pytest.approx(reference.log_loss(target, probability))
    assert METRICS["brier"](outcome) == pytest.approx(((probability - np.eye(3)[target]) ** 2).sum(axis=1).mean())
    assert np.isnan(METRICS["sensitivity"](outcome))


def test_swapping_the_classes_mirrors_the_auc():
    swapped = Outcome(1 - TARGET, -SCORE[:, None], 1 - BINARY.predictions, n_classes=2)
    assert METRICS["roc_auc"](swapped) == pytest.approx(METRICS["roc_auc"](BINARY))
    assert METRICS["sensitivity"](swapped) == METRICS["specificity"](BINARY)


def test_probabilities_that_are_right_are_calibrated():
    rng = np.random.default_rng(1)
    log_odds = rng.standard_normal(40_000)
    p = 1 / (1 + np.exp(-log_odds))
    target = (rng.random(p.size) < p).astype(float)

    def outcome(shown):
        return Outcome(
            target, shown[:, None], (shown > 0.5).astype(float), np.column_stack([1 - shown, shown]), n_classes=2
        )

    # Standard errors at this n are about 0.015 and 0.011.
    assert METRICS["calibration_slope"](outcome(p)) == pytest.approx(1, abs=0.06)
    assert METRICS["calibration_intercept"](outcome(p)) == pytest.approx(0, abs=0.05)
    overconfident = 1 / (1 + np.exp(-2 * log_odds))
    assert METRICS["calibration_slope"](outcome(overconfident)) == pytest.approx(0.5, abs=0.03)
    shifted = 1 / (1 + np.exp(-(log_odds - 1)))
    assert METRICS["calibration_intercept"](outcome(shifted)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", metrics_of("classification"))
def test_one_class_alone_is_undefined_or_finite_never_an_error(name):
    alone = Outcome(np.zeros(5), np.arange(5.0)[:, None], np.zeros(5), np.tile([0.7, 0.3], (5, 1)), n_classes=2)
    value = METRICS[name](alone)
    assert np.isnan(value) == (
        name in {"roc_auc", "balanced_accuracy", "sensitivity", "pr_auc", "calibration_slope", "calibration_intercept"}
    )


def test_nothing_and_constants_are_undefined():
    nothing = Outcome(np.empty(0), np.empty((0, 1)), np.empty(0), n_classes=2)
    assert all(np.isnan(metric(nothing)) for metric in METRICS.values())
    constant = Outcome(OUTCOME, np.ones((50, 1)), np.ones(50), train_mean=np.zeros(50))
    assert np.isnan(METRICS["pearson"](constant)) and np.isnan(METRICS["spearman"](constant))
    assert np.isnan(METRICS["log_loss"](Outcome(TARGET, SCORE[:, None], TARGET, None, n_classes=2)))


def test_pooling_puts_rows_together():
    halves = [
        Outcome(o.target, o.scores, o.predictions, o.probabilities, 2)
        for o in (
            Outcome(TARGET[:30], SCORE[:30, None], BINARY.predictions[:30], BINARY.probabilities[:30], 2),
            Outcome(TARGET[30:], SCORE[30:, None], BINARY.predictions[30:], BINARY.probabilities[30:], 2),
        )
    ]
    for name in metrics_of("classification"):
        assert METRICS[name](pool_outcomes(halves)) == METRICS[name](BINARY)


def test_unknown_metrics_get_near_names():
    with pytest.raises(AnalysisFileError) as caught:
        find_metric("roc_acu", "classification")
    assert "roc_auc" in caught.value.hint
    with pytest.raises(AnalysisFileError):
        find_metric("r2", "classification")
    with pytest.raises(AnalysisFileError):
        find_metric("calibration_slope", "classification")
