"""The [task] section is read strictly, and decides the participant level."""

import pytest
from pydantic import ValidationError

from bidsml.spec import AnalysisSpec, FeatureSpec, TargetSpec, TaskSpec, features_digest


def make_spec(**task: object) -> AnalysisSpec:
    return AnalysisSpec(
        name="x",
        target=TargetSpec(column="y"),
        features=(FeatureSpec(kind="task_contrast", contrasts=("a",)),),
        task=TaskSpec(**task),
    )


@pytest.mark.parametrize("name", ["", "a b", "a--b", "-a", "a_b"])
def test_a_contrast_is_named_as_files_can_be(name):
    with pytest.raises(ValidationError):
        TaskSpec(contrasts={name: "a - b"})


def test_another_contrast_is_another_participant_level():
    one, same, other = (make_spec(contrasts={"a": expression}) for expression in ("x - y", "x - y", "y - x"))
    assert features_digest(one) == features_digest(same) != features_digest(other)
    assert features_digest(one) != features_digest(make_spec(contrasts={"a": "x - y"}, single_trial="lss"))


def test_it_survives_json():
    spec = TaskSpec(contrasts={"face-house": "face - house"}, hrf="spm + derivative", smoothing_fwhm_mm=0.0)
    assert TaskSpec.model_validate_json(spec.model_dump_json()) == spec
