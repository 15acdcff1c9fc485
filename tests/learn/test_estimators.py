from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

import bidsml.learn.estimators as package
from bidsml.errors import AnalysisFileError
from bidsml.learn.check import check_analysis, check_grid, override_warnings
from bidsml.learn.estimators import CATALOG
from bidsml.learn.fast.solvers import why_not_fast
from bidsml.learn.fitting import make_recipe
from bidsml.learn.metrics import METRICS
from bidsml.spec import EstimatorSpec

PAIRS = [(name, task) for name, kind in CATALOG.own.items() for task in sorted(kind.tasks)]


def test_every_family_of_the_folder_is_listed():
    folder = Path(package.__file__).parent
    families = {path.stem for path in folder.glob("*.py")} - {"__init__", "kinds"}
    for family in families:
        module = getattr(package, family, None)
        assert module is not None, f"{family}.py is not imported by the catalog"
        assert set(module.KINDS) <= set(CATALOG)


@pytest.mark.parametrize("name", [name for name, task in PAIRS if task == "regression" and CATALOG[name].linear])
def test_the_strongest_penalty_predicts_the_mean_not_zero(name):
    rng = np.random.default_rng(0)
    features, target = rng.standard_normal((100, 5)), 30 + rng.standard_normal(100)
    model, grid = CATALOG[name].build("regression", class_weight="none", seed=0)
    strongest = {key: values[0] for key, values in grid.items()}
    assert model.set_params(**strongest).fit(features, target).predict(features).mean() == pytest.approx(30, abs=0.5)


@pytest.mark.parametrize("name", [name for name, task in PAIRS if task == "classification" and CATALOG[name].linear])
def test_linear_classifiers_converge_where_classes_are_separable(name, recwarn):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 200))
    model, grid = CATALOG[name].build("classification", class_weight="none", seed=0)
    for key, values in grid.items():
        for value in values:
            model.set_params(**{key: value}).fit(features, np.arange(200) % 2)
    assert not [warning for warning in recwarn if "onverge" in str(warning.message)]


def test_class_weights_take_the_path_of_one_labelling_at_a_time():
    spec = EstimatorSpec(kind="ridge", class_weight="balanced")
    recipe = make_recipe(spec, task="classification", n_classes=2, metric=METRICS["roc_auc"], seed=0)
    assert isinstance(recipe.estimator, RidgeClassifier) and recipe.estimator.class_weight == "balanced"
    assert why_not_fast("ridge", recipe)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"estimators": [{"kind": "rigde"}]}, "rigde"),
        ({"estimators": [{"kind": "ridge", "grid": {"alhpa": [1.0]}}]}, "alhpa"),
        ({"estimators": [{"kind": "ridge", "grid": {"alpha": []}}]}, "no values"),
        ({"estimators": [{"kind": "ridge", "grid": {"alpha": [-1.0]}}]}, "cannot be fitted"),
        ({"estimators": [{"kind": "ridge", "grid": {"alpha": ["much"]}}]}, "cannot be fitted"),
        ({"estimators": [{"kind": "ridge", "grid": {"random_state": [1, 2]}}]}, "not for tuning"),
        ({"estimators": [{"kind": "lda", "class_weight": "balanced"}]}, "class_weight"),
        ({"estimators": [{"kind": "logistic"}], "target": {"column": "x", "task": "regression"}}, "cannot do"),
        (
            {
                "estimators": [{"kind": "ridge", "class_weight": "balanced"}],
                "target": {"column": "x", "task": "regression"},
            },
            "class_weight",
        ),
        ({"inference": {"primary_metric": "r2"}}, "r2"),
        ({"inference": {"primary_metric": "brier"}}, "probabilities"),
        ({"estimators": [{"kind": "forest"}], "nuisance": {"regress": ["age"]}}, "non-linear"),
        ({"estimators": [{"kind": "ridge"}, {"kind": "rbf_svm"}], "nuisance": {"regress": ["age"]}}, "non-linear"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(make_spec, sections, words):
    with pytest.raises(AnalysisFileError, match=words) as caught:
        check_analysis(make_spec(**sections))
    assert caught.value.hint


def test_regressing_before_a_non_linear_estimator_can_be_overridden_and_is_told(make_spec):
    both = [{"kind": "ridge"}, {"kind": "forest"}]
    overridden = make_spec(estimators=both, nuisance={"regress": ["age"], "allow_nonlinear": True})
    check_analysis(overridden)
    (warning,) = override_warnings(overridden)
    assert "before forest" in warning
    assert not override_warnings(make_spec(estimators=both, nuisance={"allow_nonlinear": True}))
    assert not override_warnings(make_spec(nuisance={"regress": ["age"], "allow_nonlinear": True}))


def test_misspelt_names_get_near_names(make_spec):
    with pytest.raises(AnalysisFileError) as caught:
        check_analysis(make_spec(estimators=[{"kind": "rigde"}]))
    assert "'ridge'" in caught.value.hint
    with pytest.raises(AnalysisFileError) as caught:
        check_grid(EstimatorSpec(kind="ridge", grid={"alhpa": (1.0,)}), "classification")
    assert "'alpha'" in caught.value.hint


def test_what_works_passes(make_spec):
    check_analysis(make_spec(estimators=[{"kind": name} for name in CATALOG], nuisance={"columns": ["age"]}))
    check_analysis(make_spec(estimators=[{"kind": "ridge", "grid": {}}], nuisance={"regress": ["age"]}))
