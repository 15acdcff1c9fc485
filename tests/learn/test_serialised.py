"""Estimators that are no weights: kept by skops, the same bytes each time, opened with expected types only."""

import argparse
import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.svm import SVC, SVR

from bidsml.errors import DataError, MissingInputError
from bidsml.learn import serialised
from bidsml.learn.serialised import dump_estimator, load_estimator

skops_io = pytest.importorskip("skops.io")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
Y = (X[:, 0] > 0).astype(int)
MODELS = {
    "forest": RandomForestClassifier(5, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=5, early_stopping=False, random_state=0),
    "rbf_svm": SVC(random_state=0),
}


@pytest.mark.parametrize("kind", MODELS)
def test_an_estimator_comes_back_as_it_was(kind):
    model = MODELS[kind].fit(X, Y)
    back = load_estimator(dump_estimator(model), kind)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("kind", MODELS)
def test_two_fits_give_the_same_bytes(kind):
    from sklearn.base import clone

    first, second = (dump_estimator(clone(MODELS[kind]).fit(X, Y)) for _ in range(2))
    assert first == second


def test_a_type_that_is_not_expected_is_named_and_refused():
    model = SVR().fit(X, X[:, 0])
    model.extra = argparse.Namespace(a=1)
    with pytest.raises(DataError, match=r"not trusted in a rbf_svm: .*Namespace"):
        load_estimator(dump_estimator(model), "rbf_svm")


def test_a_type_of_another_kind_is_refused():
    with pytest.raises(DataError, match=r"not trusted in a rbf_svm: .*sklearn\.tree\._tree\.Tree"):
        load_estimator(dump_estimator(MODELS["forest"].fit(X, Y)), "rbf_svm")
    # skops takes all of scikit-learn for harmless; in this model it is not expected.
    with pytest.raises(DataError, match=r"not trusted in a rbf_svm: sklearn\.linear_model\._ridge\.Ridge"):
        load_estimator(dump_estimator(Ridge().fit(X, Y)), "rbf_svm")
    with pytest.raises(DataError, match="says it is a rbf_svm, and holds a list"):
        load_estimator(dump_estimator([SVC()]), "rbf_svm")
    with pytest.raises(DataError, match="'ridge' is never kept as a skops file"):
        load_estimator(dump_estimator(Ridge().fit(X, Y)), "ridge")


def test_a_callable_smuggled_into_the_file_is_refused(tmp_path):
    content = dump_estimator(SVC().fit(X, Y))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    trace = tmp_path / "trace"
    evil = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": {}, "__id__": 9999}
    schema = json.loads(parts["schema.json"])
    schema["content"]["content"]["kernel"] = evil
    parts["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    with pytest.raises(DataError):
        load_estimator(buffer.getvalue(), "rbf_svm")
    assert not trace.exists()


def test_two_parts_of_one_name_are_refused():
    content = io.BytesIO(dump_estimator(SVC().fit(X, Y)))
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("schema.json", archive.read("schema.json"))
    with pytest.raises(DataError, match="two parts of the estimator have one name"):
        load_estimator(content.getvalue(), "rbf_svm")


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"PK\x03\x04 nonsense"])
def test_what_is_no_skops_file_is_refused(content):
    with pytest.raises(DataError, match="not a readable skops file"):
        load_estimator(content, "forest")


@pytest.mark.parametrize("found", ["0.11.0", "0.9"])
def test_an_old_skops_is_refused(monkeypatch, found):
    monkeypatch.setattr(serialised, "version", lambda name: found)
    with pytest.raises(MissingInputError, match="too old"):
        dump_estimator(SVC())


def test_without_skops_it_is_said_what_to_install(monkeypatch):
    def absent(name):
        raise serialised.PackageNotFoundError(name)

    monkeypatch.setattr(serialised, "version", absent)
    with pytest.raises(MissingInputError) as caught:
        dump_estimator(SVC())
    assert "bidsml[models]" in caught.value.hint
