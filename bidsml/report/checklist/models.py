"""What a result shows of its predictors and models."""

import numpy as np

from bidsml.records import Result
from bidsml.report.checklist.fact import (
    Fact,
    has_calibration,
    is_linear,
    say_blocks,
    say_classes,
    say_estimators,
)
from bidsml.report.lookup import folds_of, name_target, read_spec
from bidsml.report.wording import listing, name_column, name_columns, name_estimator, plural, start_sentence


def predictor_choice(result: Result) -> Fact:
    """List what the model may use."""
    return Fact(
        f"{start_sentence(say_blocks(result))}; none was chosen by looking at the outcome outside the folds", "methods"
    )


def predictors(result: Result) -> Fact:
    """Say how predictors were measured."""
    how = "computed from each person alone by software that isn't given the label"
    return Fact(f"{start_sentence(say_blocks(result))}, {how}", "methods")


def predictor_raters(result: Result) -> Fact:
    """Say that nobody rates predictors."""
    return Fact("", excuse="predictors are computed by software or read from tables; nobody rates them here")


def predictor_handling(result: Result) -> Fact:
    """Say what was done to features before the model."""
    spec = read_spec(result)
    nuisance = spec.nuisance
    steps = ["standardised"]
    if spec.normative:
        steps.insert(0, "scored against reference people (normative scores)")
    if nuisance.regress:
        steps.insert(0, f"{name_columns(nuisance.regress)} regressed out")
    if nuisance.harmonize == "combat":
        steps.insert(0, "harmonised over sites by ComBat")
    return Fact(f"{listing(steps)}, all fitted in training", "methods")


def partitions(result: Result) -> Fact:
    """Say how people were split."""
    folds = folds_of(result, result.headline.design)
    repeats = len({fold.repeat for fold in folds})
    again = f", {plural(repeats, 'time')}" if repeats > 1 else ""
    return Fact(
        f"{result.headline.design.capitalize()} cross-validation, {plural(len(folds) // repeats, 'fold')}{again}: "
        "each person is tested by models that were not trained on them",
        "design",
    )


def disjoint(result: Result) -> Fact:
    """Say what is never split."""
    group = read_spec(result).cohort.group
    unit = "the participant" if group == "participant_id" else f"the unit in column {name_column(group)}"
    return Fact(f"{unit.capitalize()}, with all scans; checked by the leakage audit", "design")


def model_building(result: Result) -> Fact:
    """Name the models and how they were tuned."""
    spec = read_spec(result)
    tuned = any(estimator.grid != {} for estimator in spec.estimators)
    how = f"tuned by {plural(spec.cv.inner.folds, 'inner fold')} of the training people" if tuned else "not tuned"
    return Fact(f"{start_sentence(say_estimators(result))}, {how}; internal validation by cross-validation", "methods")


def final_model(result: Result) -> Fact:
    """Say which model was frozen."""
    first = name_estimator(result.headline.estimator)
    return Fact(f"The first estimator of the analysis ({first}), tuned and fitted once more on everyone", "methods")


def start(result: Result) -> Fact:
    """Say what fits start from."""
    if is_linear(result):
        return Fact("", excuse="the fit has one solution, whatever it starts from")
    return Fact(f"Drawn from the seed {result.provenance.seed}", "provenance")


def ensembles(result: Result) -> Fact:
    """Say whether several models were combined."""
    kinds = {row.estimator.partition(":")[0] for row in result.performance}
    used = [name_estimator(kind) for kind in ("forest", "boosting", "stack") if kind in kinds]
    if used:
        return Fact(
            f"{start_sentence(listing(used))} combines several models itself; no others were combined", "methods"
        )
    return Fact("", excuse="no models were combined")


def imbalance(result: Result) -> Fact:
    """Give the sizes of the classes, and what was done about them."""
    cohort = result.cohort
    if not cohort.classes:
        return Fact("", excuse="the outcome is a number")
    weighted = any(estimator.class_weight == "balanced" for estimator in read_spec(result).estimators)
    how = "classes were weighted alike in training, and not recalibrated" if weighted else "no method was applied"
    return Fact(f"{say_classes(result)}; {how}", "calibration" if has_calibration(result) else "cohort")


def output(result: Result) -> Fact:
    """Say what the model gives, and its threshold."""
    if not result.cohort.classes:
        return Fact(f"A number: the predicted {name_target(result)}", "discrimination")
    one = next(iter(result.utility), None)
    if one is None or not np.isfinite(one.threshold):
        return Fact("A score for each class; the class with the highest is predicted", "discrimination")
    at = f"{result.cohort.positive} is predicted above {one.threshold:g}, set beforehand and not tuned"
    return Fact(f"A {one.scale}; {at}", "utility")


def prediction(result: Result) -> Fact:
    """Say how predictions were made."""
    return Fact("By each fold's own model, out of fold; all stand in predictions.tsv", "performance")


def full_model(result: Result) -> Fact:
    """Say where the frozen model is."""
    if result.model is None:
        return Fact(lack="No model was frozen; the warnings say why.")
    what = f"{say_estimators(result)} on {say_blocks(result)}"
    where = "frozen in the folder model, with its card and no pickle; “bidsml … group --apply” judges it on other data"
    return Fact(f"{what}; {where}", "model")


def updating(result: Result) -> Fact:
    """Say that nothing was updated."""
    return Fact("", excuse="the model was not updated after it was judged")


def poor_input(result: Result) -> Fact:
    """Say what the frozen model does with poor input."""
    return Fact(
        "The frozen model refuses features that were made in another way, fills gaps with the training median, and "
        "says how many there were; participants below the quality limits have no features",
        "methods",
    )


def software(result: Result) -> Fact:
    """List versions."""
    ran = result.provenance
    return Fact(f"bidsml {ran.version}; {', '.join(f'{k} {v}' for k, v in sorted(ran.packages.items()))}", "provenance")


def code(result: Result) -> Fact:
    """Say where the code is."""
    return Fact("Open source (bidsml, Apache-2.0); analysis.toml and the command repeat the analysis", "provenance")
