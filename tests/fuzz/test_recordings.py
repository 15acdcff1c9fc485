"""EEG recordings whose headers, samples and sidecars were altered: measured, or refused in words."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import fuzz, lawful
from garbage import NUMBERS, TEXTS, damaged_bytes, values
from hypothesis import example, given
from hypothesis import strategies as st
from recordings import simulate_eeg, write_edf, write_eeg

from bidsml.errors import BidsmlError
from bidsml.preproc.recording import Spectrum, measure_recording
from bidsml.records import Scan
from bidsml.spec.recording import RecordingSpec

pytest.importorskip("mne_bids")

SPEC = RecordingSpec(low_pass_hz=40.0, min_epochs=2)
CHANNELS = ["Fp1", "Cz", "Oz", "Pz"]
EVENTS = b"onset\tduration\ttrial_type\tsample\n0.5\t1.0\tBAD_move\t50\n2.0\tn/a\tblink\t200\n"
SHARE = st.floats(0, 1, exclude_max=True)
WORDS = TEXTS | NUMBERS.map(str) | st.sampled_from(["/etc/passwd", "../../x", "1e-9", "1e15", "nan", "-1", "9" * 400])


@pytest.fixture(scope="module")
def whole(place) -> dict[str, dict[str, bytes]]:
    """Files of a recording as BrainVision and as EDF, by their path in the dataset."""
    signals = simulate_eeg(np.random.default_rng(0), 4, seconds=16, sfreq_hz=100)
    found = {}
    for form, write in (("brainvision", write_eeg), ("edf", write_edf)):
        dataset = place / form
        path = write(dataset, "sub-01_task-rest_eeg", signals, CHANNELS, sfreq_hz=100)
        path.with_name("sub-01_task-rest_events.tsv").write_bytes(EVENTS)
        files = (file for file in dataset.rglob("*") if file.is_file())
        found[form] = {file.relative_to(dataset).as_posix(): file.read_bytes() for file in files}
    return found


@pytest.fixture(scope="module")
def measure(place, whole):
    def measure_altered(form: str, ending: str, change: Any) -> Any:
        dataset = place / form
        shutil.rmtree(dataset, ignore_errors=True)
        for name, content in whole[form].items():
            path = dataset / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(change(content) if name.endswith(ending) else content)
        recording = next(dataset.rglob("*_eeg.vhdr" if form == "brainvision" else "*_eeg.edf"))
        found = lawful(lambda: measure_recording(Scan("01", "eeg", recording), SPEC), size=40_000)
        if isinstance(found, BidsmlError):
            assert recording.name in found.message
            assert len(found.message) < 3000
            return found
        assert isinstance(found, Spectrum)
        kept = [name not in found.missing for name in found.channels]
        assert np.isfinite(found.density[kept]).all()
        assert np.isfinite(found.covariance[np.ix_(kept, kept)]).all()
        return found

    # MNE imports what it needs when it is first used, and compiles nothing of it twice.
    for form in whole:
        for _ in range(2):
            assert isinstance(measure_altered(form, "none", bytes), Spectrum)
    return measure_altered


ENDINGS = {"brainvision": ["_eeg.vhdr", "_eeg.vmrk", "_eeg.eeg"], "edf": ["_eeg.edf"]}
SIDECARS = ["_channels.tsv", "_events.tsv", "_eeg.json", "dataset_description.json"]


def _header_word(content: bytes, share: float, word: str) -> bytes:
    """One value after ``=`` or a tab in another's place."""
    parts = content.replace(b"=", b"\t").split(b"\t")
    at = int(len(parts) * share)
    place = sum(len(part) + 1 for part in parts[:at])
    return content[:place] + word.encode("utf-8", "replace") + content[place + len(parts[at].split(b"\n")[0]) :]


@fuzz(25)
@given(data=st.data(), form=st.sampled_from(sorted(ENDINGS)))
def test_damaged_files(measure, data, form):
    ending = data.draw(st.sampled_from([*ENDINGS[form], *SIDECARS]))
    measure(form, ending, lambda content: data.draw(damaged_bytes(st.just(content))))


@fuzz(25)
@given(
    ending=st.sampled_from(["_eeg.vhdr", "_eeg.vhdr", "_channels.tsv", "_events.tsv", "_eeg.vmrk"]),
    share=SHARE,
    word=WORDS,
)
def test_other_words_in_headers_and_tables(measure, ending, share, word):
    measure("brainvision", ending, lambda content: _header_word(content, share, word))


@fuzz(25)
@given(key=st.sampled_from(["SamplingFrequency", "PowerLineFrequency", "EEGReference", "TaskName"]), value=values())
@example(key="PowerLineFrequency", value=1e-9)
@example(key="PowerLineFrequency", value=-50)
@example(key="PowerLineFrequency", value=10**400)
def test_other_values_in_the_sidecar(measure, key, value):
    try:
        measure("brainvision", "_eeg.json", lambda content: json.dumps(json.loads(content) | {key: value}).encode())
    except UnicodeEncodeError:
        return


@pytest.mark.parametrize("interval", [b"1e-9", b"1e-3", b"0", b"-5000", b"1e12", b"nan", b"inf", b"1e-300"])
def test_a_sampling_interval_that_no_recorder_has(measure, interval):
    """The filter's length, and the number of samples of an epoch, follow from it."""
    change = lambda content: content.replace(b"SamplingInterval=10000.0", b"SamplingInterval=" + interval)  # noqa: E731
    assert isinstance(measure("brainvision", "_eeg.vhdr", change), BidsmlError)


@pytest.mark.parametrize("number", [b"1000", b"1000000000", b"9" * 4400])
def test_a_header_that_counts_channels_without_end(measure, number):
    change = lambda content: content.replace(b"NumberOfChannels=4", b"NumberOfChannels=" + number)  # noqa: E731
    assert isinstance(measure("brainvision", "_eeg.vhdr", change), BidsmlError)


@pytest.mark.parametrize(
    ("ending", "change"),
    [
        ("_channels.tsv", lambda content: content.replace(b"good", b"bad")),
        ("_eeg.eeg", lambda content: bytes(len(content))),
        ("_eeg.eeg", lambda content: b"\xff" * len(content)),
    ],
    ids=["all bad", "all flat", "no numbers"],
)
def test_no_channel_is_left(measure, ending, change):
    found = measure("brainvision", ending, change)
    assert isinstance(found, BidsmlError)
    assert "fewer than two good channels" in found.message


@pytest.mark.parametrize("key", [b"DataFile", b"MarkerFile"])
@pytest.mark.parametrize("where", ["../outside", "/outside", "..\\outside", "sub/../../outside"])
def test_a_header_that_points_out_of_its_folder(measure, place, key, where):
    target = f"{place}/outside" if where.startswith("/") else where
    own = b"sub-01_task-rest_eeg" + (b".eeg" if key == b"DataFile" else b".vmrk")
    found = measure(
        "brainvision", "_eeg.vhdr", lambda content: content.replace(key + b"=" + own, key + b"=" + target.encode())
    )
    assert isinstance(found, BidsmlError)
    assert "another folder" in found.message


@pytest.mark.parametrize(
    ("at", "field"),
    [
        *((184, b"99999999"), (236, b"99999999"), (236, b"-1      "), (244, b"0       "), (244, b"1e-30   ")),
        *((252, b"999 "), (252, b"0   "), (252, b"-4  "), (244, b"nan     "), (236, b"1e400   ")),
    ],
)
def test_a_header_of_edf_that_claims_too_much(measure, at, field):
    found = measure("edf", "_eeg.edf", lambda content: content[:at] + field + content[at + len(field) :])
    assert isinstance(found, Spectrum | BidsmlError)


def test_a_recording_that_is_a_folder_or_a_link_to_nowhere(measure, place, tmp_path: Path):
    measure("edf", "none", bytes)
    path = next((place / "edf").rglob("*.edf"))
    path.unlink()
    path.mkdir()
    assert isinstance(lawful(lambda: measure_recording(Scan("01", "eeg", path), SPEC)), BidsmlError)
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere.edf")
    assert isinstance(lawful(lambda: measure_recording(Scan("01", "eeg", path), SPEC)), BidsmlError)
