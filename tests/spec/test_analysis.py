"""What an analysis refuses where its sections don't fit together."""

import json

import pytest

from bidsml.spec import AnalysisSpec


@pytest.mark.parametrize(
    ("estimators", "words"),
    [
        ([{"kind": "ridge"}, {"kind": "ridge"}], "listed twice"),
        ([{"kind": "ridge"}, {"kind": "ridge", "features": ["nothing"]}], "names the features 'nothing'"),
        ([{"kind": "ridge", "features": ["table"]}], "takes all features"),
    ],
)
def test_feature_sets_of_estimators_are_checked(estimators, words):
    content = {"name": "a", "target": {"column": "dx"}, "features": [{"kind": "table"}], "estimators": estimators}
    with pytest.raises(ValueError, match=words):
        AnalysisSpec.model_validate_json(json.dumps(content))
