"""Names, sidecars and bytes of preprocessed images in the output folder (BIDS derivatives)."""

import gzip
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib

from bidsml.bids.names import build_name, order_entities, parse_entities
from bidsml.bids.store import write_atomic, write_file, write_json
from bidsml.bids.transforms import without_times
from bidsml.errors import DataError, MissingInputError

# Gzip members that hold neither a time nor a name: ID, deflate, no flags, time 0 (RFC 1952).
_PLAIN_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
_TRANSFORMS = (".h5", ".mat", ".txt", ".nii.gz")


class Folder:
    """Writes preprocessed files of one participant, and remembers which.

    Parameters
    ----------
    out
        Output folder, the root of the derivative dataset.
    participant_id
        Without ``sub-``.
    entities
        Of the source images; every name starts with them.
    datatype
        ``anat`` or ``func``.
    bids_dir
        The raw dataset; sources inside of it are written as ``bids:raw:`` links.
    """

    def __init__(
        self, out: Path, *, participant_id: str, entities: Mapping[str, str], datatype: str, bids_dir: Path
    ) -> None:
        self._out = out
        self.participant_id = participant_id
        self._entities = dict(entities)
        self._datatype = datatype
        self._bids_dir = bids_dir.absolute()
        self.written: list[Path] = []

    def image(
        self,
        source: Path,
        suffix: str,
        meaning: str,
        *,
        sidecar: Mapping[str, Any] | None = None,
        sources: Sequence[Path],
        **entities: str,
    ) -> Path:
        """Write an image, with a sidecar that says what it is and was made from; give its path.

        Raises
        ------
        MissingInputError
            The image is not there.
        DiskError
            Writing failed; an older file is untouched.
        """
        path = self._path(suffix, ".nii.gz", entities)
        self.written.append(write_image(path, source))
        content: dict[str, Any] = {"Description": meaning, "Sources": [self.link(one) for one in sources]}
        if "space" in entities:
            content["Resolution"] = _voxel_size(path)
        content |= sidecar or {}
        self.written.append(write_json(path.with_name(path.name.replace(".nii.gz", ".json")), content))
        return path

    def transform(self, source: Path, *, start: str, goal: str) -> Path:
        """Write a transform that brings images from ``start`` to ``goal``, e.g. from T1w to a template."""
        extension = next((e for e in _TRANSFORMS if source.name.endswith(e)), None)
        if extension is None:
            raise DataError(f"{source} is no transform file", hint=f"expected {', '.join(_TRANSFORMS)}")
        path = self._path("xfm", extension, {"from": start, "to": goal, "mode": "image"})
        if extension == ".nii.gz":
            self.written.append(write_image(path, source))
        else:
            content = _content(source)
            self.written.append(write_atomic(path, without_times(content) if extension == ".h5" else content))
        return path

    def copy(self, source: Path, suffix: str, extension: str, **entities: str) -> Path:
        """Write a file as it is."""
        path = self._path(suffix, extension, entities)
        self.written.append(write_atomic(path, _content(source)))
        return path

    def link(self, source: Path) -> str:
        """BIDS URI of a file of the raw dataset or of the output; the bare name of any other."""
        for dataset, root in (("raw", self._bids_dir), ("", self._out.absolute())):
            if source.absolute().is_relative_to(root):
                return f"bids:{dataset}:{source.absolute().relative_to(root).as_posix()}"
        return source.name

    def _path(self, suffix: str, extension: str, entities: Mapping[str, str]) -> Path:
        name = build_name(
            self.participant_id,
            self._entities | dict(entities),
            suffix=suffix,
            extension=extension,
            datatype=self._datatype,
        )
        return self._out / name


def source_entities(paths: Sequence[Path]) -> dict[str, str]:
    """Entities that images share, without ``sub``: those of one image made from all of them.

    With several images ``run`` is dropped even where equal: the product is not that run's.
    """
    first, *others = [parse_entities(path) for path in paths]
    shared = {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
    dropped = {"sub", "run"} if others else {"sub"}
    return order_entities({key: value for key, value in shared.items() if key not in dropped})


def write_image(path: Path, source: Path) -> Path:
    """Write a NIfTI image compressed, such that the same content gives the same bytes.

    Parameters
    ----------
    source
        ``.nii`` or ``.nii.gz``; a compressed one without time and name is copied as it is.

    Raises
    ------
    MissingInputError
        ``source`` is not there.
    DataError
        It is damaged.
    DiskError
        Writing failed; an older file at ``path`` is untouched.
    """
    if not source.is_file():
        raise MissingInputError(f"the preprocessed image {source} is not there", hint="run the participant again")
    size = source.stat().st_size
    with source.open("rb") as handle:
        start = handle.read(len(_PLAIN_GZIP))
        handle.seek(0)
        if start == _PLAIN_GZIP:
            return write_file(path, lambda target: shutil.copyfileobj(handle, target, 1 << 20), n_bytes=size)
        packed = source.name.endswith(".gz")
        return write_file(path, lambda target: _compress(handle, target, packed=packed, source=source), n_bytes=size)


def _voxel_size(path: Path) -> str:
    sizes = nib.load(path).header.get_zooms()[:3]  # type: ignore[attr-defined]
    return " x ".join(f"{size:g}" for size in sizes) + " mm"


def _compress(handle: io.BufferedReader, target: Any, *, packed: bool, source: Path) -> None:
    with gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=1, mtime=0) as stream:
        if not packed:
            shutil.copyfileobj(handle, stream, 1 << 20)
            return
        try:
            with gzip.GzipFile(fileobj=handle) as content:
                shutil.copyfileobj(content, stream, 1 << 20)
        except (EOFError, gzip.BadGzipFile) as error:
            raise DataError(f"{source} is damaged: {error}", hint="run the participant again") from error


def _content(source: Path) -> bytes:
    if not source.is_file():
        raise MissingInputError(f"the preprocessed file {source} is not there", hint="run the participant again")
    return source.read_bytes()
