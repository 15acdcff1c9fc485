"""The verdict on a participant."""

import numpy as np
import pytest

from bidsml.preproc.quality import verdict
from bidsml.records import ScanQC
from bidsml.spec import DenoiseSpec

DENOISE = DenoiseSpec(min_minutes=4.0)


def make_qc(**change: object) -> ScanQC:
    good = {
        "participant_id": "1",
        "label": "sub-1",
        "n_volumes": 200,
        "n_volumes_kept": 190,
        "minutes_kept": 6.0,
        "mean_fd_mm": 0.1,
        "n_regions": 100,
        "n_regions_missing": 2,
    }
    return ScanQC(**{**good, **change})


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        ({}, "pass", ""),
        ({"minutes_kept": 3.9}, "fail", "3.9 min"),
        ({"minutes_kept": 4.0}, "pass", ""),
        ({"n_regions_missing": 100}, "fail", "all regions"),
        ({"mean_fd_mm": 0.51}, "review", "0.51 mm"),
        ({"mean_fd_mm": 0.5}, "pass", ""),
        ({"n_volumes_kept": 159}, "review", "20 %"),
        ({"n_volumes_kept": 160}, "pass", ""),
        ({"n_regions_missing": 11}, "review", "11 of 100"),
        ({"n_regions_missing": 10}, "pass", ""),
        ({"warnings": ("odd header",)}, "review", "odd header"),
        ({"minutes_kept": 1.0, "mean_fd_mm": 0.9}, "fail", "0.90 mm"),
        ({"minutes_kept": float("nan")}, "pass", ""),
    ],
)
def test_each_rule(change: dict[str, object], expected: str, words: str) -> None:
    found, reasons = verdict([make_qc(**change)], DENOISE)
    assert found == expected
    assert bool(reasons) == bool(words)
    assert words in " | ".join(reasons)


def test_minutes_add_up_over_scans_and_motion_is_weighted() -> None:
    assert verdict([make_qc(minutes_kept=3.0)] * 2, DENOISE)[0] == "pass"
    short = make_qc(mean_fd_mm=2.0, n_volumes=10, n_volumes_kept=10)
    assert verdict([make_qc(), short], DENOISE)[0] == "pass"  # (0.1 × 200 + 2 × 10) / 210 = 0.19


def test_what_is_not_known_is_said_and_never_counts() -> None:
    matrix = ScanQC(participant_id="1", label="sub-1")
    assert verdict([matrix], DENOISE) == ("pass", ("quality of motion not known: ready-made matrices",))
    series = make_qc(mean_fd_mm=np.nan)
    assert verdict([series], DENOISE) == ("pass", ("quality of motion not known: ready-made time series",))
    assert verdict([], DENOISE)[0] == "pass"
