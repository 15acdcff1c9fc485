import gzip

import nibabel as nib
import numpy as np
import pytest

from bidsml.bids.images import check_images
from bidsml.errors import DataError, MissingInputError
from bidsml.records import RawBold, RawSession


@pytest.fixture
def session(tmp_path):
    """A session with a T1w and a run, of noise so that the files are not tiny."""
    rng = np.random.default_rng(0)
    for name, shape in (("t1w", (6, 6, 6)), ("bold", (6, 6, 6, 20))):
        image = nib.Nifti1Image(rng.integers(0, 1000, shape).astype(np.int16), np.eye(4))
        nib.save(image, tmp_path / f"{name}.nii.gz")
        nib.save(image, tmp_path / f"{name}.nii")
    return RawSession("01", t1w=(tmp_path / "t1w.nii.gz",), bold=(RawBold("01", tmp_path / "bold.nii.gz", 2.0),))


def test_whole_images_pass(session, tmp_path):
    check_images(session)
    check_images(RawSession("01", t1w=(tmp_path / "t1w.nii",), bold=(RawBold("01", tmp_path / "bold.nii", 2.0),)))


def test_a_file_of_several_gzip_members_passes(session):
    path = session.bold[0].path
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    check_images(session)


@pytest.mark.parametrize("kept", [0, 3, 40, 500, -1])
@pytest.mark.parametrize("extension", [".nii.gz", ".nii"])
def test_truncated_images_are_named(session, tmp_path, kept, extension):
    path = tmp_path / f"bold{extension}"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=str(path)):
        check_images(RawSession("01", bold=(RawBold("01", path, 2.0),)))


def test_a_damaged_block_in_a_file_whose_length_is_off(session):
    path = session.bold[0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    content[-1] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        check_images(session)


def test_wrong_dimensions(session, tmp_path):
    with pytest.raises(DataError, match=r"BOLD run .* \(6, 6, 6\)"):
        check_images(RawSession("01", bold=(RawBold("01", tmp_path / "t1w.nii.gz", 2.0),)))
    with pytest.raises(DataError, match="T1w image is one volume"):
        check_images(RawSession("01", t1w=(tmp_path / "bold.nii.gz",)))


def test_no_image_at_all(tmp_path):
    (tmp_path / "t1w.nii").write_text("hello" * 200)
    with pytest.raises(DataError, match="not a readable NIfTI image"):
        check_images(RawSession("01", t1w=(tmp_path / "t1w.nii",)))
    with pytest.raises(MissingInputError):
        check_images(RawSession("01", t1w=(tmp_path / "none.nii",)))
