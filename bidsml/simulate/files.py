"""Write simulated images."""

import gzip
import io
from pathlib import Path
from typing import Any

import nibabel as nib
from numpy.typing import NDArray

from bidsml.bids.store import write_atomic
from bidsml.records import FloatArray


def write_image(path: Path, data: NDArray[Any], affine: FloatArray, *, tr_s: float = 0.0) -> None:
    """Write a compressed NIfTI whose bytes depend on nothing but its content."""
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    if tr_s:
        image.header.set_zooms((*image.header.get_zooms()[:3], tr_s))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=1) as handle:
        handle.write(image.to_bytes())
    write_atomic(path, buffer.getvalue())
