"""Cortical surfaces: region labels and BOLD series on their vertices, from CIFTI, GIFTI and FreeSurfer's annotations.

A CIFTI file holds both hemispheres, and may hold voxels of subcortical structures too. GIFTI files and annotations come
in pairs, one a hemisphere; the left one's path stands for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.cifti2.cifti2_axes import BrainModelAxis, LabelAxis, SeriesAxis
from numpy.typing import NDArray

from bidsml.errors import DataError, MissingInputError
from bidsml.records import IntArray
from bidsml.surfacefiles import open_annotation, open_cifti, open_gifti, readable

SERIES = (".dtseries.nii", ".func.gii")
LABELS = ("dlabel.nii", ".label.gii", ".annot")
_SIDES = (("hemi-L", "hemi-R"), ("lh.", "rh."))
_CORTEX = ("CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_CORTEX_RIGHT")
# What FreeSurfer and HCP call vertices of no region.
_NO_REGION = frozenset({"", "???", "unknown", "medial_wall", "medialwall", "corpuscallosum"})
_SPACES = {163842: "fsaverage", 40962: "fsaverage6", 10242: "fsaverage5", 2562: "fsaverage4", 32492: "fsLR"}


@dataclass(frozen=True, eq=False)
class Part:
    """Points of one structure in a file.

    Attributes
    ----------
    columns
        ``(n_points,)``: where the points stand among all points of the file.
    keys
        ``(n_points,)``: vertex numbers of a surface, flat numbers of voxels of a volume.
    size
        Vertices of the surface, or voxels of the volume, that keys count in.
    """

    columns: IntArray
    keys: IntArray
    size: int


@dataclass(frozen=True, eq=False)
class SurfaceLabels:
    """Regions on surfaces: ``number`` says of every point which of ``names`` it belongs to, from 1; 0 for none."""

    names: tuple[str, ...]
    number: IntArray
    parts: Mapping[str, Part]
    space: str


@dataclass(frozen=True, eq=False)
class SurfaceSeries:
    """BOLD on surfaces, ``values`` ``(n_volumes, n_points)``; ``tr_s`` is ``None`` where the file says none."""

    values: NDArray[np.float32]
    parts: Mapping[str, Part]
    tr_s: float | None


def is_surface(path: Path | str) -> bool:
    """Whether a file holds series or labels on surfaces, by its name."""
    return str(path).endswith((*SERIES, *LABELS))


def hemispheres(path: Path) -> tuple[Path, ...]:
    """Files that belong together: a CIFTI file alone, or the left and the right hemisphere's.

    Raises
    ------
    MissingInputError
        The right hemisphere's file is not there.
    DataError
        The name does not say the left hemisphere.
    """
    if path.name.endswith((".dtseries.nii", "dlabel.nii")):
        return (path,)
    for left, right in _SIDES:
        if left in path.name:
            other = path.with_name(path.name.replace(left, right, 1))
            if not other.is_file():
                raise MissingInputError(
                    f"{path} has no right hemisphere beside it: {other.name} is not there", hint="fetch both files"
                )
            return path, other
    raise DataError(f"{path}: the name does not say the left hemisphere", hint="expected hemi-L, or lh. as its start")


def read_series(path: Path) -> SurfaceSeries:
    """Read a series of volumes on surfaces; the whole of it is in memory, 4 bytes a value.

    Raises
    ------
    MissingInputError
        The file, or that of the other hemisphere, is not there.
    DataError
        It is damaged, or of another form.
    """
    if path.name.endswith(".dtseries.nii"):
        with readable(path):
            found = _cifti_series(path)
    else:
        sides = [_gifti_values(side) for side in hemispheres(path)]
        if len({len(side) for side in sides}) > 1:
            counts = " and ".join(str(len(side)) for side in sides)
            raise DataError(f"{path}: the hemispheres have {counts} volumes", hint="fetch both")
        found = SurfaceSeries(np.concatenate(sides, axis=1), _pair([side.shape[1] for side in sides]), None)
    if not found.values.size:
        raise DataError(f"{path} holds no value: {found.values.shape}", hint="fetch it again")
    return found


def _cifti_series(path: Path) -> SurfaceSeries:
    image = open_cifti(path)
    series, models = (image.header.get_axis(axis) for axis in (0, 1))
    if not isinstance(series, SeriesAxis) or not isinstance(models, BrainModelAxis):
        raise DataError(f"{path}: expected a time series of grayordinates", hint="give a .dtseries.nii file")
    tr_s = float(series.step) if series.unit == "SECOND" and 0 < series.step < np.inf else None
    return SurfaceSeries(_values(image), _cifti_parts(models), tr_s)


def read_labels(path: Path) -> SurfaceLabels:
    """Read the regions of a surface atlas.

    Of pairs whose hemispheres name a region alike, names start with ``L_`` and ``R_``.

    Raises
    ------
    MissingInputError
        The file, or that of the other hemisphere, is not there.
    DataError
        It is damaged, of another form, or holds no region.
    """
    if path.name.endswith("dlabel.nii"):
        with readable(path):
            given, parts = _cifti_labels(path)
    else:
        given = [_annotation(side) if side.suffix == ".annot" else _gifti_labels(side) for side in hemispheres(path)]
        parts = _pair([len(values) for values, _ in given])
    names, number = _number(given)
    if not names:
        raise DataError(f"{path} holds no region", hint="is it a parcellation?")
    sizes = [parts[name].size for name in _CORTEX if name in parts]
    return SurfaceLabels(names, number, parts, _SPACES.get(sizes[0], "") if sizes else "")


def _cifti_labels(path: Path) -> tuple[list[tuple[IntArray, dict[int, str]]], dict[str, Part]]:
    image = open_cifti(path)
    labels, models = (image.header.get_axis(axis) for axis in (0, 1))
    if not isinstance(labels, LabelAxis) or not isinstance(models, BrainModelAxis):
        raise DataError(f"{path}: expected labels of grayordinates", hint="give a .dlabel.nii file")
    table = {int(key): str(name) for key, (name, _) in labels.label[0].items()}
    return [(_whole(_values(image)[0]), table)], _cifti_parts(models)


def _number(given: list[tuple[IntArray, dict[int, str]]]) -> tuple[tuple[str, ...], IntArray]:
    """Give the regions of all files numbers from 1 on, in the order of their keys; 0 where there is none."""
    there = [set(np.unique(values).tolist()) for values, _ in given]
    kept = [
        {key: name for key, name in sorted(table.items()) if _is_region(key, name) and key in mine}
        for mine, (_, table) in zip(there, given, strict=True)
    ]
    spelled = [name for table in kept for name in table.values()]
    sides = ("L_", "R_") if len(kept) == 2 and len(set(spelled)) < len(spelled) else ("", "")
    names: list[str] = []
    numbers = []
    for (values, _), table, side in zip(given, kept, sides, strict=False):
        number = np.zeros(len(values), dtype=np.int64)
        for key, name in table.items():
            names.append(f"{side}{name}")
            number[values == key] = len(names)
        numbers.append(number)
    return tuple(names), np.concatenate(numbers)


def _is_region(key: int, name: str) -> bool:
    return key != 0 and name.lower() not in _NO_REGION and not name.lower().startswith("background")


def _pair(sizes: list[int]) -> dict[str, Part]:
    starts = np.cumsum([0, *sizes])
    return {
        name: Part(start + np.arange(size), np.arange(size), size)
        for name, start, size in zip(_CORTEX, starts[:-1], sizes, strict=True)
    }


def _cifti_parts(models: Any) -> dict[str, Part]:
    parts = {}
    for name, columns, model in models.iter_structures():
        places = np.arange(len(models))[columns]
        if model.surface_mask.all():
            keys, size = np.asarray(model.vertex, dtype=np.int64), int(model.nvertices[name])
        else:
            shape = tuple(int(n) for n in model.volume_shape)
            keys, size = np.ravel_multi_index(tuple(np.asarray(model.voxel).T), shape).astype(np.int64), prod(shape)
        if ((keys < 0) | (keys >= size)).any():
            raise ValueError(f"{name} has points that are none of its {size}")
        parts[name] = Part(places, keys, size)
    return parts


def _values(image: Any) -> NDArray[np.float32]:
    values = np.asarray(image.dataobj, dtype=np.float32)
    if values.ndim != 2:
        raise ValueError(f"expected rows of points, found {values.shape}")
    return values


def _gifti_values(path: Path) -> NDArray[np.float32]:
    """One row per data array, ``(n_volumes, n_vertices)``."""
    with readable(path):
        arrays = [np.asarray(one.data, dtype=np.float32) for one in open_gifti(path).darrays]
    if not arrays or len({array.shape for array in arrays}) > 1 or arrays[0].ndim not in (1, 2):
        raise DataError(f"{path}: expected data arrays of one size, found {len(arrays)}", hint="fetch it again")
    # fMRIPrep writes an array a volume; one array of all volumes holds them side by side.
    return np.stack(arrays) if arrays[0].ndim == 1 else arrays[0].T


def _gifti_labels(path: Path) -> tuple[IntArray, dict[int, str]]:
    with readable(path):
        image = open_gifti(path)
        table = {int(key): str(name) for key, name in image.labeltable.get_labels_as_dict().items()}
        return _whole(np.ravel(image.darrays[0].data)), table


def _whole(values: NDArray[Any]) -> IntArray:
    """Labels as whole numbers; 0, no region, where one is none."""
    usable = np.isfinite(values) & (np.abs(values.astype(np.float64)) < 2**53)
    return np.where(usable, values, 0).astype(np.int64)


def _annotation(path: Path) -> tuple[IntArray, dict[int, str]]:
    """Labels of FreeSurfer's annotation, counted from 1 so that 0 is free for vertices of no region (−1)."""
    numbers, names = open_annotation(path)
    return numbers + 1, {index + 1: name for index, name in enumerate(names)}
