"""Paint patterns into the regions of their atlas: maps of the brain for every program that reads NIfTI."""

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bidsml.bids.store import write_atomic, write_json
from bidsml.records import Atlas, FeatureBlock, FloatArray, PatternNull, Result, WeightMap, Weights

_SPHERES_GRID_MM = 2


@dataclass(frozen=True)
class _Values:
    """What is painted: one value per region of an atlas, in its order, NaN where there is none."""

    name: str
    part: str
    output: str
    quantity: str
    values: FloatArray
    p: FloatArray


def paint_maps(result: Result) -> tuple[WeightMap, ...]:
    """Make a map of every feature block whose atlas says where its regions are.

    Of blocks with one value per region (and contrast) it holds the forward pattern of the first linear model; of a
    connectome, where it was tested, the root mean square of z over all edges of a region, which has no sign.
    """
    weights = next((w for w in result.weights if w.estimator == result.cv[0].estimator), None)
    if weights is None:
        return ()
    null = next((n for n in result.nulls if n.estimator == weights.estimator and n.patterns), None)
    tested = {one.level: one for one in null.patterns} if null else {}
    several = len(result.blocks) > 1
    painters: dict[str, _Painter] = {}
    maps = []
    for block in result.blocks:
        atlas = next((one for one in result.atlases if one.name == block.atlas), None)
        if atlas is None or atlas.surfaces:
            continue
        prefix = f"{block.name}:" if several else ""
        if block.layout == "vector":
            found = list(_of_features(weights, block, atlas, prefix, tested.get("feature")))
        else:
            found = list(_of_edges(block, atlas, prefix, tested.get("region"), output=weights.outputs[0]))
        if found:
            painter = painters.get(atlas.name) or painters.setdefault(atlas.name, _Painter(atlas))
            maps += [painter.paint(one, block=block.name) for one in found]
    return tuple(maps)


def write_maps(folder: Path, maps: Sequence[WeightMap]) -> list[Path]:
    """Write every map as NIfTI, with a JSON beside it that says what its values are; remove those of an older run."""
    for older in (*folder.glob("weights_*.nii.gz"), *folder.glob("weights_*.json")):
        older.unlink()
    written = []
    for one in maps:
        content = gzip.compress(_image(one).to_bytes(), mtime=0)
        written.append(write_atomic(folder / f"{one.name}.nii.gz", content))
        written.append(write_json(folder / f"{one.name}.json", _describe(one)))
    return written


def _image(one: WeightMap) -> Any:
    """Make a NIfTI image whose header says MNI where the atlas's space is one of MNI's."""
    image = nib.Nifti1Image(one.volume, one.affine)  # type: ignore[no-untyped-call]
    code = 4 if one.space.startswith("MNI") else 2
    image.header.set_sform(one.affine, code=code)  # type: ignore[no-untyped-call]
    image.header.set_qform(one.affine, code=code)  # type: ignore[no-untyped-call]
    return image


_QUANTITIES = {
    "pattern": "Forward pattern (Haufe 2014) of each region, mean over folds: how it goes with the decision",
    "RMS z": "Root mean square of z over all edges of each region, without sign",
}


def _describe(one: WeightMap) -> dict[str, str]:
    return {
        "Description": f"{_QUANTITIES[one.quantity]}; 0 where there is none",
        "Block": one.block,
        "Contrast": one.part or "n/a",
        "PositiveMeans": one.output if one.quantity == "pattern" else "n/a",
        "Space": one.space or "n/a",
    }


def _of_features(
    weights: Weights, block: FeatureBlock, atlas: Atlas, prefix: str, tested: PatternNull | None
) -> Iterator[_Values]:
    """One map per output and contrast; features that are no region (total volumes) are in no map."""
    place = {region: index for index, region in enumerate(atlas.names)}
    columns: dict[str, dict[int, int]] = {}
    for column in range(block.start, block.stop):
        part, region = _split(weights.names[column].removeprefix(prefix), place)
        if region in place:
            columns.setdefault(part, {})[place[region]] = column
    for output, label in enumerate(weights.outputs):
        for part, mine in columns.items():
            values, p = np.full((2, len(place)), np.nan)
            values[list(mine)] = weights.pattern[list(mine.values()), output]
            if tested is not None:
                p[list(mine)] = tested.p[list(mine.values())]
            several = label if len(weights.outputs) > 1 else ""
            yield _Values(_file_name(block.name, part, several), part, label, "pattern", values, p)


def _split(name: str, regions: dict[str, int]) -> tuple[str, str]:
    """Part ``contrast--region`` at the dashes that leave a known region; a region alone has no contrast."""
    if name in regions:
        return "", name
    for match in re.finditer("--", name):
        if name[match.end() :] in regions:
            return name[: match.start()], name[match.end() :]
    return "", name


def _of_edges(
    block: FeatureBlock, atlas: Atlas, prefix: str, tested: PatternNull | None, *, output: str
) -> Iterator[_Values]:
    if tested is None:
        return
    found = {name: index for index, name in enumerate(tested.names)}
    mine = [found.get(prefix + region, -1) for region in atlas.names]
    known = np.array(mine) >= 0
    if known.any():
        values = np.where(known, tested.observed[mine], np.nan)
        p = np.where(known, tested.p[mine], np.nan)
        yield _Values(_file_name(block.name), "", output, "RMS z", values, p)


def _file_name(*parts: str) -> str:
    return "_".join(["weights", *(re.sub(r"[^A-Za-z0-9]+", "", part) for part in parts if part)])


class _Painter:
    """Fills the regions of one atlas; which voxel is whose is worked out once."""

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self.number, self.affine = _label_voxels(atlas) if atlas.image else _sphere_voxels(atlas)

    def paint(self, given: _Values, *, block: str) -> WeightMap:
        """Fill every region with its value; 0 where there is none."""
        palette = np.append(np.nan_to_num(given.values), 0.0).astype(np.float32)  # the last is no region's
        return WeightMap(
            name=given.name,
            block=block,
            part=given.part,
            output=given.output,
            quantity=given.quantity,
            space=self.atlas.space,
            volume=palette[self.number],
            affine=self.affine,
            regions=self.atlas.names,
            values=given.values,
            p=given.p,
        )


def _label_voxels(atlas: Atlas) -> tuple[NDArray[np.int32], FloatArray]:
    """Find the region of every voxel of a label image: its number, −1 for none."""
    image: Any = nib.load(atlas.image)  # type: ignore[arg-type, attr-defined]
    labels = np.asarray(image.dataobj).squeeze().astype(np.int64)
    known = np.array(atlas.labels)
    order = np.argsort(known)
    at = np.clip(np.searchsorted(known, labels, sorter=order), 0, len(known) - 1)
    number = np.where(known[order][at] == labels, order[at], -1).astype(np.int32)
    return number, np.asarray(image.affine, dtype=np.float64)


def _sphere_voxels(atlas: Atlas) -> tuple[NDArray[np.int32], FloatArray]:
    """Find the sphere of every voxel of nilearn's template: the nearest where spheres meet, −1 for none."""
    from nilearn.datasets import load_mni152_brain_mask

    grid: Any = load_mni152_brain_mask(resolution=_SPHERES_GRID_MM)
    affine = np.asarray(grid.affine, dtype=np.float64)
    number, nearest = np.full(grid.shape, -1, dtype=np.int32), np.full(grid.shape, np.inf)
    radii = atlas.radii_mm or (atlas.radius_mm or 0.0,) * len(atlas.names)
    for region, (centre, radius) in enumerate(zip(atlas.coordinates_mm, radii, strict=True)):
        box = _box(centre, radius, affine, shape=grid.shape)
        places = np.indices([part.stop - part.start for part in box]).T + [part.start for part in box]  # (z, y, x, 3)
        distance = np.linalg.norm(places @ affine[:3, :3].T + affine[:3, 3] - centre, axis=-1).T
        closer = (distance <= radius) & (distance < nearest[box])
        number[box][closer] = region
        nearest[box][closer] = distance[closer]
    return number, affine


def _box(centre: FloatArray, radius: float, affine: FloatArray, *, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Voxels that a sphere can reach, for a grid without rotation."""
    ends = (np.array([centre - radius, centre + radius]) - affine[:3, 3]) / np.diag(affine)[:3]
    low, high = np.floor(ends.min(axis=0)).astype(int), np.ceil(ends.max(axis=0)).astype(int)
    return tuple(slice(max(0, a), max(0, min(n, b + 1))) for a, b, n in zip(low, high, shape, strict=True))
