"""What the reader refuses, and that it reads the same numbers as nibabel."""

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bidsml.errors import DataError, MissingInputError
from bidsml.preproc.volumes import iter_volumes, open_series
from tests.preproc.conftest import AFFINE, N_VOLUMES, SHAPE, simulate_bold

EVERY_VOXEL = np.arange(np.prod(SHAPE))


def read_all(path: Path) -> np.ndarray:
    return np.array(list(iter_volumes(open_series(path), EVERY_VOXEL)))


@pytest.mark.parametrize("name", ["bold.nii", "bold.nii.gz"])
@pytest.mark.parametrize("dtype", ["int16", "uint8", ">i2", "float32", "float64"])
def test_reads_what_nibabel_reads(save: Callable[..., Path], name: str, dtype: str) -> None:
    path = save((simulate_bold("float64") / 8).astype(dtype), name)
    expected = nib.load(path).get_fdata().reshape(-1, N_VOLUMES, order="F").T
    np.testing.assert_array_equal(read_all(path), expected)


def test_scales_as_the_header_says(tmp_path: Path) -> None:
    image = nib.Nifti1Image(simulate_bold("float32"), AFFINE)
    image.set_data_dtype(np.int16)  # nibabel then writes slope and intercept
    path = tmp_path / "scaled.nii.gz"
    nib.save(image, path)
    assert open_series(path).slope != 1
    expected = nib.load(path).get_fdata().reshape(-1, N_VOLUMES, order="F").T
    np.testing.assert_allclose(read_all(path), expected, rtol=1e-12)


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.3, 0.999])
@pytest.mark.parametrize("name", ["bold.nii", "bold.nii.gz"])
def test_truncated_file_names_itself(save: Callable[..., Path], name: str, keep: float) -> None:
    path = save(simulate_bold(), name)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(DataError, match=name):
        read_all(path)


def test_wrong_checksum_is_found(save: Callable[..., Path]) -> None:
    path = save(simulate_bold())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # the stored checksum, not the data
    path.write_bytes(content)
    nib.load(path).get_fdata()  # nibabel reads it without a word
    with pytest.raises(DataError, match="CRC"):
        read_all(path)


def test_flipped_bit_is_found(save: Callable[..., Path]) -> None:
    path = save(simulate_bold())
    raw = bytearray(gzip.decompress(path.read_bytes()))
    good = path.read_bytes()
    raw[5000] ^= 4
    altered = bytearray(gzip.compress(bytes(raw), mtime=0))
    altered[-8:] = good[-8:]  # length and checksum of the original
    path.write_bytes(altered)
    with pytest.raises(DataError, match="damaged"):
        read_all(path)


def edit_header(path: Path, edit: Callable[[nib.Nifti1Header], None]) -> Path:
    """Change header fields in place, whatever nibabel would say to them."""
    raw = gzip.decompress(path.read_bytes())
    header = nib.Nifti1Header(raw[:348], check=False)
    edit(header)
    path.write_bytes(gzip.compress(header.binaryblock + raw[348:]))
    return path


def test_absurd_size_is_refused_before_reading(save: Callable[..., Path]) -> None:
    def claim(header: nib.Nifti1Header) -> None:
        header["dim"][1:5] = (30000, 30000, 30000, 30000)

    path = edit_header(save(simulate_bold()), claim)
    with pytest.raises(DataError, match="claims"):
        open_series(path)


def test_more_data_than_the_header_says_is_refused(save: Callable[..., Path]) -> None:
    path = save(simulate_bold())
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(2 << 20)))
    with pytest.raises(DataError, match="more data"):
        read_all(path)


def test_zero_voxel_size_is_refused(save: Callable[..., Path]) -> None:
    def flatten(header: nib.Nifti1Header) -> None:
        header["pixdim"][2] = 0

    with pytest.raises(DataError, match="voxel sizes"):
        open_series(edit_header(save(simulate_bold()), flatten))


def test_singular_affine_is_refused(save: Callable[..., Path]) -> None:
    def flatten(header: nib.Nifti1Header) -> None:
        header["srow_z"] = header["srow_y"]

    with pytest.raises(DataError, match="singular"):
        open_series(edit_header(save(simulate_bold()), flatten))


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 1), (*SHAPE, 2, 2)])
def test_other_than_several_volumes_is_refused(save: Callable[..., Path], shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="4-D"):
        open_series(save(np.zeros(shape, dtype=np.int16), "x.nii.gz", tr_s=0))


def test_complex_voxels_are_refused(save: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="real numbers"):
        open_series(save(np.zeros((*SHAPE, 3), dtype=np.complex64)))


def test_missing_file_and_unfetched_link_are_told_apart(tmp_path: Path) -> None:
    link = tmp_path / "bold.nii.gz"
    with pytest.raises(MissingInputError, match="is not there"):
        open_series(link)
    link.symlink_to(tmp_path / ".git" / "annex" / "objects" / "x")
    with pytest.raises(MissingInputError) as caught:
        open_series(link)
    assert "datalad get" in caught.value.hint


def test_text_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "bold.nii"
    path.write_text("not an image " * 100)
    with pytest.raises(DataError, match="readable NIfTI"):
        open_series(path)


@pytest.mark.parametrize(("unit", "value", "seconds"), [("sec", 2.0, 2.0), ("msec", 800.0, 0.8), ("sec", 0.0, None)])
def test_repetition_time_is_in_seconds(
    save: Callable[..., Path], unit: str, value: float, seconds: float | None
) -> None:
    def set_time(header: nib.Nifti1Header) -> None:
        header.set_xyzt_units("mm", unit)
        header["pixdim"][4] = value

    found = open_series(edit_header(save(simulate_bold()), set_time)).tr_s
    assert found == (None if seconds is None else pytest.approx(seconds))
