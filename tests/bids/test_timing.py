import pytest

from bidsml.bids.timing import header_tr_s, reconcile_tr, sidecar_tr_s
from bidsml.errors import DataError


@pytest.mark.parametrize(
    ("tr", "unit", "seconds"),
    [(2.0, "sec", 2.0), (800.0, "msec", 0.8), (2.5, "unknown", 2.5), (1.0, "unknown", None), (None, "sec", None)],
)
def test_header(dataset, tr, unit, seconds):
    path = dataset.add_bold("d", "sub-01_bold.nii.gz", tr_s=tr, unit=unit)
    assert header_tr_s(path) == (None if seconds is None else pytest.approx(seconds))


def test_an_unreadable_header_says_nothing_and_is_logged(tmp_path, caplog):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"no image")
    assert header_tr_s(path) is None
    assert "a.nii.gz is not a readable NIfTI image" in caplog.text


@pytest.mark.parametrize("value", [0, -1, "2", True, float("nan"), [2]])
def test_sidecar_values_that_are_no_time(tmp_path, value):
    with pytest.raises(DataError, match="RepetitionTime must be a positive number"):
        sidecar_tr_s({"RepetitionTime": value}, path=tmp_path)


def test_repetition_time_goes_before_sampling_frequency(tmp_path):
    assert sidecar_tr_s({"RepetitionTime": 2, "SamplingFrequency": 4}, path=tmp_path) == 2.0
    assert sidecar_tr_s({"SamplingFrequency": 4}, path=tmp_path) == 0.25
    assert sidecar_tr_s({}, path=tmp_path) is None


def test_a_millisecond_is_rounding_and_more_is_not(tmp_path):
    assert reconcile_tr(2.0, 2.0009, path=tmp_path) == 2.0
    assert reconcile_tr(None, 2.0, path=tmp_path) == 2.0
    assert reconcile_tr(2.0, None, path=tmp_path) == 2.0
    with pytest.raises(DataError, match=r"2 s in the JSON sidecar and 2\.01 s"):
        reconcile_tr(2.0, 2.01, path=tmp_path)
