"""Read and write 4-D images one volume at a time, so that memory doesn't grow with the length of a run."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError, DiskError
from bidsml.preproc.volumes import Series, iter_volumes, open_series
from bidsml.records import FloatArray

Volume = NDArray[np.float32]
"""``(x, y, z)``, finite."""

MIN_VOLUMES = 10
SCANNER_SPACE = 1
TEMPLATE_SPACE = 4
DATA_OFFSET = 352
_LARGEST_INT16 = 32767


def open_run(path: Path) -> Series:
    """Open a BOLD run that is long enough to be preprocessed.

    Raises
    ------
    DataError
        Not 4-D, fewer than 10 volumes, or a damaged file.
    """
    series = open_series(path)
    if series.n_volumes < MIN_VOLUMES:
        raise DataError(
            f"{path}: a BOLD run needs at least {MIN_VOLUMES} volumes, found {series.n_volumes}",
            hint="leave this run out with --bids-filter-file",
        )
    return series


def iter_frames(series: Series) -> Iterator[Volume]:
    """Yield the volumes of a run in turn; voxels that are NaN or infinite become 0."""
    everything = np.arange(int(np.prod(series.shape)))
    for values in iter_volumes(series, everything):
        frame = values.reshape(series.shape, order="F").astype(np.float32)
        yield np.nan_to_num(frame, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def count_nonfinite(series: Series) -> int:
    """Count the values of a run that are NaN or infinite."""
    if series.dtype.kind != "f":
        return 0
    everything = np.arange(int(np.prod(series.shape)))
    return sum(int((~np.isfinite(values)).sum()) for values in iter_volumes(series, everything))


def read_frames(series: Series, volumes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read some volumes of a run, in the order of the run.

    Returns
    -------
    ndarray
        ``(n_chosen, x, y, z)``.
    """
    wanted = set(volumes.tolist())
    return np.stack([frame for number, frame in enumerate(iter_frames(series)) if number in wanted])


def volume_sizes_mm(affine: FloatArray) -> FloatArray:
    """Voxel sizes along the three axes, in mm."""
    sizes: FloatArray = np.linalg.norm(affine[:3, :3], axis=0)
    return sizes


class FrameWriter:
    """Writes a 4-D NIfTI volume by volume; the same volumes always give the same bytes.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.
    shape
        ``(x, y, z, n_volumes)``.
    largest
        Given, voxels are stored as int16 with a slope such that ``±largest`` fits, and what lies beyond is clipped;
        without it as float32.
    template
        Whether ``affine`` leads to a template's mm (NIfTI code 4) rather than the scanner's (1).
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int, int],
        *,
        affine: FloatArray,
        tr_s: float,
        largest: float | None = None,
        template: bool = False,
    ) -> None:
        self._path = path
        self._shape = shape
        self._written = 0
        self._slope = None if largest is None else max(largest, 1e-6) / _LARGEST_INT16
        header = nib.Nifti1Header()
        header.set_data_dtype(np.float32 if self._slope is None else np.int16)
        header.set_data_shape(shape)
        header.set_zooms((*volume_sizes_mm(affine), tr_s))
        code = TEMPLATE_SPACE if template else SCANNER_SPACE
        header.set_sform(affine, code)
        header.set_qform(affine, code)
        header.set_xyzt_units("mm", "sec")
        header.set_data_offset(DATA_OFFSET)
        header.set_slope_inter(self._slope if self._slope is not None else 1.0, 0.0)
        self._header = header
        self._stack = ExitStack()
        self._stream: IO[Any] | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            plain = self._stack.enter_context(self._path.open("wb"))
            self._stream = plain
            if self._path.name.endswith(".gz"):
                packed = gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=1, mtime=0)
                self._stream = self._stack.enter_context(packed)  # type: ignore[assignment]
            self._put(self._header.binaryblock + b"\0\0\0\0")
        except OSError as error:
            raise _full(self._path, error) from error
        return self

    def write(self, frame: NDArray[Any]) -> None:
        """Append one volume ``(x, y, z)``."""
        if frame.shape != self._shape[:3]:
            raise ValueError(f"a volume of shape {frame.shape} does not fit {self._shape}")
        if self._slope is None:
            stored = frame.astype("<f4")
        else:
            levels = np.clip(np.rint(frame / self._slope), -_LARGEST_INT16, _LARGEST_INT16)
            stored = levels.astype("<i2")
        try:
            self._put(stored.tobytes(order="F"))
        except OSError as error:
            raise _full(self._path, error) from error
        self._written += 1

    def _put(self, content: bytes) -> None:
        assert self._stream is not None
        self._stream.write(content)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stack.close()
        except OSError as failure:
            raise _full(self._path, failure) from failure
        if kind is None and self._written != self._shape[3]:
            raise ValueError(f"{self._path}: {self._written} of {self._shape[3]} volumes were written")


def _full(path: Path, error: OSError) -> DiskError:
    return DiskError(
        f"cannot write {path}: {error.strerror or error}", hint="free space in the work folder, then run again"
    )
