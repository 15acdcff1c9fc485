"""Raw images are what their names say: readable to the end, of the right number of dimensions."""

import gzip
import logging
import struct
import zlib
from math import prod
from pathlib import Path
from typing import Any

from bidsml.bids.textfiles import require_content
from bidsml.errors import DataError
from bidsml.headers import claimed_bytes, load_header, refuse_absurd
from bidsml.records import RawSession

_logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 22
_FETCH = "the file is truncated or altered; fetch it again"


def check_images(session: RawSession) -> None:
    """Check the images of a session before hours are spent on them.

    Sizes come from the headers and the ends of the files; only where they disagree is a file read through.

    Raises
    ------
    DataError
        An image cannot be read, is damaged or truncated, or is a T1w of other than one volume or a BOLD run of one.
    MissingInputError
        The content of an image is not on this machine.
    """
    for path in session.t1w:
        shape = _check_image(path)
        if len(shape) < 3 or prod(shape[3:]) != 1:
            raise DataError(
                f"{path}: a T1w image is one volume, found the shape {shape}", hint="see what was converted"
            )
    for run in session.bold:
        shape = _check_image(run.path)
        if len(shape) != 4 or shape[3] < 2:
            raise DataError(
                f"{run.path}: a BOLD run has three dimensions and time, found the shape {shape}",
                hint="a single volume is a reference image (_sbref), no run",
            )


def refuse_absurd_header(path: Path) -> Path:
    """Give ``path`` back unless its header claims an absurd size, see :func:`bidsml.headers.refuse_absurd`.

    A header that cannot be read passes: reading the image will fail with its own message, and for its participant
    only.

    Raises
    ------
    DataError
        The size is absurd.
    """
    try:
        image = load_header(path)
    except DataError as error:
        _logger.info("the size is not checked: %s", error.message)
        return path
    refuse_absurd(path, image.shape, itemsize=int(image.dataobj.dtype.itemsize), offset=int(image.dataobj.offset))
    return path


def open_image(path: Path) -> Any:
    """Open a NIfTI image whose file holds what its header claims, without reading its voxels.

    Raises
    ------
    DataError
        It cannot be read, or is damaged or truncated.
    MissingInputError
        Its content is not on this machine.
    """
    require_content(path, what="the image")
    image = load_header(path)
    proxy = image.dataobj
    expected = claimed_bytes(image.shape, itemsize=int(proxy.dtype.itemsize), offset=int(proxy.offset))
    found = _count_bytes(path, expected)
    if found < expected:
        raise DataError(
            f"{path} ends early: the header claims {expected} bytes {image.shape}, {found} are there", hint=_FETCH
        )
    return image


def _check_image(path: Path) -> tuple[int, ...]:
    """Shape of an image whose file is whole."""
    return tuple(int(n) for n in open_image(path).shape)


def _count_bytes(path: Path, expected: int) -> int:
    """Bytes of the image, uncompressed.

    The last four bytes of a gzip file are its length modulo 2³² (RFC 1952). They are trusted where they say what
    the header says; a file of several parts, or with something after its end, is read through.
    """
    if not path.name.endswith(".gz"):
        return path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(-4, 2)
        (length,) = struct.unpack("<I", handle.read(4))
    if length == expected % (1 << 32):
        return expected
    total = 0
    try:
        with gzip.open(path, "rb") as stream:
            # One byte more than claimed is enough: what follows does no harm, and a bomb is not unpacked.
            while total <= expected and (content := stream.read(_CHUNK_BYTES)):
                total += len(content)
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path} is damaged after {total} of {expected} bytes: {error}", hint=_FETCH) from error
    return total
