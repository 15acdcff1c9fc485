"""Sentences about features of other modalities."""

import pytest

from bidsml.features import CATALOG
from bidsml.report.methods_text import describe_features, describe_inputs
from bidsml.report.modality_text import MODALITY_TEXT, say_recording
from bidsml.report.wording import KIND_NAMES, MEASURE_NAMES
from bidsml.spec import FeatureSpec
from bidsml.spec.recording import RecordingSpec

OWN = [(kind.name, measure) for kind in CATALOG.values() if kind.modality for measure in kind.measures]


@pytest.mark.parametrize(("kind", "measure"), OWN)
def test_every_measure_has_a_sentence_with_its_source_and_a_name(kind, measure):
    text, sources = MODALITY_TEXT[kind, measure]
    assert text.endswith(".")
    assert sources
    assert kind in KIND_NAMES
    assert measure in MEASURE_NAMES
    (sentence, *_) = describe_features([(kind, measure, "A")])
    assert "{" not in sentence.text


def test_every_modality_is_an_input_with_a_name():
    for kind in CATALOG.values():
        if kind.modality:
            assert describe_inputs([kind.modality])[0].text.startswith("The processing started from ")


def test_the_preparation_is_told_once_with_its_figures():
    options = [FeatureSpec(kind="eeg_power"), FeatureSpec(kind="eeg_covariance")]
    blocks = [("eeg_power", "relative", ""), ("eeg_covariance", "covariance", "")]
    text = " ".join(sentence.text for sentence in describe_features(blocks, options=options))
    assert text.count("MNE-BIDS (Appelhoff et al., 2019)") == 1
    for words in ("1 to 45 Hz", "epochs of 4 s", "6 robust standard deviations", "the mean of all channels"):
        assert words in text


def test_what_was_not_done_is_not_told():
    spec = RecordingSpec(sensors="mag", notch_hz=0.0, high_pass_hz=0.0, reject_z=0.0)
    text, _ = say_recording(spec)
    assert "magnetometers" in text
    assert "up to 45 Hz" in text
    for words in ("notch", "referenced", "peak-to-peak"):
        assert words not in text
    assert "50 Hz and its harmonics" in say_recording(RecordingSpec(notch_hz=50.0))[0]
