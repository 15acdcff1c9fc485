"""Read a 4-D NIfTI image volume by volume, to its very end, trusting nothing its header claims.

nibabel reads a header well but takes its sizes on trust, stops before the checksum of a compressed file, and
keeps the whole image in memory. One pass here holds one volume at a time.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError, MissingInputError
from bidsml.headers import LARGEST_RATIO, READ_ERRORS, claimed_bytes, load_header, refuse_absurd, time_unit
from bidsml.records import FloatArray, IntArray

TRAILING_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Series:
    """What the header of a 4-D image says, checked.

    ``affine`` maps voxel indices to mm, ``tr_s`` is the header's repetition time or ``None``.
    """

    path: Path
    shape: tuple[int, int, int]
    n_volumes: int
    affine: FloatArray
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    tr_s: float | None


def load_image(path: Path) -> Any:
    """Open a NIfTI image without reading its voxels.

    Raises
    ------
    MissingInputError
        The file is not there, or is a link to content that was not fetched.
    DataError
        It is not a readable NIfTI image.
    """
    if not path.is_file():
        annexed = path.is_symlink()
        raise MissingInputError(
            f"{path} {'is a link to content that is not here' if annexed else 'is not there'}",
            hint=f"datalad get {path}" if annexed else "check the path and the derivatives folder",
        )
    if not path.name.endswith((".nii", ".nii.gz")):
        raise DataError(f"{path}: expected a .nii or .nii.gz image", hint="convert it to NIfTI")
    return load_header(path)


def open_series(path: Path) -> Series:
    """Read and check the header of a 4-D image, before anything is allocated.

    Raises
    ------
    DataError
        Not 4-D, one volume only, no usable affine, or sizes that the file cannot hold.
    """
    image = load_image(path)
    shape = tuple(int(n) for n in image.shape)
    if len(shape) != 4 or min(shape) < 1 or shape[3] < 2:
        raise DataError(
            f"{path}: expected a 4-D image with several volumes, found shape {shape}",
            hint="give the BOLD time series, not a reference image",
        )
    dtype = _real_dtype(path, image)
    _check_geometry(path, image)
    series = Series(
        path=path,
        shape=(shape[0], shape[1], shape[2]),
        n_volumes=shape[3],
        affine=np.asarray(image.affine, dtype=np.float64),
        dtype=dtype,
        offset=int(image.dataobj.offset),
        slope=float(image.dataobj.slope),
        intercept=float(image.dataobj.inter),
        tr_s=_header_tr_s(image.header),
    )
    _check_size(series)
    return series


def _real_dtype(path: Path, image: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(image.dataobj.dtype)
    if dtype.kind not in "iuf":
        raise DataError(f"{path}: expected real numbers, found voxels of type {dtype}", hint="convert the image")
    return dtype


def _check_geometry(path: Path, image: Any) -> None:
    # nibabel mends a size of 0 to 1 when it loads an image: look at what the file itself says.
    with _reading(path) as stream:
        zooms = np.asarray(type(image.header).from_fileobj(stream, check=False)["pixdim"][1:4], dtype=np.float64)
    affine = np.asarray(image.affine, dtype=np.float64)
    if not (np.isfinite(zooms).all() and (zooms > 0).all()):
        raise DataError(f"{path}: voxel sizes must be above 0 mm, found {zooms.tolist()}", hint="repair the header")
    # Compared with the volume that the lengths of its columns would span: free of units.
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) <= 1e-6 * prod(lengths):
        raise DataError(f"{path}: the affine matrix is singular: {affine.tolist()}", hint="repair the header")


def _header_tr_s(header: Any) -> float | None:
    unit = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}.get(time_unit(header))
    tr_s = float(header.get_zooms()[3]) * (unit or 0.0)
    return tr_s if np.isfinite(tr_s) and tr_s > 0 else None


def _check_size(series: Series) -> None:
    """Compare what the header claims with what the file can hold."""
    shape = (*series.shape, series.n_volumes)
    refuse_absurd(series.path, shape, itemsize=series.dtype.itemsize, offset=series.offset)
    claimed = claimed_bytes(shape, itemsize=series.dtype.itemsize, offset=series.offset)
    size = series.path.stat().st_size
    packed = series.path.name.endswith(".gz")
    if claimed > size * (LARGEST_RATIO if packed else 1):
        raise DataError(
            f"{series.path}: the header claims {claimed} bytes ({series.shape} × {series.n_volumes} volumes), "
            f"the file has {size}{' compressed' if packed else ''}",
            hint="the file is truncated or its header is damaged; fetch it again",
        )


def read_voxels(path: Path, image: Any, *, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Read all voxels of an image that :func:`load_image` opened, its file to the very end.

    Parameters
    ----------
    dtype
        Of the result.

    Raises
    ------
    DataError
        The file is truncated or altered (its checksum is wrong), or its header claims an absurd size; the voxels are
        colours or complex numbers.
    """
    itemsize, offset = int(_real_dtype(path, image).itemsize), int(image.dataobj.offset)
    refuse_absurd(path, image.shape, itemsize=itemsize, offset=offset)
    expected = claimed_bytes(image.shape, itemsize=itemsize, offset=offset)
    with _reading(path) as stream:
        # nibabel stops where the voxels end, before the checksum.
        found = 0
        while found <= expected and (content := stream.read(TRAILING_BYTES)):
            found += len(content)
    if found < expected:
        raise DataError(
            f"{path} ends early: the header claims {expected} bytes, {found} are there",
            hint="the file is truncated; fetch it again",
        )
    try:
        return np.asarray(image.dataobj, dtype=dtype)
    except READ_ERRORS as error:
        raise DataError(f"{path} is damaged: {error}", hint="fetch or make the file again") from error


def iter_volumes(series: Series, voxels: IntArray) -> Iterator[FloatArray]:
    """Yield the chosen voxels of each volume in turn, and check the end of the file.

    Parameters
    ----------
    series
        From :func:`open_series`.
    voxels
        ``(n_voxels,)`` flat indices in Fortran order; may repeat.

    Yields
    ------
    FloatArray
        ``(n_voxels,)``, scaled as the header says.

    Raises
    ------
    DataError
        The file ends early, its checksum is wrong, or more data follow than the header says.
    """
    n_voxels = prod(series.shape)
    with _reading(series.path) as stream:
        _read_exactly(stream, series.offset, path=series.path)
        for _ in range(series.n_volumes):
            raw = _read_exactly(stream, n_voxels * series.dtype.itemsize, path=series.path)
            values = np.frombuffer(raw, dtype=series.dtype)[voxels].astype(np.float64)
            if (series.slope, series.intercept) != (1.0, 0.0):
                values = values * series.slope + series.intercept
            yield values
        # A compressed file is verified only where its end is reached.
        if len(stream.read(TRAILING_BYTES)) == TRAILING_BYTES:
            raise DataError(
                f"{series.path}: more data follow than the header's {series.n_volumes} volumes",
                hint="the header is damaged; fetch the file again",
            )


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as stream:
            yield stream  # type: ignore[misc]
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(
            f"{path} is damaged: {error}", hint="the file is truncated or altered; fetch it again"
        ) from error


def _read_exactly(stream: IO[bytes], n_bytes: int, *, path: Path) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes:
        raise DataError(
            f"{path} ends early: {n_bytes} bytes were expected at one place, {len(content)} were left",
            hint="the file is truncated; fetch it again",
        )
    return content
