"""Open CIFTI, GIFTI and annotation files without allocating, unfolding or looking up what they do not hold themselves.

nibabel believes what is in them: it unpacks GIFTI's arrays to any size, follows them into other files, and makes arrays
of as many points as CIFTI's header counts.
"""

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.freesurfer.io import read_annot
from nibabel.gifti.parse_gifti_fast import GiftiImageParser, GiftiParseError
from nibabel.gifti.util import gifti_encoding_codes
from nibabel.nifti1 import data_type_codes
from numpy.typing import NDArray

from bidsml.errors import BidsmlError, DataError, MissingInputError
from bidsml.headers import MOST_VOXELS, check_extensions, claimed_bytes

# Finest surfaces in use have 164k vertices a hemisphere; native ones of a living cortex at 0.5 mm some 1.5 million.
_MOST_VERTICES = 20_000_000
# Of one annotation: FreeSurfer's own colour table goes to 14,175.
_MOST_COLOURS = 1_000_000
# Of one file: fMRIPrep writes an array a volume.
_MOST_ARRAYS = 50_000
# GIFTI knows one to six dimensions.
_MOST_DIMENSIONS = 6
# Beside a small file of labels, which pack well; BOLD in float32 packs into half at most, never into a fiftieth.
_SMALL_BYTES, _LARGEST_RATIO = 1 << 26, 50
_CHUNK_BYTES = 1 << 20
_FETCH = "the file is damaged; fetch it again"


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever reading a file of a surface ends in into one error.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        Anything else went wrong.
    """
    try:
        yield
    except BidsmlError:
        raise
    except FileNotFoundError as error:
        raise MissingInputError(f"{path} is not there", hint="check the path and the derivatives folder") from error
    except Exception as error:
        # XML, zlib, base64, and every attribute that nibabel takes for granted.
        raise DataError(f"{path} is not readable: {type(error).__name__}: {error}", hint=_FETCH) from error


def open_cifti(path: Path) -> Any:
    """Open a CIFTI-2 file; its header is read, its values are not.

    Raises
    ------
    DataError
        It is damaged, or claims more than it holds.
    """
    with readable(path):
        check_extensions(path)
        _refuse_entities(path)
        image: Any = nib.Cifti2Image.from_filename(path, mmap=False)
        proxy = image.dataobj
        claimed = claimed_bytes(proxy.shape, itemsize=int(proxy.dtype.itemsize), offset=int(proxy.offset))
        found = path.stat().st_size
        if claimed > found:
            raise DataError(f"{path} ends early: its header claims {claimed} bytes, {found} are there", hint=_FETCH)
        for axis, size in enumerate(image.shape):
            _check_models(image.header.matrix.get_index_map(axis), int(size))
    return image


def _check_models(index: Any, size: int) -> None:
    """Check what a map of brain models counts before it is spread out into an entry a point."""
    models = list(index.brain_models)
    counts = [int(model.index_count) for model in models]
    if models and (min(counts) < 0 or sum(counts) != size):
        raise ValueError(f"its structures count {sum(counts)} points, where there are {size}")
    for model in models:
        if not 0 <= int(model.surface_number_of_vertices or 0) <= _MOST_VERTICES:
            raise ValueError(f"a surface of {model.surface_number_of_vertices} vertices")
    if index.volume is not None and not 0 <= prod(int(n) for n in index.volume.volume_dimensions) <= MOST_VOXELS:
        raise ValueError(f"a volume of {index.volume.volume_dimensions} voxels")


def _refuse_entities(path: Path) -> None:
    """CIFTI's XML declares none; those that are made of each other unfold to any size."""
    with path.open("rb") as stream:
        header = nib.Nifti2Header(stream.read(nib.Nifti2Header.sizeof_hdr), check=False)  # type: ignore[no-untyped-call]
        xml = stream.read(max(0, int(header["vox_offset"]) - nib.Nifti2Header.sizeof_hdr))
    if b"<!ENTITY" in xml or b"<!DOCTYPE" in xml:
        raise ValueError("its XML declares entities")


# ------------------------------------------------------------------ GIFTI


def open_gifti(path: Path) -> Any:
    """Read a GIFTI file whose arrays are its own.

    Raises
    ------
    DataError
        It is damaged, unpacks to more than such a file can mean, declares entities, or points to another file.
    """
    with readable(path), path.open("rb") as stream:
        parser = _Parser(_SMALL_BYTES + _LARGEST_RATIO * path.stat().st_size)
        parser.parse(fptr=stream)  # type: ignore[no-untyped-call]
        if parser.img is None:
            raise ValueError("it holds no GIFTI")
    return parser.img


class _Parser(GiftiImageParser):
    """nibabel's, with limits.

    Parameters
    ----------
    limit
        Bytes that all arrays may have.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(mmap=False)  # type: ignore[no-untyped-call]
        self._left = limit

    def _create_parser(self) -> Any:
        parser = super()._create_parser()  # type: ignore[no-untyped-call]
        parser.EntityDeclHandler = _refuse_entity
        return parser

    def StartElementHandler(self, name: str, attrs: dict[str, str]) -> None:  # noqa: N802 - expat's name
        """Look at what an array says of itself before nibabel believes it."""
        if name == "DataArray":
            if not 0 <= int(attrs.get("Dimensionality", 0)) <= _MOST_DIMENSIONS:
                raise GiftiParseError(f"an array has {attrs['Dimensionality']} dimensions")
            if self.img is not None and len(self.img.darrays) >= _MOST_ARRAYS:
                raise GiftiParseError(f"it has more than {_MOST_ARRAYS} arrays")
        super().StartElementHandler(name, attrs)  # type: ignore[no-untyped-call]

    def flush_chardata(self) -> None:
        """Look at the size of an array before it is unpacked."""
        if self.write_to == "Data" and self.da is not None:
            if gifti_encoding_codes.label[self.da.encoding] == "External":
                raise GiftiParseError("its numbers are in another file, which is not followed")
            self._check_size(self.da, "".join(self._char_blocks or []))
        super().flush_chardata()  # type: ignore[no-untyped-call]

    def _check_size(self, array: Any, text: str) -> None:
        itemsize = int(np.dtype(data_type_codes.dtype[array.datatype]).itemsize)  # type: ignore[call-overload]
        claimed = prod(int(n) for n in array.dims) * itemsize
        self._left -= claimed
        packed = gifti_encoding_codes.label[array.encoding] == "B64GZ"
        if min(array.dims, default=0) < 0 or self._left < 0 or (packed and _unpacks_to_more(text, claimed)):
            raise GiftiParseError(f"an array of {array.dims} would unpack to more than such a file can hold")


def _unpacks_to_more(text: str, claimed: int) -> bool:
    packed, stream, found = base64.b64decode(text.encode("ascii")), zlib.decompressobj(), 0
    while packed and found <= claimed:
        found += len(stream.decompress(packed, _CHUNK_BYTES))
        packed = stream.unconsumed_tail
    return found > claimed


def _refuse_entity(*_: Any) -> None:
    raise GiftiParseError("its XML declares entities")


# ------------------------------------------------------------------ annotations


def open_annotation(path: Path) -> tuple[NDArray[np.int64], list[str]]:
    """Read FreeSurfer's annotation.

    Returns
    -------
    numbers, names
        ``(n_vertices,)`` places in ``names``, −1 where a vertex has none.

    Raises
    ------
    DataError
        It is damaged.
    """
    with readable(path):
        with path.open("rb") as stream:
            (n_vertices,) = np.fromfile(stream, ">i4", 1).tolist()
            if not 0 < n_vertices <= path.stat().st_size // 8:
                raise ValueError(f"it claims {n_vertices} vertices")
            stream.seek(4 + 8 * n_vertices)
            if max(np.fromfile(stream, ">i4", 3).tolist(), default=0) > _MOST_COLOURS:
                raise ValueError("its table of colours is too large")
        numbers, _, names = read_annot(path)  # type: ignore[no-untyped-call]
        return np.asarray(numbers).astype(np.int64), [name.decode() for name in names]
    raise AssertionError("not reached")
