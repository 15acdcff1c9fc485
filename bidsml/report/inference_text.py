"""What the intervals and p values rest on, in sentences: each says what ran, and nothing that did not."""

import math
from collections.abc import Sequence

from bidsml.records import PermutationNull, Result
from bidsml.report.lookup import find_null, name_primary, read_spec
from bidsml.report.methods_text import Sentence
from bidsml.report.references import (
    BESAG,
    DELONG,
    EFRON,
    FIGUEROA,
    HAUFE,
    KNIJNENBURG,
    NADEAU,
    PHIPSON,
    SUN_XU,
    VICKERS,
    WESTFALL,
    WINKLER,
)
from bidsml.report.wording import listing, name_estimator, plural, spell_metric
from bidsml.spec import InferenceSpec

_REACHED = "at least as good as the observed one"


def describe_intervals(result: Result) -> list[Sentence]:
    """Say what was measured, and how the intervals around it were made."""
    ways = {row.interval for row in result.performance}
    sentences = [Sentence(f"Performance was measured by the {spell_metric(name_primary(result))}.")]
    if any("nadeau" in way.lower() for way in ways):
        sentences.append(
            Sentence(
                "95 % intervals of means over folds are those of the corrected resampled t test, which allows for "
                "training sets that overlap (Nadeau & Bengio, 2003).",
                (NADEAU,),
            )
        )
    if any("widened" in way for way in ways):
        sentences.append(
            Sentence(
                "95 % intervals of pooled predictions are percentiles of a bootstrap over units "
                "(Efron & Tibshirani, 1993), widened by the corresponding correction for the sampling of the training "
                "participants (Nadeau & Bengio, 2003).",
                (EFRON, NADEAU),
            )
        )
    if "DeLong" in ways:
        sentences.append(
            Sentence(
                "As a cross-check, areas under the curve and their paired differences were given intervals that take "
                "the fitted models as given (DeLong et al., 1988), by a fast algorithm (Sun & Xu, 2014).",
                (DELONG, SUN_XU),
            )
        )
    return sentences


def describe_chance(result: Result) -> list[Sentence]:
    """Say how the permutation test was made, and the formula of the p that is printed."""
    null = find_null(result)
    if null is None or math.isnan(null.p):
        return []
    sentences = [_say_labellings(null), *_say_engines(result.nulls), _say_p(null, read_spec(result).inference)]
    if null.tail:
        sentences.append(_say_tail(null))
    if any(math.isfinite(other.p_family) for other in result.nulls) and _estimators(result.nulls)[1:]:
        sentences.append(
            Sentence(
                "Over estimators, p was corrected for the family-wise error by the maximum statistic of the same "
                "labellings (Westfall & Young, 1993).",
                (WESTFALL,),
            )
        )
    return sentences


def _say_labellings(null: PermutationNull) -> Sentence:
    """Say what changed places with what, and how many labellings were looked at."""
    if null.exhaustive:
        which = (
            f"All {1 + len(null.null):,} distinct labellings were enumerated, and the whole pipeline, tuning included, "
        )
        each = "was fitted anew to each."
    else:
        which = (
            f"Labels were drawn at random {plural(len(null.null), 'time')} (seed {null.seed}), and the whole pipeline, "
        )
        each = "tuning included, was fitted anew to each draw."
    test = f"Significance was assessed by a permutation test that exchanged {null.scheme} (Winkler et al., 2015)."
    return Sentence(f"{test} {which}{each}", (WINKLER,))


def _say_engines(nulls: Sequence[PermutationNull]) -> list[Sentence]:
    """Name the engine; where several estimators ran on different ones, which ran on which."""
    fast, general = (
        _estimators([null for null in nulls if (null.engine == "fast") == together]) for together in (True, False)
    )
    whose = f" of {listing([name_estimator(kind) for kind in fast])}" if general else ""
    sentences = []
    if fast:
        words = f"All labellings{whose} were solved together, to the tolerance of scikit-learn's fits (fast engine)."
        sentences.append(Sentence(words))
    whose = f" of {listing([name_estimator(kind) for kind in general])}" if fast else ""
    if general:
        sentences.append(Sentence(f"Labellings{whose} were fitted one by one by scikit-learn (general engine)."))
    return sentences


def _estimators(nulls: Sequence[PermutationNull]) -> list[str]:
    return list(dict.fromkeys(null.estimator for null in nulls))


def _say_p(null: PermutationNull, inference: InferenceSpec) -> Sentence:
    """Write the formula that gave ``null.p``."""
    m = len(null.null)
    if null.exhaustive:
        return Sentence(f"p is the share of these labellings, the observed one among them, whose value is {_REACHED}.")
    plain = f"With b of the m = {m} draws giving a value {_REACHED}, p = (1 + b) / (1 + m)"
    h = inference.stop_after
    if not h:
        return Sentence(f"{plain} (Phipson & Smyth, 2010).", (PHIPSON,))
    # Below h such draws, (1 + b) / (1 + m) is less than h / m: the value tells which of the two it is.
    if null.stopped or math.isclose(null.p, h / m):
        return Sentence(
            f"Draws, at most {inference.permutations}, ended once h = {h} of them had given a value {_REACHED}; this "
            f"took l = {m} draws, and p = h / l (Besag & Clifford, 1991).",
            (BESAG,),
        )
    return Sentence(
        f"Draws were to end once {h} of them had given a value {_REACHED} (Besag & Clifford, 1991), which did not "
        f"happen. {plain} (Phipson & Smyth, 2010).",
        (BESAG, PHIPSON),
    )


def _say_tail(null: PermutationNull) -> Sentence:
    if math.isnan(null.p_tail):
        words = f"A p from the tail of the null (Knijnenburg et al., 2009) was asked for, but {null.tail}."
    else:
        words = (
            "In addition, p was extrapolated beyond the draws by a fit to the tail of the null "
            f"(Knijnenburg et al., 2009; {null.tail})."
        )
    return Sentence(words, (KNIJNENBURG,))


def describe_evaluation(result: Result) -> list[Sentence]:
    """Say what else was made of the predictions: patterns, calibration, decision and learning curves."""
    sentences = []
    if result.weights:
        words = "Weights of linear models are shown as forward patterns (Haufe et al., 2014)."
        sentences.append(Sentence(words, (HAUFE,)))
    null = find_null(result)
    if null is not None and null.patterns:
        levels = listing([f"{pattern.level}s" for pattern in null.patterns])
        words = (
            f"How {levels} go with the prediction was tested on the same labellings, with p corrected over all of a "
            "kind by the maximum statistic (Westfall & Young, 1993)."
        )
        sentences.append(Sentence(words, (WESTFALL,)))
    if any(curve.n.size for curve in result.calibration):
        sentences.append(
            Sentence("Calibration was described by slope, intercept and the observed share per bin of probabilities.")
        )
    if any(utility.threshold_probability.size for utility in result.utility):
        words = "The use of acting on predictions was described by decision curves (Vickers & Elkin, 2006)."
        sentences.append(Sentence(words, (VICKERS,)))
    if any(math.isfinite(curve.asymptote) for curve in result.learning_curves):
        words = "The learning curve was extrapolated by an inverse power law (Figueroa et al., 2012)."
        sentences.append(Sentence(words, (FIGUEROA,)))
    return sentences
