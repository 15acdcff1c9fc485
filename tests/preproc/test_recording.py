"""Raw EEG: known power and covariance come back, and what is bad is left out."""

from pathlib import Path

import numpy as np
import pytest
from recordings import simulate_eeg, write_eeg

from bidsml.errors import DataError
from bidsml.features.eeg_power import band_power
from bidsml.preproc.recording import Spectrum, common_name, find_artefacts, measure_recording
from bidsml.records import Scan, ScanData
from bidsml.spec.recording import RecordingSpec

pytest.importorskip("mne_bids")
CHANNELS = ("Fz", "Cz", "Pz", "O1", "O2", "T7")
RECORDED = RecordingSpec(reference="recorded")


def measure(folder: Path, signals: np.ndarray, spec: RecordingSpec = RECORDED, **how: object) -> Spectrum:
    channels = how.pop("channels", CHANNELS[: len(signals)])
    path = write_eeg(folder, "sub-1_task-rest_eeg", signals, channels, **how)
    return measure_recording(Scan("1", "eeg", path, entities={"task": "rest"}), spec)


def power(found: Spectrum, low: float, high: float) -> np.ndarray:
    scan = Scan("1", "eeg", Path("x"))
    data = ScanData(scan, regions=found.channels, spectrum=found.density, frequencies_hz=found.frequencies_hz)
    return band_power(data, band="b", ends_hz=(low, high))


def test_the_power_of_alpha_and_of_noise_is_the_simulated_one(tmp_path):
    amplitude = np.array([0, 5, 10, 20])
    found = measure(tmp_path, simulate_eeg(np.random.default_rng(0), 4, alpha_uv=amplitude, noise_uv=2.0))
    place = [found.channels.index(name) for name in CHANNELS[:4]]
    # A sine has half its amplitude squared; white noise of sd s at 200 Hz has s² / 100 per Hz.
    expected = amplitude**2 / 2 + 5 * 2.0**2 / 100
    # 80 s of noise have a relative error of the band's power of about 5 %.
    np.testing.assert_allclose(power(found, 8, 13)[place], expected, rtol=0.15)
    np.testing.assert_allclose(power(found, 15, 30)[place], 15 * 2.0**2 / 100, rtol=0.15)


def test_the_power_line_is_removed_and_the_band_kept(tmp_path):
    signals = simulate_eeg(np.random.default_rng(1), 3, noise_uv=1.0, alpha_uv=10, line_uv=100)
    spec = RECORDED.model_copy(update={"low_pass_hz": 70.0})
    kept = measure(tmp_path, signals, spec.model_copy(update={"notch_hz": 0.0}))
    removed = measure(tmp_path, signals, spec)
    assert (power(kept, 48, 52) > 1000).all()
    assert (power(removed, 48, 52) < 1).all()
    np.testing.assert_allclose(power(removed, 8, 13), power(kept, 8, 13), rtol=0.01)


def test_covariance_is_that_of_the_sources(tmp_path):
    rng = np.random.default_rng(2)
    mixing = rng.standard_normal((4, 4)) * 5
    # Noise of 1 to 45 Hz out of 0 to 100 Hz: 44 % of its variance, with the slopes of the filter about 47 %.
    found = measure(tmp_path, mixing @ simulate_eeg(rng, 4, noise_uv=1.0, seconds=160))
    place = [found.channels.index(name) for name in CHANNELS[:4]]
    scaled = found.covariance[np.ix_(place, place)] / (mixing @ mixing.T)
    assert 0.40 < np.median(scaled) < 0.55


def test_the_average_reference_takes_away_what_all_channels_share(tmp_path):
    rng = np.random.default_rng(3)
    common = 50 * rng.standard_normal(16000)
    signals = simulate_eeg(rng, 5, noise_uv=1.0) + common
    average = measure(tmp_path, signals, RecordingSpec())
    recorded = measure(tmp_path, signals)
    assert power(average, 8, 13).max() < power(recorded, 8, 13).min() / 100
    # The mean of all channels is zero at every moment.
    assert average.covariance.sum() == pytest.approx(0, abs=1e-6)


def test_bad_flat_and_other_channels_are_left_out_of_the_reference(tmp_path):
    rng = np.random.default_rng(4)
    signals = simulate_eeg(rng, 6, noise_uv=2.0)
    signals[1] *= 1000
    signals[2] = 3.0
    found = measure(tmp_path, signals, RecordingSpec(), bad=["Cz"], types={"T7": "EOG"})
    assert found.channels == ("Cz", "Fz", "O1", "O2", "Pz")
    assert found.missing == {"Cz": "marked bad in channels.tsv", "Pz": "its signal does not vary"}
    lost = [name in found.missing for name in found.channels]
    np.testing.assert_array_equal(np.isnan(found.density).all(axis=1), lost)
    np.testing.assert_array_equal(np.isnan(np.diag(found.covariance)), lost)
    # White noise of 2 µV, less a third of it in the average of three: nothing of the bad channel's 2000 µV.
    assert np.nanmax(power(found, 8, 13)) < 5 * 2.0**2 / 100


def test_epochs_with_artefacts_are_rejected_and_others_kept(tmp_path):
    signals = simulate_eeg(np.random.default_rng(5), 4, noise_uv=2.0)
    clean = measure(tmp_path, signals)
    assert (clean.n_epochs, clean.n_rejected) == (20, 0)
    signals[0, 1180:1220] += 500  # amid the second epoch of 800 samples, beyond the filter's reach from others
    signals[3, 8380:8420] -= 500  # amid the eleventh
    found = measure(tmp_path, signals)
    assert (found.n_epochs, found.n_rejected) == (18, 2)
    np.testing.assert_allclose(power(found, 8, 13), power(clean, 8, 13), rtol=0.3)
    assert measure(tmp_path, signals, RECORDED.model_copy(update={"reject_z": 0.0})).n_rejected == 0


def test_artefacts_are_found_whatever_the_unit():
    epochs = np.random.default_rng(6).standard_normal((30, 3, 100))
    epochs[7, 1, 50] = 100
    for unit in (1.0, 1e-6, 1e13):
        np.testing.assert_array_equal(np.flatnonzero(find_artefacts(epochs * unit, reject_z=6)), [7])
    assert not find_artefacts(np.zeros((5, 2, 10)), reject_z=6).any()


@pytest.mark.parametrize(
    ("how", "spec", "words"),
    [
        ({"sfreq_hz": 50.0}, {}, "sampled at 50 Hz and holds no frequency above 25 Hz"),
        ({"seconds": 2.0}, {}, "less than one epoch"),
        ({"seconds": 30.0}, {}, "7 of 7 epochs"),
        ({"types": dict.fromkeys(CHANNELS, "EOG")}, {}, "no channel of type eeg"),
        ({"bad": CHANNELS[:3]}, {}, "fewer than two good channels"),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path, how, spec, words):
    simulated = {key: how.pop(key) for key in ("seconds",) if key in how}
    sfreq = {"sfreq_hz": how.get("sfreq_hz", 200.0)}
    signals = simulate_eeg(np.random.default_rng(7), 4, **simulated, **sfreq)
    with pytest.raises(DataError, match=words) as caught:
        measure(tmp_path, signals, RecordingSpec(**spec), **how)
    assert "sub-1_task-rest_eeg.vhdr" in caught.value.message


def test_a_damaged_recording_is_told(tmp_path):
    path = write_eeg(tmp_path, "sub-1_task-rest_eeg", simulate_eeg(np.random.default_rng(8), 3), CHANNELS[:3])
    path.write_text(path.read_text(encoding="utf-8").replace("[Channel Infos]", ""), encoding="utf-8")
    with pytest.raises(DataError, match="cannot be read by MNE-BIDS"):
        measure_recording(Scan("1", "eeg", path), RecordingSpec())


@pytest.mark.parametrize("sensors", ["mag", "grad"])
def test_meg_is_measured_in_its_own_unit(tmp_path, sensors):
    import mne

    folder = tmp_path / "sub-1" / "meg"
    folder.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text('{"Name": "made up", "BIDSVersion": "1.11.1"}')
    types = ["mag", "mag", "grad", "grad", "eeg"]
    names = [f"MEG{number}" for number in range(4)] + ["EEG1"]
    signals = simulate_eeg(np.random.default_rng(9), 5, alpha_uv=20, noise_uv=1.0)
    scale = np.array([1e-15, 1e-15, 1e-13, 1e-13, 1e-6])[:, np.newaxis]
    raw = mne.io.RawArray(signals * scale, mne.create_info(names, 200.0, types), verbose="ERROR")
    path = folder / "sub-1_task-rest_meg.fif"
    raw.save(path, verbose="ERROR")
    found = measure_recording(Scan("1", "meg", path), RecordingSpec(sensors=sensors, notch_hz=0.0))
    assert found.channels == tuple(name for name, kind in zip(names, types, strict=True) if kind == sensors)
    # A sine of 20 units has a power of 200; noise adds 0.05.
    np.testing.assert_allclose(power(found, 8, 13), 200, rtol=0.02)


def test_common_names():
    assert [common_name(name) for name in ("EEG FP1-REF", "Fp1.", "CZ", "EEG T3-LE")] == ["Fp1", "Fp1", "Cz", "T7"]
    # One electrode under its name of 1958 and of today: one feature over both recordings.
    assert [common_name(name) for name in ("T4", "t5", "T6", "T7", "P8")] == ["T8", "P7", "P8", "T7", "P8"]
    # Names of other layouts, and of references, stay.
    assert [common_name(name) for name in ("E12", "EEG001", "A1", "MEG0113")] == ["E12", "EEG001", "A1", "MEG0113"]


def test_a_real_recording(shared_data):
    folder = shared_data("eeg_bids") / "sub-S1" / "ses-01" / "eeg"
    scan = Scan("S1", "eeg", folder / "sub-S1_ses-01_task-Experiment_run-01_eeg.edf")
    found = measure_recording(scan, RecordingSpec())
    # The file holds 16 electrodes for a minute, whatever its sidecars say.
    assert {"Fp1", "Fp2", "O1", "O2"} <= set(found.channels)
    assert (len(found.channels), found.n_epochs + found.n_rejected) == (16, 15)
    assert found.missing == {}
    # Two ways to one figure: the spectrum over the band is the variance, but for slow drifts at the filter's slope.
    np.testing.assert_allclose(power(found, 1, 45), np.diag(found.covariance), rtol=0.3)
