"""Correct the receive coil's bias field (N4)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import AntsImage, at_working_size

# The field is smooth: voxels of 4 mm suffice, and more iterations only fit the noise.
FIELD_MM = 4.0
CONVERGENCE = {"iters": [20, 20, 20], "tol": 1e-4}


def correct_field(image: AntsImage, *, mask: NDArray[np.bool_] | None = None) -> AntsImage:
    """Divide a T1w by its bias field.

    N4 (Tustison et al. 2010, doi:10.1109/TMI.2010.2046908) estimates the field at 4 mm; its logarithm is brought to
    the image's grid. The corrected image keeps the mean of the foreground.

    Parameters
    ----------
    mask
        Where the field is estimated, in the image's grid; without one, the foreground.

    Raises
    ------
    DataError
        The image has no foreground.
    """
    import ants

    inside = find_foreground(image.numpy()) if mask is None else mask
    if not inside.any():
        raise DataError("no foreground in the T1w", hint="exclude this image")
    where = image.new_image_like(inside.astype(np.float32))
    small, small_mask = at_working_size(image, FIELD_MM), at_working_size(where, FIELD_MM, nearest=True)
    field = ants.n4_bias_field_correction(
        small,
        mask=small_mask,
        shrink_factor=1,
        convergence=CONVERGENCE,
        return_bias_field=True,
    )
    log_field = field.new_image_like(np.log(np.maximum(field.numpy(), 1e-3)))
    full = ants.resample_image_to_target(log_field, image, interp_type="linear").numpy()
    corrected = image.numpy() / np.exp(full)
    corrected *= image.numpy()[inside].mean() / max(float(corrected[inside].mean()), 1e-12)
    return image.new_image_like(corrected.astype(np.float32))


def find_foreground(values: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Separate the head from the air: the largest piece above a third of Otsu's threshold, holes filled.

    Otsu's threshold parts bright tissue from the rest; a third of it lies between air and fluid.
    """
    ceiling = float(np.percentile(values[values > 0], 99.5)) if (values > 0).any() else 0.0
    if ceiling <= 0:
        return np.zeros(values.shape, dtype=np.bool_)
    bright = values > otsu_threshold(np.clip(values, 0, ceiling)) / 3
    pieces, n_pieces = ndimage.label(ndimage.binary_opening(bright))
    if n_pieces == 0:
        return np.asarray(bright)
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    return np.asarray(ndimage.binary_fill_holes(largest))


def otsu_threshold(values: NDArray[np.floating[Any]], *, n_bins: int = 256) -> float:
    """Threshold that parts a histogram with the largest variance between classes.

    Otsu 1979, IEEE Trans Syst Man Cybern 9:62, doi:10.1109/TSMC.1979.4310076.
    """
    counts, edges = np.histogram(values, bins=n_bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = below[-1] + counts[-1] - below
    sum_below = np.cumsum(counts * centres)[:-1]
    sum_above = (counts * centres).sum() - sum_below
    apart = sum_below / np.maximum(below, 1) - sum_above / np.maximum(above, 1)
    return float(centres[:-1][np.argmax(below * above * apart**2)])
