"""Pages are made of records, the first time and every time after it; records tell no places."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bidsml.bids.manifest import Entry
from bidsml.bids.overviews import read_overview
from bidsml.bids.store import write_record
from bidsml.errors import DataError
from bidsml.records import AnatomyView, FeatureVector, ParticipantResult, Provenance, Scan, ScanQC
from bidsml.steps.pages import (
    make_overview,
    overview_path,
    participant_record,
    publish_participant_page,
    restore_participant,
    small_slice,
    write_participant_page,
)

FEATURES = {"block": "features.npz"}


def result() -> ParticipantResult:
    rng = np.random.default_rng(0)
    fd = np.append(np.nan, rng.random(199))
    folder = Path("/home/someone/study")
    scan = Scan("01", "bold", folder / "sub-01_bold.nii.gz", mask=folder / "mask.nii.gz", sidecars=(folder / "a.json",))
    qc = ScanQC("01", "sub-01", 2.0, 200, 190, 6.33, float(np.nanmean(fd)), 1.0, fd, censored=np.zeros(200, dtype=bool))
    names = tuple(f"region {i}" for i in range(3))
    vector = FeatureVector(
        "block", "roi_signal", "mean", names, np.array([0.1, np.nan, 1 / 3]), missing={names[1]: "dark"}
    )
    provenance = Provenance("0.1", {}, 0, "fast", ("bidsml",), "digest")
    return ParticipantResult("01", "an-alysis", (scan,), (qc,), (vector,), "pass", (), {}, provenance)


@pytest.fixture
def published(tmp_path):
    made = result()
    write_record(tmp_path / FEATURES["block"], made.features[0])
    return {path.name: path for path in publish_participant_page(tmp_path, made)}


def test_a_page_made_again_has_the_same_bytes(tmp_path, published):
    before = {name: path.read_bytes() for name, path in published.items()}
    restored = restore_participant(tmp_path, "01", Entry("d", {}, FEATURES), "an-alysis")
    again = {path.name: path.read_bytes() for path in write_participant_page(tmp_path, restored)}
    assert "sub-01.html" in again and len(again) > 1
    assert again == {name: before[name] for name in again}


def test_the_record_tells_no_place_and_repeats_no_feature(tmp_path, published):
    record = participant_record(tmp_path, "01", "an-alysis")
    assert record.name == "sub-01_desc-analysis_report.npz"
    content = record.read_bytes()
    assert b"someone" not in content and b"region 1" not in content
    assert b"someone" not in published["sub-01.html"].read_bytes()


def test_features_that_the_manifest_lacks_are_named(tmp_path, published):
    with pytest.raises(DataError, match="block"):
        restore_participant(tmp_path, "01", Entry("d", {}, {}), "an-alysis")


def test_the_overview_keeps_every_peak(tmp_path, published):
    found = read_overview(overview_path(tmp_path, "01", "an-alysis"))
    fd = result().qc[0].fd_mm
    assert len(found.fd_mm) == 48
    assert max(found.fd_mm) == pytest.approx(np.nanmax(fd), abs=0.005)


def test_without_motion_and_anatomy_the_overview_is_empty():
    found = make_overview(replace(result(), qc=()))
    assert found.fd_mm == () and found.picture.size == 0


def view() -> AnatomyView:
    """Make a mosaic: two discs of unlike size above, the largest of all below."""
    rows, columns = np.mgrid[:200, :200]
    small = (rows - 40) ** 2 + (columns - 40) ** 2 < 20**2
    large = (rows - 40) ** 2 + (columns - 140) ** 2 < 36**2
    lower = (rows - 145) ** 2 + (columns - 100) ** 2 < 50**2
    lobe = (rows - 4) ** 2 + (columns - 100) ** 2 < 3**2
    grey = (50 * small + 100 * large + 200 * lower).astype(np.uint8)
    brain = small | large | lobe | lower
    return AnatomyView("sub-01", grey, brain, brain, brain)


def test_the_small_picture_is_the_largest_slice_of_the_upper_row():
    picture = small_slice(view())
    assert picture.max() == 100, "the lower rows may show faces"
    assert max(picture.shape) <= 64
    # A disc fills π/4 of the box around it.
    assert (picture > 50).mean() == pytest.approx(np.pi / 4, abs=0.05)


def test_no_brain_no_picture():
    empty = np.zeros((10, 10), dtype=bool)
    assert small_slice(AnatomyView("sub-01", empty.astype(np.uint8), empty, empty, empty)).size == 0
