"""Read ``.npz`` files that somebody may have been handed: no pickle, and no memory before the sizes are believed."""

import io
import struct
import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bidsml.errors import DataError

# numpy leaves these functions without types.
_NPY: Any = npy
# What zipfile and numpy's parser of headers raise at files that are damaged.
_READ_ERRORS = (
    *(OSError, EOFError, MemoryError, ValueError, TypeError, OverflowError, RuntimeError, SyntaxError),
    *(TokenError, struct.error, zipfile.BadZipFile),
)
_HINT = "do not use this file; make it anew, or get it from where it was made"


def read_arrays(path: Path, content: bytes | None = None) -> dict[str, NDArray[Any]]:
    """Read every array of an ``.npz`` as :func:`numpy.savez` writes it: stored, not compressed, no objects.

    Parameters
    ----------
    content
        The bytes of the file, where they have been read (and their digest compared) already.

    Returns
    -------
    dict of str to ndarray
        In the order of the file.

    Raises
    ------
    DataError
        It is no such file, holds a pickled object or anything compressed, or an array that claims more than is there.
    """
    try:
        with zipfile.ZipFile(path if content is None else io.BytesIO(content)) as archive:
            _check_members(path, archive)
            return {one.filename.removesuffix(".npy"): _read_member(path, archive, one) for one in archive.infolist()}
    except _READ_ERRORS as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DataError(f"{path} does not hold plain arrays: {error}", hint=_HINT) from error


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what could unpack to more than the file's own size, or hide one array behind another."""
    members = archive.infolist()
    if len({one.filename for one in members}) < len(members):
        raise DataError(f"{path} holds two arrays of one name", hint=_HINT)
    for one in members:
        if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
            raise DataError(f"{path} is compressed ({one.filename}), as bidsml never writes it", hint=_HINT)
        if not one.filename.endswith(".npy"):
            raise DataError(f"{path} holds {one.filename!r}, which is no array", hint=_HINT)


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as handle:
        shape, dtype = _read_header(handle)
        if dtype.hasobject:
            raise ValueError(f"{member.filename} holds pickled objects, which are never opened")
        claimed, found = prod(shape) * dtype.itemsize, member.file_size - handle.tell()
        if claimed > found:
            raise ValueError(f"{member.filename} claims {claimed} bytes {shape}, {found} are there")
    with archive.open(member) as handle:
        array: NDArray[Any] = _NPY.read_array(handle, allow_pickle=False)
    return array


def _read_header(handle: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = _NPY.read_magic(handle)
    readers: Mapping[tuple[int, int], Any] = {(1, 0): _NPY.read_array_header_1_0, (2, 0): _NPY.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"array format {version} is not known")
    shape, _, dtype = readers[version](handle)
    return shape, dtype
