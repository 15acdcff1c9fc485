"""Register the BOLD reference: rigidly to the T1w, or without one by SyN to the template."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import AntsImage, ants_affine, at_working_size, to_ants
from bidsml.preproc.anatomical.session import ants_session
from bidsml.preproc.functional.brainmask import dilate_mm
from bidsml.preproc.functional.rigid import inverse, move_points
from bidsml.preproc.functional.transforms import map_points
from bidsml.records import FloatArray

WORKING_MM = 2.0
BINS = 48
# The brain and what is just around it: its outline is the strongest contrast that both images share.
MARGIN_MM = 6.0


@dataclass(frozen=True, eq=False)
class Registration:
    """A registration of the BOLD reference.

    Attributes
    ----------
    forward
        Brings images from BOLD to the target, and points from the target to BOLD.
    inverse
        The other way round.
    nmi_before, nmi_after
        Normalised mutual information of both images in the target's brain: 1 independent, 2 the same.
    """

    forward: Path
    inverse: Path
    nmi_before: float
    nmi_after: float


def register_rigidly(
    reference: nib.Nifti1Image,
    target: nib.Nifti1Image,
    *,
    mask: nib.Nifti1Image,
    brain: NDArray[np.bool_],
    out_dir: Path,
    n_threads: int = 1,
) -> Registration:
    """Find the rigid transform between the BOLD reference and the T1w of the same head.

    Started where the headers say, and with the centres of both brains on each other; the better end is taken by
    normalised mutual information.

    Parameters
    ----------
    reference
        BOLD reference.
    target, mask
        T1w and its brain mask.
    brain
        Rough brain mask of the reference.
    """
    import ants

    forward, inverse = out_dir / "from-boldref_to-T1w_xfm.mat", out_dir / "from-T1w_to-boldref_xfm.mat"
    with ants_session(out_dir, n_threads=n_threads) as scratch:
        fixed, inside = _target_brain(target, mask)
        moving = _even(to_ants(reference), brain)
        coarse = [
            _rigid(fixed, moving, inside, start=start, prefix=scratch / f"coarse{number}_", levels=(6, 4))
            for number, start in enumerate(_starts(inside, reference, brain, scratch))
        ]
        better = max(coarse, key=lambda path: np.nan_to_num(similarity(fixed, inside, moving, [path])))
        best = _rigid(fixed, moving, inside, start=better, prefix=scratch / "fine_", levels=(4, 2))
        before = similarity(fixed, inside, moving, [])
        after = similarity(fixed, inside, moving, [best])
        transform = ants.read_transform(str(best))
        ants.write_transform(transform, str(forward))
        ants.write_transform(transform.invert(), str(inverse))
    return Registration(forward, inverse, before, after)


def _rigid(
    fixed: AntsImage, moving: AntsImage, inside: AntsImage, *, start: Path, prefix: Path, levels: tuple[int, int]
) -> Path:
    """Register rigidly by mutual information at two resolutions, given as shrink factors."""
    import ants

    found = ants.registration(
        fixed=fixed,
        moving=moving,
        mask=inside,
        mask_all_stages=True,
        type_of_transform="Rigid",
        initial_transform=str(start),
        aff_metric="mattes",
        aff_random_sampling_rate=0.25,
        aff_iterations=(100, 30),
        aff_shrink_factors=levels,
        aff_smoothing_sigmas=tuple(level / 2 for level in levels),
        outprefix=str(prefix),
    )
    return Path(found["fwdtransforms"][0])


def normalise_directly(
    reference: nib.Nifti1Image,
    target: nib.Nifti1Image,
    *,
    mask: nib.Nifti1Image,
    brain: NDArray[np.bool_],
    out_dir: Path,
    n_threads: int = 1,
) -> Registration:
    """Warp the BOLD reference to the template by SyN on mutual information: for participants without T1w.

    Parameters
    ----------
    target, mask
        Template and its brain mask.
    """
    import ants

    forward, inverse = out_dir / "from-boldref_to-template_xfm.h5", out_dir / "from-template_to-boldref_xfm.h5"
    with ants_session(out_dir, n_threads=n_threads) as scratch:
        fixed, inside = _target_brain(target, mask)
        moving = _even(to_ants(reference), brain)
        start = _starts(inside, reference, brain, scratch)[1]
        found = ants.registration(
            fixed=fixed * inside,
            moving=moving * to_ants(_as_image(brain, reference)),
            type_of_transform="SyN",
            initial_transform=str(start),
            aff_metric="mattes",
            syn_metric="mattes",
            flow_sigma=4,
            reg_iterations=(40, 20, 5),
            write_composite_transform=True,
            outprefix=str(scratch / "syn_"),
        )
        Path(found["fwdtransforms"]).rename(forward)
        Path(found["invtransforms"]).rename(inverse)
        before = similarity(fixed, inside, moving, [start])
        after = similarity(fixed, inside, moving, [forward])
    return Registration(forward, inverse, before, after)


def similarity(fixed: AntsImage, inside: AntsImage, moving: AntsImage, transforms: list[Path]) -> float:
    """Normalised mutual information of two images in the fixed image's brain.

    (H(a) + H(b)) / H(a, b): Studholme et al. 1999, Pattern Recognit 32:71, doi:10.1016/S0031-3203(98)00091-0.
    NaN where fewer than 1000 voxels of the brain are in the moving image's field of view.
    """
    mask = inside.numpy() > 0.5
    points = move_points(np.argwhere(mask).astype(np.float64), ants_affine(fixed))
    places = move_points(map_points(points, transforms), inverse(ants_affine(moving)))
    seen = np.all((places >= 0) & (places <= np.array(moving.shape) - 1), axis=1)
    if seen.sum() < 1000:
        return float("nan")
    values = map_coordinates(moving.numpy(), places[seen].T, order=1)
    joint, _, _ = np.histogram2d(_ranks(fixed.numpy()[mask][seen]), _ranks(values), bins=BINS)
    return float((_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / _entropy(joint.ravel()))


def _ranks(values: NDArray[np.float32]) -> FloatArray:
    """Clip to the 1st and 99th percentile, so that a few bright vessels don't fill the histogram's range."""
    low, high = np.quantile(values, [0.01, 0.99])
    return np.asarray(np.clip(values, low, high), dtype=np.float64)


def _entropy(counts: FloatArray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _target_brain(target: nib.Nifti1Image, mask: nib.Nifti1Image) -> tuple[AntsImage, AntsImage]:
    """Target at working size with its brain alone, and the mask of the brain with a margin."""
    brain = np.asarray(mask.dataobj) > 0.5
    if not brain.any():
        raise DataError("the brain mask of the registration's target is empty", hint="look at the T1w and its mask")
    wide = dilate_mm(brain, np.asarray(mask.affine), MARGIN_MM)
    image = at_working_size(to_ants(_as_image(np.asarray(target.dataobj) * brain, target)), WORKING_MM)
    inside = at_working_size(to_ants(_as_image(wide, mask)), WORKING_MM, nearest=True)
    return image, inside


def _as_image(values: NDArray[np.generic], like: nib.Nifti1Image) -> nib.Nifti1Image:
    return nib.Nifti1Image(values.astype(np.float32), like.affine)


def _even(image: AntsImage, brain: NDArray[np.bool_]) -> AntsImage:
    """Take the receive field out of the BOLD reference, and keep the brain."""
    import ants

    mask = image.new_image_like(brain.astype(np.float32))
    even = ants.n4_bias_field_correction(
        image, mask=mask, shrink_factor=2, convergence={"iters": [20, 10], "tol": 1e-5}
    )
    return even * mask


def _starts(
    inside: AntsImage, reference: nib.Nifti1Image, brain: NDArray[np.bool_], scratch: Path
) -> tuple[Path, Path]:
    """Two starts: the headers' own, and the centres of both brains on each other."""
    import ants

    here = move_points(np.argwhere(inside.numpy() > 0.5).mean(axis=0)[None], ants_affine(inside))[0]
    affine = np.asarray(reference.affine, dtype=np.float64)
    there = move_points(np.argwhere(brain).mean(axis=0)[None], affine)[0]
    paths = []
    for number, shift in enumerate((np.zeros(3), there - here)):
        path = scratch / f"start{number}.mat"
        centre = here * [-1, -1, 1]  # RAS to LPS
        start = ants.create_ants_transform(
            transform_type="Euler3DTransform", center=tuple(centre), translation=tuple(shift * [-1, -1, 1])
        )
        ants.write_transform(start, str(path))
        paths.append(path)
    return paths[0], paths[1]
