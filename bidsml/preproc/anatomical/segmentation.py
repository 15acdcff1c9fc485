"""Grey matter, white matter and fluid inside the brain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bidsml.errors import DataError
from bidsml.preproc.anatomical.bias import correct_field
from bidsml.preproc.anatomical.images import AntsImage

TISSUES = ("GM", "WM", "CSF")
PRIOR_WEIGHT = 0.25
MIN_VOXELS = 1000
# A prior of 0 forbids a tissue for ever; the template is never that sure of a place.
PRIOR_FLOOR = 0.02


def segment(t1w: AntsImage, mask: AntsImage, *, priors: Sequence[AntsImage] = ()) -> list[AntsImage]:
    """Estimate tissue probabilities with Atropos (Avants et al. 2011, doi:10.1007/s12021-011-9109-y).

    A Gaussian per tissue and a Markov random field; what is left of the bias field inside the brain is corrected
    first.

    Parameters
    ----------
    t1w
        Bias-corrected.
    mask
        Brain, in the same grid.
    priors
        Grey matter, white matter and fluid of the template in the T1w's grid; without them the classes start from
        k-means and are named by their brightness.

    Returns
    -------
    list of ANTsImage
        GM, WM, CSF: 0-1, sum 1 inside the mask and 0 outside.

    Raises
    ------
    DataError
        The mask is too small, or a tissue has no voxel.
    """
    import ants

    inside = mask.numpy() > 0.5
    if inside.sum() < MIN_VOXELS:
        raise DataError(f"the brain mask has {inside.sum()} voxels only", hint="look at the T1w and its mask")
    # Only the brain's box: a head's field of view holds ten times as many voxels.
    box = ndimage.find_objects(inside.astype(np.int8))[0]
    # Atropos reads priors from files, which round the place of a voxel, and refuses them: boxes have no place.
    spacing = tuple(float(np.float32(size)) for size in mask.spacing)
    images = [ants.from_numpy(image.numpy()[box], spacing=spacing) for image in (t1w, *priors)]
    found = _fit(images[0], ants.from_numpy(inside[box].astype(np.float32), spacing=spacing), images[1:])
    maps = []
    for values in found:
        whole = np.zeros(mask.shape, dtype=np.float32)
        whole[box] = values
        maps.append(mask.new_image_like(whole))
    return maps


def _fit(t1w: AntsImage, mask: AntsImage, priors: Sequence[AntsImage]) -> list[NDArray[Any]]:
    """Run Atropos in the brain's box."""
    import ants

    inside = mask.numpy() > 0.5
    # The largest brightness there is a vessel's or a reconstruction's; it must not decide a class.
    even = correct_field(t1w, mask=inside).numpy()
    even = t1w.new_image_like(np.clip(even, 0, np.percentile(even[inside], 99.8)).astype(np.float32))
    start = _start(priors, inside) if priors else "KMeans[3]"
    # r=0: without it the Markov field's labels are updated in a random order.
    found = ants.atropos(a=even, x=mask, i=start, m="[0.1,1x1x1]", c="[5,0]", priorweight=PRIOR_WEIGHT, r=0)
    maps = [np.where(inside, image.numpy(), 0).clip(0, 1) for image in found["probabilityimages"]]
    if not priors:  # from dark to bright: fluid, grey, white
        maps = [maps[1], maps[2], maps[0]]
    return _normalised(maps, inside)


def _start(priors: Sequence[AntsImage], inside: NDArray[Any]) -> list[AntsImage]:
    values = np.stack([prior.numpy().clip(0, 1) for prior in priors]) + PRIOR_FLOOR
    values = np.where(inside, values / values.sum(axis=0), 0)
    return [prior.new_image_like(value.astype(np.float32)) for prior, value in zip(priors, values, strict=True)]


def _normalised(maps: list[NDArray[Any]], inside: NDArray[Any]) -> list[NDArray[Any]]:
    total = np.sum(maps, axis=0)
    # Where no class is likely at all, fluid: the only tissue that does not vary.
    unknown = inside & (total < 1e-6)
    shares = [np.divide(values, total, out=np.zeros(total.shape), where=total >= 1e-6) for values in maps]
    shares[2][unknown] = 1.0
    for name, values in zip(TISSUES, shares, strict=True):
        if not (values > 0.5).any():
            raise DataError(f"no voxel of the brain is {name}", hint="look at the T1w: is its contrast that of a T1w?")
    return shares
