"""Views travel as records, from images to the report."""

import json

import nibabel as nib
import numpy as np
import pytest

from bidsml.bids.store import read_record, write_record
from bidsml.records import AlignmentView, AnatomyView, Preprocessing, PublishedFiles, RawSession
from bidsml.steps.views import gather_preprocessing, view_alignment, view_anatomy


@pytest.fixture
def images(tmp_path):
    """A T1w of a ball, its mask and three tissues, none of them empty."""
    rows = np.indices((40, 40, 40)) - 19.5
    distance = np.sqrt((rows**2).sum(axis=0)) * 4
    shells = [distance < 72, (distance < 72) & (distance > 50), (distance <= 50) & (distance > 15), distance <= 15]
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = -78
    paths = []
    for number, values in enumerate([80 - distance, *shells]):
        nib.save(nib.Nifti1Image(values.astype(np.float32), affine), tmp_path / f"{number}.nii.gz")
        paths.append(tmp_path / f"{number}.nii.gz")
    return paths


def test_views_are_gathered_with_the_files(images, tmp_path):
    session = write_record(tmp_path / "session.npz", RawSession("01", "a"))
    anatomy = view_anatomy(session, images, out_dir=tmp_path)
    alignment = view_alignment(
        images[0], images[0], images[1], [], json.dumps(["sub-01", "BOLD reference", "T1w"]), '{"NMI": 1.2}',
        out_dir=tmp_path,
    )  # fmt: skip
    published = []
    for name in ("x", "y"):
        record = PublishedFiles("01", {f"sub-01/{name}": "0"})
        published.append(write_record(tmp_path / f"{name}.npz", record))
    made = read_record(Preprocessing, gather_preprocessing(published, [], [anatomy], [], [alignment], out_dir=tmp_path))
    assert set(made.files) == {"sub-01/x", "sub-01/y"}
    (shown,), (pair,) = made.anatomy, made.alignment
    assert shown.label == "sub-01 ses-a"
    np.testing.assert_array_equal(shown.slices, read_record(AnatomyView, anatomy).slices)
    assert shown.brain.dtype == bool and shown.white_matter.any()
    np.testing.assert_array_equal(pair.moving, pair.fixed)
    assert pair.similarity == {"NMI": 1.2} == read_record(AlignmentView, alignment).similarity
