"""How recordings are prepared: written in an analysis, overridden, written out and read again."""

import pytest

from bidsml.app.provenance import effective_toml
from bidsml.errors import AnalysisFileError
from bidsml.features import check_feature
from bidsml.spec import load_analysis

ANALYSIS = """
name = "alpha"
[target]
column = "group"
[[features]]
kind = "eeg_power"
bands = {theta = [4.0, 8.0], alpha = [8.0, 13.0]}
[[features]]
kind = "eeg_covariance"
recording = {sensors = "mag", high_pass_hz = 8.0, low_pass_hz = 13.0}
"""


@pytest.fixture
def analysis(tmp_path):
    path = tmp_path / "analysis.toml"
    path.write_text(ANALYSIS)
    return path


def test_an_override_reaches_one_block(analysis):
    spec = load_analysis(str(analysis), overrides=("features.0.recording.notch_hz=50.0",))
    assert [feature.recording.notch_hz for feature in spec.features] == [50.0, None]
    assert spec.features[0].bands == {"theta": (4.0, 8.0), "alpha": (8.0, 13.0)}
    assert [feature.recording.datatype for feature in spec.features] == ["eeg", "meg"]


def test_the_effective_analysis_is_the_same_and_passes(analysis, tmp_path):
    spec = load_analysis(str(analysis))
    written = tmp_path / "effective.toml"
    written.write_text(effective_toml(spec))
    again = load_analysis(str(written))
    assert again == spec
    for index, feature in enumerate(again.features):
        check_feature(feature, index)


@pytest.mark.parametrize(
    "wrong",
    [
        "features.0.recording={high_pass_hz=50.0}",
        'features.0.recording={sensors="ieeg"}',
        "features.0.recording={notch=50.0}",
        "features.0.recording={epoch_s=0.0}",
    ],
)
def test_wrong_preparations_are_refused(analysis, wrong):
    with pytest.raises(AnalysisFileError, match="recording"):
        load_analysis(str(analysis), overrides=(wrong,))
