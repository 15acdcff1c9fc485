"""NIfTI images with headers and bodies altered at random: read as nibabel reads them, or refused in words."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from fuzzing import fuzz, lawful, lawful_file
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml import atlases
from bidsml.bids.images import check_images, open_image, refuse_absurd_header
from bidsml.bids.slicetiming import slice_times_s
from bidsml.bids.timing import header_tr_s
from bidsml.errors import BidsmlError
from bidsml.preproc.anatomical.images import conform, read_volume
from bidsml.preproc.volumes import iter_volumes, load_image, open_series, read_voxels
from bidsml.records import RawBold, RawSession

SHAPE = (4, 4, 4, 10)
VOXELS = np.arange(64)
HEADERS = {1: nib.Nifti1Header, 2: nib.Nifti2Header}

# ------------------------------------------------------------------ valid images to begin with


def _image(version: int, shape: tuple[int, ...], dtype: Any, *, mm: float = 40.0) -> bytes:
    rng = np.random.default_rng(0)
    kind = {1: nib.Nifti1Image, 2: nib.Nifti2Image}[version]
    image = kind(rng.integers(0, 200, shape).astype(dtype), np.diag([mm, mm, mm, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((mm, mm, mm, 2.0)[: len(shape)])
    return bytes(image.to_bytes())


BASES = {
    "nifti-1 int16": _image(1, SHAPE, np.int16),
    "nifti-1 float32": _image(1, SHAPE, np.float32),
    "nifti-2 uint8": _image(2, SHAPE, np.uint8),
    # As large as a head, which the checks of a T1w ask for.
    "nifti-1 3-D": _image(1, (18, 18, 18), np.uint8, mm=6.0),
}
# Extensions, which nibabel parses before the voxels: 16 bytes of comment, and a second one.
_BODY = 352
BASES["nifti-1 with extensions"] = (
    BASES["nifti-1 int16"][:108]
    + np.array([400], dtype="<f4").tobytes()
    + BASES["nifti-1 int16"][112:348]
    + b"\1\0\0\0"
    + np.array([32, 6], dtype="<i4").tobytes()
    + b"a comment".ljust(24, b"\0")
    + np.array([16, 4], dtype="<i4").tobytes()
    + b"\0" * 8
    + BASES["nifti-1 int16"][_BODY:]
)


# ------------------------------------------------------------------ what is done to them


@dataclass(frozen=True)
class Damage:
    """What is done to a valid image.

    ``fields`` are set in the header, by name, place and value; ``edits`` XOR bytes at a share of the length;
    ``kept`` is the share of the file that is left; ``packed`` compresses, and ``packed_edits`` XOR after that.
    """

    base: str
    fields: tuple[tuple[str, int, Any], ...] = ()
    edits: tuple[tuple[float, int], ...] = ()
    kept: float = 1.0
    tail: bytes = b""
    packed: bool = False
    packed_edits: tuple[tuple[float, int], ...] = ()

    @property
    def content(self) -> bytes:
        content = self._edited(self._with_fields(BASES[self.base]), self.edits)
        content = content[: int(len(content) * self.kept)] + self.tail
        if self.packed:
            content = self._edited(gzip.compress(content, 1, mtime=0), self.packed_edits)
        return content

    def _with_fields(self, content: bytes) -> bytes:
        kind = HEADERS[2 if "nifti-2" in self.base else 1]
        size = kind.template_dtype.itemsize
        header = np.frombuffer(content[:size], dtype=kind.template_dtype).copy()
        for name, place, value in self.fields:
            if name not in header.dtype.names:
                continue
            target = header[name].reshape(-1)
            with np.errstate(all="ignore"):
                target[place % target.size] = _cast(value, target.dtype)
            header[name] = target.reshape(header[name].shape)
        return header.tobytes() + content[size:]

    @staticmethod
    def _edited(content: bytes, edits: tuple[tuple[float, int], ...]) -> bytes:
        changed = bytearray(content)
        for share, mask in edits:
            if changed:
                changed[min(int(len(changed) * share), len(changed) - 1)] ^= mask
        return bytes(changed)


def _cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """A number as a header field of that type can hold it; a text for a field of characters."""
    if dtype.kind == "S":
        return str(value).encode()[: dtype.itemsize]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return min(max(int(value), limits.min), limits.max) if np.isfinite(value) else limits.min
    return dtype.type(value)


_FIELDS = sorted(set(nib.Nifti1Header.template_dtype.names) | set(nib.Nifti2Header.template_dtype.names))
# Those that decide how the file is read are altered more often.
_DECISIVE = ("dim", "datatype", "bitpix", "pixdim", "vox_offset", "scl_slope", "scl_inter", "xyzt_units", "srow_x",
             "sform_code", "qform_code", "quatern_b", "magic", "sizeof_hdr", "dim_info")  # fmt: skip
_NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 3, 4, 5, 7, 8, 16, 64, 128, 255, 256, 348, 352, 353, 400, 512, 540, 768, 1024]),
    st.sampled_from([1280, 1536, 1792, 2048, 2304, 32767, -32768, 2**31 - 1, -(2**31), 2**62, -(2**62)]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e-45, 1e38, -1e38, 0.5, 1e-30]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
)
_PLACE = st.floats(0, 1, exclude_max=True)
_EDIT = st.tuples(_PLACE, st.integers(1, 255))
# The header is a tenth of the file: bytes of it are hit on purpose.
_HEADER_EDIT = st.tuples(_PLACE.map(lambda share: share * 0.22), st.integers(1, 255))

DAMAGES = st.builds(
    Damage,
    base=st.sampled_from(sorted(BASES)),
    fields=st.lists(
        st.tuples(st.sampled_from(_FIELDS) | st.sampled_from(_DECISIVE), st.integers(0, 7), _NUMBERS), max_size=3
    ).map(tuple),
    edits=st.lists(_HEADER_EDIT | _EDIT, max_size=3).map(tuple),
    kept=st.just(1.0) | st.floats(0, 1),
    tail=st.just(b"") | st.binary(max_size=20),
    packed=st.booleans(),
    packed_edits=st.just(()) | st.lists(_EDIT, min_size=1, max_size=2).map(tuple),
)


@pytest.fixture(scope="module")
def written(place) -> Callable[[Damage], Path]:
    def write(damage: Damage) -> Path:
        path = place / f"image{'.nii.gz' if damage.packed else '.nii'}"
        path.write_bytes(damage.content)
        return path

    return write


@pytest.fixture(scope="module", autouse=True)
def _warm(written):
    """Import what the readers import lazily before memory is limited."""
    for packed in (False, True):
        conform(read_volume(written(Damage("nifti-1 3-D", packed=packed))), name="warm")


# ------------------------------------------------------------------ what reads them


def _all_volumes(path: Path) -> tuple[np.ndarray, Any]:
    series = open_series(path)
    volumes = np.stack(list(iter_volumes(series, VOXELS % np.prod(series.shape))), axis=1)
    return volumes, series


def _everything(path: Path) -> np.ndarray:
    return read_voxels(path, load_image(path), dtype=np.float64)


def _as_nibabel(path: Path) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(nib.load(path).dataobj, dtype=np.float64)


def _same(ours: np.ndarray, theirs: np.ndarray) -> None:
    # nibabel scales some types in float32, or with the slope in float32: equal to its precision, of what is finite.
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, equal_nan=True)


# nibabel asks mmap for nothing; no voxel has a smallest value; a unit and a kind of voxel that NIfTI doesn't know.
EMPTY = Damage("nifti-1 float32", fields=(("dim", 1, 0),))
EMPTY_SLICES = Damage("nifti-1 3-D", fields=(("dim", 3, 0),))
UNKNOWN_UNIT = Damage("nifti-1 int16", fields=(("xyzt_units", 0, 7),))
UNKNOWN_TIME_UNIT = Damage("nifti-1 3-D", fields=(("xyzt_units", 0, 255),))
COLOURS = Damage("nifti-1 float32", fields=(("datatype", 0, 2304),))
# The first extension's size, at byte 352: two gigabytes, or all the rest of what a small file may unpack to.
LARGE_EXTENSION = Damage("nifti-1 with extensions", edits=((355.5 / len(BASES["nifti-1 with extensions"]), 0x7F),))
NEGATIVE_EXTENSION = Damage("nifti-1 with extensions", edits=((355.5 / len(BASES["nifti-1 with extensions"]), 0x80),))
FAR_VOXELS = Damage("nifti-2 uint8", fields=(("vox_offset", 0, 2**40),))
# Errors of nibabel that are no ValueError, and of zlib, which are no OSError.
OTHER_BYTE_ORDER = Damage("nifti-1 3-D", fields=(("dim", 0, -1),))
BAD_DEFLATE = Damage("nifti-1 float32", kept=0.5, packed=True, packed_edits=((0.25, 1),))


@fuzz(1400)
@example(damage=EMPTY)
@example(damage=EMPTY_SLICES)
@example(damage=UNKNOWN_UNIT)
@example(damage=COLOURS)
@example(damage=LARGE_EXTENSION)
@example(damage=replace(LARGE_EXTENSION, packed=True))
@example(damage=NEGATIVE_EXTENSION)
@example(damage=FAR_VOXELS)
@given(damage=DAMAGES)
def test_a_damaged_image_is_read_as_nibabel_reads_it_or_refused(written, damage):
    path = written(damage)
    voxels = lawful_file(_everything, path)
    if not isinstance(voxels, BidsmlError):
        _same(voxels, _as_nibabel(path))
    found = lawful_file(_all_volumes, path)
    if not isinstance(found, BidsmlError):
        volumes, series = found
        flat = _as_nibabel(path).reshape(-1, series.n_volumes, order="F")
        _same(volumes, flat[VOXELS % len(flat)])
        assert np.isfinite(series.affine).all()
        assert series.tr_s is None or 0 < series.tr_s < np.inf
    lawful_file(lambda p: conform(read_volume(p), name=p.name), path)


@fuzz(500)
@example(damage=OTHER_BYTE_ORDER)
@example(damage=BAD_DEFLATE)
@example(damage=UNKNOWN_TIME_UNIT)
@given(damage=DAMAGES)
def test_the_checks_before_a_run(written, damage):
    path = written(damage)
    lawful_file(refuse_absurd_header, path)
    lawful_file(open_image, path)
    lawful_file(lambda p: check_images(RawSession("01", t1w=(p,), bold=(RawBold("01", p, 2.0),))), path)
    tr_s = lawful_file(header_tr_s, path)
    assert tr_s is None or 0 < tr_s < np.inf
    times = [0.1 * number for number in range(4)]
    lawful_file(lambda p: slice_times_s({"SliceTiming": times}, tr_s=2.0, axis="k", path=p), path)


@fuzz(250)
@example(damage=OTHER_BYTE_ORDER)
@given(damage=DAMAGES)
def test_a_damaged_atlas(written, damage):
    path = written(damage)
    path.with_name("image.tsv").write_text("index\tname\n" + "".join(f"{n}\tregion {n}\n" for n in range(1, 200)))
    lawful(lambda: atlases.load_atlas(str(path)), size=path.stat().st_size)


def test_the_undamaged_are_read(written):
    for base in BASES:
        for packed in (False, True):
            path = written(Damage(base, packed=packed))
            assert isinstance(lawful_file(_everything, path), np.ndarray)
            if "3-D" not in base:
                assert isinstance(lawful_file(_all_volumes, path), tuple)
