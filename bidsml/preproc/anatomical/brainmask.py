"""Find the brain in a T1w: rough brains by brightness, the best affine to the template, SyN, then brightness again."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bidsml.errors import DataError
from bidsml.preproc.anatomical.bias import find_foreground, otsu_threshold
from bidsml.preproc.anatomical.images import WORKING_MM, AntsImage, at_working_size
from bidsml.preproc.anatomical.registration import AFFINE, RIGID, Registered, Stage, register
from bidsml.records import FloatArray

BoolArray = NDArray[np.bool_]

# A head with its neck holds 3 l and more; all that is not zero in a skull-stripped image is the brain.
LARGEST_STRIPPED_L = 2.3
ZEROS_AROUND_BRAIN = 0.3
# Of white matter's brightness: smoothing and resampling leave a fringe; here an image smoothed to 3 mm has the volume
# (1.54 l) that the same brain has at 0.9 mm (1.53 l).
STRIPPED_EDGE = 0.15
SMALLEST_BRAIN_L = 0.4
# From the crown to the lower end of the cerebellum.
HEAD_HEIGHT_MM = 165.0
# Erosions that part the brain from scalp and eyes: which one works differs from head to head.
EROSIONS_MM = (3.0, 5.0, 7.0)
# Rim of fluid and bone around the brain that tells a registration where the brain ends.
RIM_MM = 5.0
CORE_MM = 8.0
REACH_MM = 4.0
SYN = Stage("SyN[0.2,3,0]", "MI[{fixed},{moving},1,32]", "[40x20,1e-6,8]", "4x2", "2x1")


class BrainMask(NamedTuple):
    """Mask in the T1w's grid, and whether the input had no skull."""

    mask: BoolArray
    was_stripped: bool


def find_brain(
    t1w: AntsImage, template: AntsImage, template_mask: AntsImage, *, has_head: bool, scratch: Path
) -> BrainMask:
    """Find the brain in a bias-corrected T1w.

    Parameters
    ----------
    template, template_mask
        The template and its brain.
    has_head
        Whether the template shows skull and scalp: heads are then registered to the head as it is.

    Raises
    ------
    DataError
        What was found is no brain.
    """
    values = t1w.numpy()
    litres_a_voxel = float(np.prod(t1w.spacing)) / 1e6
    if is_stripped(t1w):
        mask, stripped = _solid(values > STRIPPED_EDGE * np.percentile(values[values > 0], 90), t1w.spacing), True
    else:
        head, fixed = _without_neck(at_working_size(t1w)), at_working_size(template)
        brain = at_working_size(template_mask, nearest=True)
        found = _register_head(head, fixed, brain, has_head=has_head, scratch=scratch)
        small = head.new_image_like(_refine(head, _pull_mask(head, brain, found)).astype(np.float32))
        mask, stripped = _to_grid(small, t1w), False
    litres = mask.sum() * litres_a_voxel
    if litres < SMALLEST_BRAIN_L:
        raise DataError(
            f"the brain mask holds {litres:.2f} l only",
            hint="look at the T1w: does it show a whole brain, in the orientation its header says?",
        )
    return BrainMask(mask, stripped)


def is_stripped(t1w: AntsImage) -> bool:
    """Whether the image shows a brain without its skull: what is not exactly zero is too small for a head."""
    values = t1w.numpy()
    litres = float((values > 0).sum() * np.prod(t1w.spacing)) / 1e6
    return bool(litres < LARGEST_STRIPPED_L and (values <= 0).mean() > ZEROS_AROUND_BRAIN)


# ------------------------------------------------------------------ registration


def _register_head(
    head: AntsImage, template: AntsImage, brain: AntsImage, *, has_head: bool, scratch: Path
) -> Registered:
    """Affine from several starts, the best one refined by SyN within the brain and its rim."""
    rim = brain.new_image_like((_distance_mm(brain.numpy() > 0.5, brain.spacing) < RIM_MM).astype(np.float32))
    target = template if has_head else template * brain
    starts = [head] if has_head else []
    starts += [head.new_image_like(head.numpy() * rough) for rough in _rough_brains(head)]
    if not starts:
        raise DataError("no brain-like object in the T1w", hint="look at the image: is it a T1w of a whole head?")
    found: list[tuple[float, Registered]] = []
    for number, start in enumerate(starts):
        fixed = template if has_head and number == 0 else template * brain
        affine = register(fixed, start, stages=[RIGID, AFFINE], prefix=scratch / f"start{number}_")
        found.append((_agreement(head, template, brain, affine), affine))
    best = max(found, key=lambda pair: pair[0])[1]
    return register(target, head, stages=[AFFINE, SYN], prefix=scratch / "syn_", initial=best.forward, fixed_mask=rim)


def _agreement(head: AntsImage, template: AntsImage, brain: AntsImage, affine: Registered) -> float:
    """Correlation with the template inside its brain."""
    import ants

    inside = brain.numpy() > 0.5
    warped = ants.apply_transforms(template, head, [str(affine.forward)], interpolator="linear").numpy()[inside]
    if warped.std() == 0:
        return -1.0
    return float(np.corrcoef(np.clip(warped, 0, np.percentile(warped, 99)), template.numpy()[inside])[0, 1])


def _pull_mask(head: AntsImage, brain: AntsImage, found: Registered) -> BoolArray:
    import ants

    pulled = ants.apply_transforms(head, brain, [str(found.inverse)], interpolator="linear")
    return np.asarray(pulled.numpy() > 0.5)


def _without_neck(image: AntsImage) -> AntsImage:
    """Set to 0 what lies deeper under the crown than a brain reaches."""
    values = image.numpy().copy()
    foreground = find_foreground(values)
    areas_mm2 = foreground.sum(axis=(0, 1)) * image.spacing[0] * image.spacing[1]
    # 5 cm2: smaller sections are noise or a fold of the ear.
    filled = np.flatnonzero(areas_mm2 > 500)
    if not filled.size:
        raise DataError("no head in the T1w", hint="exclude this image")
    bottom = max(0, int(filled[-1] - HEAD_HEIGHT_MM / image.spacing[2]))
    values[:, :, :bottom] = 0
    return image.new_image_like(np.clip(values, 0, np.percentile(values[foreground], 99.5)).astype(np.float32))


def _rough_brains(head: AntsImage) -> list[BoolArray]:
    """Largest bright object after erosions of several depths, grown back."""
    values = head.numpy()
    foreground = values > 0
    bright = values > otsu_threshold(values[foreground])
    rough: list[BoolArray] = []
    for depth in EROSIONS_MM:
        eroded = _inner_depth_mm(bright, head.spacing) > depth
        pieces, n_pieces = ndimage.label(eroded)
        if not n_pieces:
            continue
        core = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
        grown = _distance_mm(core, head.spacing) <= depth
        rough.append(_solid(grown & bright, head.spacing))
    return rough


# ------------------------------------------------------------------ brightness


def _refine(head: AntsImage, mask: BoolArray) -> BoolArray:
    """Move the border by at most 4 mm to where brain tissue ends.

    Tissue is what is brighter than half of the grey matter's brightness and no brighter than white matter ever is;
    bridges to the scalp thinner than 4 mm are cut. Sulci are closed as the template's mask closes them.
    """
    values, spacing = head.numpy(), head.spacing
    outer = _distance_mm(mask, spacing)
    core = outer <= -CORE_MM
    if not core.any():
        return mask
    lower, upper = _tissue_range(values[core])
    tissue = (values > lower) & (values < upper) & (outer <= REACH_MM)
    opened = _distance_mm(_inner_depth_mm(tissue, spacing) > 2.0, spacing) <= 2.0
    pieces, _ = ndimage.label((opened & tissue) | core)
    kept = np.isin(pieces, np.unique(pieces[core]))
    closed = _solid(kept, spacing, closing_mm=8.0)
    # Half of the way from the template's border to the border of the tissue.
    return _solid(_distance_mm(closed, spacing) + outer <= 0, spacing, closing_mm=0.0)


def _tissue_range(core: FloatArray) -> tuple[float, float]:
    gray = float(np.median(core[core < otsu_threshold(core)]))
    return 0.5 * gray, 1.3 * float(np.percentile(core, 98))


# ------------------------------------------------------------------ shapes


def _distance_mm(mask: BoolArray, spacing: tuple[float, ...]) -> FloatArray:
    """Signed distance to the border: negative inside."""
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return np.asarray(outside - ndimage.distance_transform_edt(mask, sampling=spacing))


def _inner_depth_mm(mask: BoolArray, spacing: tuple[float, ...]) -> FloatArray:
    return np.asarray(ndimage.distance_transform_edt(mask, sampling=spacing))


def _solid(mask: BoolArray, spacing: tuple[float, ...], *, closing_mm: float = 4.0) -> BoolArray:
    """Close gaps, keep the largest piece, fill its holes."""
    margin = int(np.ceil(closing_mm / min(spacing))) + 1
    padded = np.pad(mask, margin)
    if closing_mm > 0:
        near = _distance_mm(padded, spacing) <= closing_mm
        padded = (_inner_depth_mm(near, spacing) > closing_mm) | padded
    pieces, n_pieces = ndimage.label(padded)
    if n_pieces > 1:
        padded = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    filled = ndimage.binary_fill_holes(padded)
    return np.asarray(filled[(slice(margin, -margin),) * 3])


def _to_grid(mask: AntsImage, image: AntsImage) -> BoolArray:
    """Bring a working-size mask to the image's grid through its signed distance, which keeps the border smooth."""
    import ants

    border = mask.new_image_like(_distance_mm(mask.numpy() > 0.5, mask.spacing).astype(np.float32) - WORKING_MM / 4)
    outside = float(border.numpy().max())
    fine = ants.apply_transforms(image, border, [], interpolator="linear", defaultvalue=outside).numpy()
    return np.asarray(fine < 0)
