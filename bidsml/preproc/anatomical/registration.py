"""Linear and SyN registration by ANTs, with its stages spelled out and its result as composite transforms."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import AntsImage


class Stage(NamedTuple):
    """One stage of antsRegistration, as its command line spells it."""

    transform: str
    metric: str
    convergence: str
    shrink: str
    smoothing: str


class Registered(NamedTuple):
    """Composite transforms on disk.

    ``forward`` brings images from moving to fixed (and points from fixed to moving), ``inverse`` the other way.
    """

    forward: Path
    inverse: Path


# Mutual information over a quarter of the voxels (Mattes et al. 2003, doi:10.1109/TMI.2003.809072).
_SAMPLED = "MI[{fixed},{moving},1,32,Regular,0.25]"
# The finest level would take nine tenths of the time and move an affine by less than a tenth of a voxel.
RIGID = Stage("Rigid[0.1]", _SAMPLED, "[500x200,1e-6,10]", "4x2", "3x2")
AFFINE = Stage("Affine[0.1]", _SAMPLED, "[500x200,1e-6,10]", "4x2", "3x2")
# SyN (Avants et al. 2008, doi:10.1016/j.media.2007.06.004).
SYN_FAST = Stage("SyN[0.2,3,0]", "MI[{fixed},{moving},1,32]", "[60x40x5,1e-7,8]", "4x2x1", "2x1x0")
SYN_PRECISE = Stage("SyN[0.15,3,0]", "CC[{fixed},{moving},1,4]", "[100x70x50x20,1e-7,8]", "4x3x2x1", "3x2x1x0")


def register(
    fixed: AntsImage,
    moving: AntsImage,
    *,
    stages: Sequence[Stage],
    prefix: Path,
    initial: Path | None = None,
    fixed_mask: AntsImage | None = None,
    seed: int = 1,
) -> Registered:
    """Register two images.

    Parameters
    ----------
    prefix
        Folder and beginning of the names of the transforms.
    initial
        A transform to start from, like ``Registered.forward``; without one the centres of mass are aligned.
    fixed_mask
        Where the metric counts.

    Raises
    ------
    DataError
        antsRegistration gave up, usually because the images do not overlap.
    """
    import ants
    from ants.internal import get_pointer_string

    # ANTs wants a mask of bytes; a name keeps it alive until the call is over.
    mask = None if fixed_mask is None else fixed_mask.clone("unsigned char")
    pointers = {"fixed": get_pointer_string(fixed), "moving": get_pointer_string(moving)}
    start = f"[{pointers['fixed']},{pointers['moving']},1]" if initial is None else str(initial)
    arguments = ["--dimensionality", "3", "--float", "1", "--random-seed", str(seed)]
    arguments += ["--initial-moving-transform", start, "--winsorize-image-intensities", "[0.005,0.995]"]
    for stage in stages:
        arguments += ["--transform", stage.transform, "--metric", stage.metric.format(**pointers)]
        arguments += ["--convergence", stage.convergence]
        arguments += ["--shrink-factors", stage.shrink, "--smoothing-sigmas", stage.smoothing]
        arguments += ["--masks", "[NA,NA]" if mask is None else f"[{get_pointer_string(mask)},NA]"]
    arguments += ["--write-composite-transform", "1", "--output", f"[{prefix}]"]
    found = Registered(Path(f"{prefix}Composite.h5"), Path(f"{prefix}InverseComposite.h5"))
    try:
        ants.registration(arguments, None)
    except RuntimeError as error:
        raise DataError(
            f"antsRegistration failed: {error}", hint="look at the images: do they show a head, and a whole brain?"
        ) from error
    if not (found.forward.is_file() and found.inverse.is_file()):
        raise DataError(
            f"antsRegistration wrote no transform to {prefix}", hint="look at the images: do they show a whole brain?"
        )
    return found
