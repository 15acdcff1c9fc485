"""What a scikit-learn user may give by mistake: each is refused in words that say what, where and what to do."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bidsml import cross_validate, make_study, permutation_test
from bidsml.errors import AnalysisFileError, BidsmlError, DataError, MissingInputError, UsageError
from bidsml.notebook import load_study

N = 60
PEOPLE = [f"s{number:02d}" for number in range(N)]


@pytest.fixture(scope="module")
def y():
    return np.repeat(["control", "patient"], N // 2)


@pytest.fixture(scope="module", name="X")
def _features(y):
    return np.random.default_rng(0).standard_normal((N, 5)) + (y == "patient")[:, None]


@pytest.fixture(scope="module")
def study(X, y):
    return make_study(X, y)


def refused(error, words, call):
    with pytest.raises(BidsmlError, match=words) as raised:
        call()
    assert type(raised.value) is error
    assert raised.value.hint, "an error says what to do"
    return raised.value


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda X: X[:, 0], UsageError, r"X has the shape \(60,\)"),
        (lambda X: X[:, :, None], UsageError, r"X has the shape \(60, 5, 1\)"),
        (csr_matrix, UsageError, "two dimensions"),
        (lambda X: np.empty((N, 0)), UsageError, "no features"),
        (lambda X: pd.DataFrame(X).assign(sex=["M", "F"] * 30), UsageError, "column 'sex' of X .*'M' in row 0"),
        (lambda X: pd.DataFrame(X, columns=list("aabcd")), UsageError, "more than one column 'a'"),
        (lambda X: np.where(X > 2, np.inf, X), DataError, r"feature 'feature \d' of row \d+ of X is infinite"),
    ],
)
def test_features_that_are_none(X, y, change, error, words):
    refused(error, words, lambda: make_study(change(X), y))


@pytest.mark.parametrize("change", [lambda y: y[:, None], lambda y: pd.DataFrame({"diagnosis": y})])
def test_labels_in_a_table_of_one_column(X, y, change):
    refused(UsageError, r"y has the shape \(60, 1\)", lambda: make_study(X, change(y)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"task": "clasification"}, AnalysisFileError, "task .* found 'clasification'"),
        ({"harmonize": True}, AnalysisFileError, "'combat' needs cohort.site"),
        ({"positive": 3}, AnalysisFileError, "names '3'"),
        ({"regress": "age"}, UsageError, r"\['age'\], which nuisance does not have"),
        ({"nuisance": np.ones((N, 2))}, UsageError, "nuisance is a ndarray"),
        ({"nuisance": pd.Series(np.ones(N))}, UsageError, "nuisance is a Series"),
        ({"nuisance": pd.DataFrame({"age": np.ones(N - 1)})}, UsageError, "'nuisance': 59"),
        ({"nuisance": pd.DataFrame({"target": np.ones(N)})}, UsageError, "'target', which is bidsml's own"),
        ({"nuisance": pd.DataFrame(np.ones((N, 2)), columns=["age", "age"])}, UsageError, "'age', which stands"),
    ],
)
def test_other_parts(X, y, change, error, words):
    refused(error, words, lambda: make_study(X, y, **change))


@pytest.mark.parametrize("part", ["y", "nuisance", "groups", "site"])
def test_parts_in_another_order_of_people_are_refused(X, y, part):
    frame = pd.DataFrame(X, index=PEOPLE)
    values = np.repeat(np.arange(N // 2), 2) if part == "groups" else y
    backwards = pd.Series(values, index=PEOPLE[::-1], name=part)
    parts = {"y": y} | {part: backwards.to_frame() if part == "nuisance" else backwards}
    refused(UsageError, f"row 0 is labelled 's59' in {part} and 's00' in X", lambda: make_study(frame, **parts))
    assert make_study(frame, **parts | {part: parts[part].loc[PEOPLE]}).X.index.tolist() == PEOPLE
    # Without labels there is nothing to compare: rows are taken as they come, as scikit-learn does.
    assert make_study(frame, **parts | {part: parts[part].reset_index(drop=True)}).X.index.tolist() == PEOPLE


def test_a_shuffled_count_is_another_order(X, y):
    shuffled = pd.Series(y).sample(frac=1, random_state=0)
    refused(UsageError, "in y and 0 in X", lambda: make_study(pd.DataFrame(X), shuffled))


def test_a_nuisance_column_may_be_named_site_or_group(X, y):
    site = np.tile(["north", "south"], N // 2)
    nuisance = pd.DataFrame({"site": site})
    alone = make_study(X, y, nuisance=nuisance)
    assert alone.spec.nuisance.columns == ("site",) and alone.spec.cohort.site is None
    both = make_study(X, y, site=site, nuisance=nuisance)
    assert both.spec.nuisance.columns == ("site",) and both.spec.cohort.site == "site"
    refused(
        UsageError, "another column 'site' than site=", lambda: make_study(X, y, site=site[::-1], nuisance=nuisance)
    )


def test_a_named_series_is_a_nuisance_column(X, y):
    assert make_study(X, y, nuisance=pd.Series(np.arange(N), name="age")).spec.nuisance.columns == ("age",)


@pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0], [False, True]])
def test_the_positive_class_may_be_the_label_itself(X, labels):
    y = np.repeat(labels, N // 2)
    first, last = (make_study(X, y, positive=labels[index]) for index in (0, 1))
    assert (first.cohort.positive, last.cohort.positive) == (str(labels[0]), str(labels[1]))


def test_a_nullable_outcome_is_a_number_and_who_lacks_it_is_left_out(X):
    outcome = pd.Series(np.arange(N), dtype="Int64")
    outcome[3] = pd.NA
    study = make_study(X, outcome)
    assert study.spec.target.task == "regression"
    assert "0004" not in study.X.index and len(study.y) == N - 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"folds": 1}, AnalysisFileError, r"folds \(cv.outer.folds\): .* found 1"),
        ({"folds": "5"}, AnalysisFileError, "folds .* found '5'"),
        ({"folds": 31}, DataError, "class 'control' has 30 units, fewer than 31 folds"),
        ({"design": "loso"}, AnalysisFileError, r"design .* found 'loso'"),
        ({"design": "leave-site-out"}, AnalysisFileError, "needs cohort.site"),
        ({"design": "leave-one-out", "folds": 5}, AnalysisFileError, "folds have no meaning"),
        ({"estimator": LogisticRegression()}, UsageError, "estimator is a LogisticRegression"),
        ({"random_state": -1}, UsageError, "random_state is -1"),
        ({"random_state": None}, UsageError, "random_state is None"),
    ],
)
def test_settings_of_a_cross_validation(study, change, error, words):
    refused(error, words, lambda: cross_validate(study, **change))


def test_a_class_smaller_than_the_folds_is_no_score_of_nothing(X):
    rare = np.r_[["a"] * 30, ["b"] * 27, ["rare"] * 3]
    refused(DataError, "class 'rare' has 3 units, fewer than 10 folds", lambda: cross_validate(make_study(X, rare)))
    metric = {"folds": 3, "metric": "sensitivity"}
    refused(AnalysisFileError, "needs two classes", lambda: cross_validate(make_study(X, rare), **metric))


def test_arrays_where_a_study_belongs(X, y, study):
    refused(UsageError, "takes a study, found ndarray", lambda: cross_validate(X, y))
    refused(UsageError, "takes what cross_validate gives, found Study", lambda: permutation_test(study))


@pytest.fixture(scope="module")
def result(study):
    return cross_validate(study, folds=2)


@pytest.mark.parametrize("draws", [-1, 2.5, "10", 0])
def test_draws_that_are_no_number_of_draws(result, draws):
    with pytest.raises((UsageError, AnalysisFileError), match="n_permutations"):
        permutation_test(result, draws)


def test_a_console_shows_one_line(study, result):
    test = permutation_test(result, 9)
    assert repr(study) == "Study('notebook': classification, 60 participants, 5 features)"
    assert repr(test).startswith("PermutationTest(roc_auc = 0.") and repr(test).endswith("p = 0.1 of 9 draws)")


def test_folders_and_files_that_are_not_there(tmp_path):
    refused(MissingInputError, "there is no folder .*nowhere", lambda: load_study(tmp_path / "nowhere"))
    refused(MissingInputError, "there is no analysis file", lambda: load_study(tmp_path, "mine/analysis.toml"))


def test_a_frame_keeps_its_labels(X, y):
    some = pd.DataFrame(X)[10:]
    study = make_study(some, y[10:])
    assert study.X.index.tolist() == [str(number) for number in range(10, N)]
    assert_array_equal(study.X.to_numpy(), some.to_numpy())
