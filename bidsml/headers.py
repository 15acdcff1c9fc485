"""Open NIfTI images by their headers, and hold what these claim against what the file can hold.

Both before anything is allocated.
"""

import gzip
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import nibabel as nib
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from bidsml.errors import DataError

# What nibabel, gzip and numpy raise at files that are damaged.
READ_ERRORS = (ImageFileError, HeaderDataError, EOFError, zlib.error, OSError, ValueError, OverflowError)

# Deflate never packs more than 1032 bytes into one (zlib.net/zlib_tech.html).
LARGEST_RATIO = 1032
# 813 voxels a side. The finest T1w of a living head, at 0.25 mm, has 4.5e8 voxels
# (Lüsebrink et al. 2017, Sci Data 4:170032, doi:10.1038/sdata.2017.32).
MOST_VOXELS = 1 << 29

# Of the header with its extensions: DICOM headers, processing histories.
MOST_HEADER_BYTES = 1 << 26

_CHUNK_BYTES = 1 << 20
_CHUNKS = 64


def load_header(path: Path) -> Any:
    """Open a NIfTI image without reading its voxels.

    Returns
    -------
    nibabel.Nifti1Image
        Or the ``Nifti2Image`` that derives from it; no axis is empty.

    Raises
    ------
    DataError
        It is no NIfTI image, or its header is damaged.
    """
    hint = "the file is damaged; fetch or make it again"
    try:
        check_extensions(path)
        image: Any = nib.load(path)  # type: ignore[attr-defined]
    except READ_ERRORS as error:
        raise DataError(f"{path} is not a readable NIfTI image: {error}", hint=hint) from error
    if not isinstance(image, nib.Nifti1Image):
        raise DataError(f"{path}: expected a NIfTI image, found {type(image).__name__}", hint="convert it to NIfTI")
    if min(image.shape, default=0) < 1:
        raise DataError(f"{path}: the header claims the shape {image.shape}, which holds no voxel", hint=hint)
    return image


def check_extensions(path: Path) -> None:
    """Refuse extensions that reach beyond the header: nibabel allocates what they claim.

    Raises
    ------
    nibabel.filebasedimages.ImageFileError
        One does.
    """
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as stream:
        block = stream.read(nib.Nifti2Header.sizeof_hdr)
        kinds: tuple[Any, ...] = (nib.Nifti2Header, nib.Nifti1Header)
        kind = next((kind for kind in kinds if kind.may_contain_header(block)), None)
        if kind is None:
            return
        header = kind(block[: kind.sizeof_hdr], check=False)
        end, place = int(header["vox_offset"]), kind.sizeof_hdr + 4
        if end > MOST_HEADER_BYTES:
            raise ImageFileError(f"the header claims to be {end} bytes long")
        stream.seek(kind.sizeof_hdr)
        if stream.read(4)[:1] in (b"", b"\0"):
            return
        while end - place >= 16:
            stream.seek(place)
            size = int.from_bytes(stream.read(4), "little" if header.endianness == "<" else "big", signed=True)
            if not 8 <= size <= end - place:
                raise ImageFileError(f"an extension of the header claims {size} bytes, {end - place} are there")
            place += size


def time_unit(header: Any) -> str:
    """Name the unit of time as nibabel does: ``sec``, ``msec``; ``unknown`` for a code that NIfTI doesn't define."""
    try:
        return str(header.get_xyzt_units()[1])
    except KeyError:
        return "unknown"


def claimed_bytes(shape: Sequence[int], *, itemsize: int, offset: int) -> int:
    """Size that an image must have, uncompressed."""
    return offset + prod(int(n) for n in shape) * itemsize


def refuse_absurd(path: Path, shape: Sequence[int], *, itemsize: int, offset: int) -> None:
    """Refuse a header that claims far more than its file holds, or volumes that no scanner makes.

    A file that was cut off passes: reading it will say so, and costs its participant only.

    Parameters
    ----------
    shape
        As the header gives it, time last.
    itemsize, offset
        Bytes of one voxel, and before the first.

    Raises
    ------
    DataError
        The size is absurd.
    """
    claimed, size = claimed_bytes(shape, itemsize=itemsize, offset=offset), path.stat().st_size
    times = " x ".join(str(int(n)) for n in shape)
    hint = "the header is damaged; fetch the file again, or leave it out with --bids-filter-file"
    if prod(int(n) for n in shape[:3]) > MOST_VOXELS:
        raise DataError(f"{path}: the header claims {times} voxels; no image of a head has that many", hint=hint)
    if claimed > size * LARGEST_RATIO and not _is_cut_off(path):
        raise DataError(
            f"{path}: the header claims {claimed} bytes ({times} voxels); a file of {size} bytes cannot hold them",
            hint=hint,
        )


def _is_cut_off(path: Path) -> bool:
    """Whether a compressed file ends in the middle of its stream; only its beginning is looked at."""
    if not path.name.endswith(".gz"):
        return False
    try:
        with gzip.open(path, "rb") as stream:
            for _ in range(_CHUNKS):
                if not stream.read(_CHUNK_BYTES):
                    return False
    except (EOFError, zlib.error, OSError):
        return True
    return False
