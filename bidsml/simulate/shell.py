"""What surrounds the brain in a T1w image: fluid, bone with marrow, muscle, fat, and a neck."""

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes, distance_transform_edt, gaussian_filter

from bidsml.records import FloatArray
from bidsml.simulate.warp import BOX_ORIGIN_MM, BOX_SHAPE_MM

# Brightness of T1w by tissue; white matter of the packaged template is 0.87.
FLUID, BONE, MARROW, MUSCLE, FAT = 0.2, 0.06, 0.75, 0.5, 1.05


def paint_shell(brain: FloatArray, *, voxel_mm: float, rng: np.random.Generator) -> FloatArray:
    """Paint a head around a brain.

    Parameters
    ----------
    brain
        Brain mask on the box's grid, ``(x, y, z)``; the shell leaves it 0.

    Returns
    -------
    ndarray
        T1w brightness outside the brain, same shape.
    """
    points = _points_mm(brain.shape, voxel_mm)
    filled = binary_fill_holes(binary_closing(brain > 0.5, iterations=max(1, round(6 / voxel_mm))))
    depth = distance_transform_edt(~filled) * voxel_mm - _blobs(brain.shape, voxel_mm, 12.0, rng)
    texture = _blobs(brain.shape, voxel_mm, 6.0, rng)
    head = np.zeros(brain.shape)
    lower = _lower_head(points)
    head[lower] = MUSCLE + 0.08 * texture[lower]
    # The neck and the face have fat in between, and bone (jaw, spine).
    head[lower & (texture > 1.3)] = FAT
    head[lower & (texture < -1.6)] = BONE
    head[(depth < 17) & ~lower] = FAT
    head[depth < 14] = MUSCLE
    head[depth < 9] = BONE
    marrow = (depth > 4.5) & (depth < 7.5) & (texture > -0.3)
    head[marrow] = MARROW
    head[depth < 3] = FLUID
    bridge = (depth < 6) & (_blobs(brain.shape, voxel_mm, 5.0, rng) > 2.2)  # veins and marrow that touch the brain
    head[bridge] = MARROW
    head[:, :, points[2].ravel() < BOX_ORIGIN_MM[2] + 12] = 0.0  # the coil sees no further
    painted: FloatArray = np.where(brain > 0.5, 0.0, head)
    return painted


def to_box(image: nib.Nifti1Image, voxel_mm: float) -> FloatArray:
    """Copy an image of the template onto the grid of the head's box, 0 where it has no voxel."""
    corner = np.rint((image.affine[:3, 3] - BOX_ORIGIN_MM) / voxel_mm).astype(int)
    box = np.zeros(np.rint(BOX_SHAPE_MM / voxel_mm).astype(int))
    data = np.asarray(image.dataobj, dtype=float)
    span = np.minimum(data.shape, np.array(box.shape) - corner)
    box[tuple(slice(c, c + s) for c, s in zip(corner, span, strict=True))] = data[tuple(slice(0, s) for s in span)]
    return box


def _points_mm(shape: tuple[int, ...], voxel_mm: float) -> list[FloatArray]:
    """Coordinates along the three axes, each broadcastable to ``shape``."""
    axes = np.meshgrid(*(np.arange(n) * voxel_mm for n in shape), indexing="ij", sparse=True)
    return [axis + origin for axis, origin in zip(axes, BOX_ORIGIN_MM, strict=True)]


def _lower_head(points: list[FloatArray]) -> NDArray[np.bool_]:
    """Face and neck: an ellipsoid under the brain, and a cylinder under that."""
    x, y, z = points
    face = (x / 66) ** 2 + ((y - 5) / 80) ** 2 + ((z + 60) / 55) ** 2 < 1
    neck = ((x / 55) ** 2 + ((y + 40) / 60) ** 2 < 1) & (z < -50)
    lower: NDArray[np.bool_] = face | neck
    return lower


def _blobs(shape: tuple[int, ...], voxel_mm: float, size_mm: float, rng: np.random.Generator) -> FloatArray:
    """Smooth noise of unit variance."""
    noise = gaussian_filter(rng.normal(size=shape), size_mm / voxel_mm)
    smooth: FloatArray = noise / noise.std()
    return smooth
