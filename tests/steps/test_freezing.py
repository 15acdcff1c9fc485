"""The freezing step: a model, or a reason why there is none."""

import json

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.store import read_record, write_record, write_text
from bidsml.errors import MissingInputError
from bidsml.learn.cohort import build_cohort
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, FeatureSet, Freezing, Study
from bidsml.spec import AnalysisSpec
from bidsml.steps import freezing
from bidsml.steps.freezing import freeze_model


@pytest.fixture
def files(tmp_path):
    def make(kind):
        content = {
            "name": "x",
            "target": {"column": "dx"},
            "features": [{"kind": "table"}],
            "cv": {"outer": {"kind": "stratified", "folds": 3}},
            "estimators": [{"kind": kind, "grid": {}}],
        }
        spec = AnalysisSpec.model_validate_json(json.dumps(content))
        people = [f"p{number:02d}" for number in range(18)]
        table = pd.DataFrame({"participant_id": people, "dx": ["a", "b"] * 9})
        cohort = build_cohort(table, spec, available=people)
        values = np.random.default_rng(0).standard_normal((18, 4))
        block = FeatureBlock("b", "table", "", "vector", 0, 4)
        features = FeatureSet(tuple(people), ("u", "v", "w", "x"), values, (block,))
        study = write_record(tmp_path / "study.npz", Study(cohort, features))
        folds = write_record(tmp_path / "folds.npz", plan_folds(cohort, spec, seed=0))
        return study, folds, write_text(tmp_path / "analysis.json", spec.model_dump_json())

    return make


def test_the_record_is_the_model(files, tmp_path):
    found = read_record(Freezing, freeze_model(*files("ridge"), "here", 0, out_dir=tmp_path))
    assert found.note == ""
    assert found.model.card.estimator == "ridge"
    assert found.model.card.names == ("u", "v", "w", "x")
    assert found.model.arrays["block0_keep"].dtype.kind == "i"


def test_an_estimator_travels_as_bytes(files, tmp_path):
    pytest.importorskip("skops")
    found = read_record(Freezing, freeze_model(*files("rbf_svm"), "here", 0, out_dir=tmp_path)).model
    assert found.estimator.tobytes().startswith(b"PK")
    assert set(found.card.packages) == {"scikit-learn", "skops"}


def test_what_cannot_be_frozen_is_said(files, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise MissingInputError("skops is not here", hint="install it")

    monkeypatch.setattr(freezing, "freeze", refuse)
    found = read_record(Freezing, freeze_model(*files("rbf_svm"), "here", 0, out_dir=tmp_path))
    assert found.model is None
    assert found.note == "No model was frozen: skops is not here. To have one, install it."
