"""The verdict on a participant."""

import numpy as np
import pytest

from bidsml.preproc.quality import verdict
from bidsml.records import AnatomicalQC, FunctionalQC, ScanQC
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
    runs = [make_qc(label=f"sub-1 run-{n}", minutes_kept=3.0) for n in (1, 2)]
    assert verdict(runs, DENOISE)[0] == "pass"
    short = make_qc(label="sub-1 run-2", mean_fd_mm=2.0, n_volumes=10, n_volumes_kept=10)
    assert verdict([make_qc(), short], DENOISE)[0] == "pass"  # (0.1 × 200 + 2 × 10) / 210 = 0.19


def test_a_scan_that_was_read_for_two_atlases_lasted_only_once() -> None:
    found, reasons = verdict([make_qc(minutes_kept=3.0), make_qc(minutes_kept=3.0, n_regions_missing=11)], DENOISE)
    assert found == "fail" and "3.0 min" in reasons[0] and "11 of 100" in reasons[1]


def test_what_is_not_known_is_said_and_never_counts() -> None:
    matrix = ScanQC(participant_id="1", label="sub-1")
    assert verdict([matrix], DENOISE) == ("pass", ("quality of motion not known: ready-made matrices",))
    series = make_qc(mean_fd_mm=np.nan)
    assert verdict([series], DENOISE) == ("pass", ("quality of motion not known: ready-made time series",))
    assert verdict([], DENOISE)[0] == "pass"


# ------------------------------------------------------------------ raw images


def make_anatomy(**change: object) -> AnatomicalQC:
    good = {
        "label": "sub-1", "voxel_sizes_mm": (1.0, 1.0, 1.0), "n_t1w": 1, "space": "X", "brain_ml": 1400.0,
        "gray_matter_ml": 650.0, "white_matter_ml": 480.0, "csf_ml": 270.0, "template_dice": 0.97,
        "template_correlation": 0.75,
    }  # fmt: skip
    return AnatomicalQC(**{**good, **change})


def make_run(fd_mm: float = 0.1, **change: object) -> FunctionalQC:
    good = {
        "participant_id": "1", "label": "sub-1 task-a", "tr_s": 2.0, "n_volumes": 100, "n_dummy": 2,
        "reference_volume": 5, "slice_timing": True, "target": "T1w", "nmi_before": 1.1, "nmi_after": 1.2,
        "coverage": 0.98, "tsnr": 50.0, "motion": np.zeros((100, 6)),
        "fd_mm": np.append(np.nan, np.full(99, fd_mm)), "dvars": np.ones(100),
    }  # fmt: skip
    return FunctionalQC(**{**good, **change})


def test_anatomy_alone_passes_and_needs_no_bold() -> None:
    assert verdict([], DENOISE, anatomical=[make_anatomy()], kinds={"t1w"}) == ("pass", ())


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        ({"warnings": ("brain volume 700 ml",)}, "review", "sub-1: brain volume 700 ml"),
        ({"template_dice": 0.79}, "fail", "Dice 0.79, below 0.80"),
        ({"template_dice": 0.80}, "pass", ""),
        ({"template_dice": float("nan")}, "fail", "Dice nan"),
        ({"template_correlation": 0.29}, "fail", "correlation is 0.29, below 0.30"),
        ({"template_correlation": 0.30}, "pass", ""),
    ],
)
def test_each_rule_of_a_t1w(change: dict[str, object], expected: str, words: str) -> None:
    found, reasons = verdict([make_qc()], DENOISE, anatomical=[make_anatomy(**change)])
    assert found == expected
    assert bool(reasons) == bool(words) and words in " | ".join(reasons)


def test_one_bad_t1w_of_two_is_named() -> None:
    found, reasons = verdict([], DENOISE, anatomical=[make_anatomy(), make_anatomy(label="ses-b", template_dice=0.5)])
    assert found == "fail" and len(reasons) == 1 and reasons[0].startswith("ses-b")


def test_warnings_of_a_run_ask_for_review() -> None:
    run = make_run(warnings=("the field of view covers 60% of the template's brain",))
    found, reasons = verdict([make_qc()], DENOISE, functional=[run])
    assert found == "review" and reasons == ("sub-1 task-a: the field of view covers 60% of the template's brain",)


def test_motion_of_raw_runs_counts_where_signals_were_not_cleaned() -> None:
    """Of a task alone; else the same run's cleaned signals tell, and no run counts twice."""
    assert verdict([], DENOISE, functional=[make_run()], kinds={"bold"}) == ("pass", ())
    found, reasons = verdict([], DENOISE, functional=[make_run(0.6)], kinds={"bold"})
    assert found == "review"
    assert reasons[0] == "mean framewise displacement 0.60 mm, above 0.5 mm"
    assert reasons[1] == "100 % of volumes censored, above 20 %", "the first two are before the steady state"
    unlimited = DenoiseSpec(fd_censor_mm=0)
    assert verdict([], unlimited, functional=[make_run(0.6)])[1] == reasons[:1]
    assert verdict([make_qc()], DENOISE, functional=[make_run(0.6)]) == ("pass", ())


def test_a_task_in_ready_derivatives_has_no_known_motion() -> None:
    found, (reason,) = verdict([], DENOISE, kinds={"bold"})
    assert found == "pass" and "only a task was modelled" in reason
    assert verdict([], DENOISE, kinds={"table"})[1] == ("no scan: table data only",)
    assert verdict([], DENOISE, kinds={"table", "eeg"})[1] == ("quality not judged: EEG",)


def test_a_displaced_brain_is_below_the_limits_and_a_small_error_is_not() -> None:
    """The limits are where they are because the packaged template itself falls below them when it is displaced."""
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

    brain = np.pad(np.asarray(load_mni152_brain_mask(resolution=4).dataobj) > 0, 10)
    image = np.pad(np.asarray(load_mni152_template(resolution=4).dataobj, dtype=float), 10)

    def judge(voxels: int) -> set[str]:
        found = set()
        for axis in range(3):
            moved = np.roll(brain, voxels, axis)
            dice = 2 * (moved & brain).sum() / (moved.sum() + brain.sum())
            correlation = np.corrcoef(np.roll(image, voxels, axis)[brain], image[brain])[0, 1]
            anatomy = make_anatomy(template_dice=dice, template_correlation=correlation)
            found.add(verdict([], DENOISE, anatomical=[anatomy])[0])
        return found

    assert judge(6) == {"fail"}, "24 mm off"
    assert judge(1) == {"pass"}, "4 mm off"
