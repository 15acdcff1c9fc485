"""Steps of one T1w: conform, bias, brain, registration, tissues, density, quality."""

from pathlib import Path
from typing import Literal, cast

import nibabel as nib
import numpy as np

from bidsml.atlases import load_atlas
from bidsml.bids.store import read_record, write_record
from bidsml.errors import DataError
from bidsml.preproc.anatomical.averaging import average_t1w
from bidsml.preproc.anatomical.bias import correct_field
from bidsml.preproc.anatomical.brainmask import find_brain, is_stripped
from bidsml.preproc.anatomical.density import modulated_density, smooth_density
from bidsml.preproc.anatomical.images import (
    AntsImage,
    ants_affine,
    conform,
    read_ants,
    read_volume,
    write_volume,
)
from bidsml.preproc.anatomical.normalisation import correlate, normalise, overlap
from bidsml.preproc.anatomical.segmentation import TISSUES, segment
from bidsml.preproc.anatomical.session import ants_session
from bidsml.preproc.anatomical.volumes import judge_anatomy, measure_regions, tissue_volumes_ml
from bidsml.records import AnatomicalQC, Scan, ScanData


def conform_t1w(t1w: list[Path], n_threads: int, *, out_dir: Path) -> Path:
    """Bring T1w images of one session to RAS axes; align and average several."""
    if not t1w:
        raise DataError("no T1w image was given", hint="select a session that has one")
    images = [conform(read_volume(path), name=str(path)) for path in t1w]
    image = images[0]
    if len(images) > 1:
        with ants_session(out_dir, n_threads=n_threads) as scratch:
            image = average_t1w(images, scratch=scratch)
    return write_volume(out_dir / "t1w.nii.gz", np.asarray(image.dataobj), affine=image.affine)


def correct_bias(t1w: Path, n_threads: int, *, out_dir: Path) -> Path:
    """Divide a T1w by its bias field."""
    with ants_session(out_dir, n_threads=n_threads):
        corrected = correct_field(read_ants(t1w))
    return _write(out_dir / "t1w_corrected.nii.gz", corrected)


def extract_brain(
    t1w: Path, template: Path, template_mask: Path, has_head: bool, n_threads: int, *, out_dir: Path
) -> Path:
    """Find the brain in a bias-corrected T1w.

    Returns
    -------
    Path
        Brain mask, uint8, in the T1w's grid.
    """
    with ants_session(out_dir, n_threads=n_threads) as scratch:
        image = read_ants(t1w)
        found = find_brain(image, read_ants(template), read_ants(template_mask), has_head=has_head, scratch=scratch)
    return write_volume(out_dir / "mask.nii.gz", found.mask, affine=ants_affine(image))


def register_to_template(
    t1w: Path, mask: Path, template: Path, template_mask: Path, registration: str, n_threads: int, *, out_dir: Path
) -> list[Path]:
    """Find the map between a T1w and the template.

    Parameters
    ----------
    registration
        ``fast`` or ``precise`` (``PreprocessSpec.registration``).

    Returns
    -------
    list of Path
        Forward composite transform (images from T1w to template), inverse one, brain in template space.
    """
    import ants

    precision = cast(Literal["fast", "precise"], registration)
    with ants_session(out_dir, n_threads=n_threads):
        brain = read_ants(t1w) * read_ants(mask)
        target = read_ants(template) * read_ants(template_mask)
        found = normalise(brain, target, precision=precision, prefix=out_dir / "t1w_to_template_")
        warped = ants.apply_transforms(target, brain, [str(found.forward)], interpolator="linear")
    image = _write(out_dir / "t1w_in_template.nii.gz", warped, template=True)
    return [found.forward, found.inverse, image]


def segment_tissues(
    t1w: Path, mask: Path, priors: list[Path], inverse: Path, n_threads: int, *, out_dir: Path
) -> list[Path]:
    """Estimate tissue probabilities.

    Parameters
    ----------
    priors
        GM, WM, CSF of the template; empty starts from k-means.
    inverse
        Composite transform that brings images from the template to the T1w.

    Returns
    -------
    list of Path
        GM, WM, CSF in the T1w's grid.
    """
    import ants

    with ants_session(out_dir, n_threads=n_threads):
        image, brain = read_ants(t1w), read_ants(mask)
        native = [
            ants.apply_transforms(image, read_ants(prior), [str(inverse)], interpolator="linear") for prior in priors
        ]
        maps = segment(image, brain, priors=native)
    return [_write(out_dir / f"{name}.nii.gz", values) for name, values in zip(TISSUES, maps, strict=True)]


def warp_tissues(tissues: list[Path], template: Path, forward: Path, n_threads: int, *, out_dir: Path) -> list[Path]:
    """Bring tissue probabilities to template space, not modulated.

    Parameters
    ----------
    tissues
        GM, WM, CSF in the T1w's grid.

    Returns
    -------
    list of Path
        GM, WM, CSF in the template's grid.
    """
    import ants

    with ants_session(out_dir, n_threads=n_threads):
        grid = read_ants(template)
        maps = [ants.apply_transforms(grid, read_ants(path), [str(forward)], interpolator="linear") for path in tissues]
    return [
        _write(out_dir / f"space-template_{name}.nii.gz", image, template=True)
        for name, image in zip(TISSUES, maps, strict=True)
    ]


def warp_density(
    tissues: list[Path], template: Path, forward: Path, fwhm_mm: float, n_threads: int, *, out_dir: Path
) -> list[Path]:
    """Bring grey-matter density to template space.

    Parameters
    ----------
    tissues
        GM, WM, CSF in the T1w's grid.
    fwhm_mm
        Of the smoothing; 0 leaves the density as it is.

    Returns
    -------
    list of Path
        Smoothed modulated density, then the unsmoothed one, whose sum over a region is a volume.
    """
    with ants_session(out_dir, n_threads=n_threads) as scratch:
        grid = read_ants(template)
        density = modulated_density(read_ants(tissues[0]), grid, forward=forward, scratch=scratch)
        smoothed = smooth_density(density, grid, fwhm_mm=fwhm_mm)
    affine = ants_affine(grid)
    return [
        write_volume(out_dir / "density_smoothed.nii.gz", smoothed, affine=affine, template=True),
        write_volume(out_dir / "density.nii.gz", density, affine=affine, template=True),
    ]


def measure_anatomy(
    t1w: Path,
    mask: Path,
    tissues: list[Path],
    registered: list[Path],
    template: Path,
    template_mask: Path,
    space: str,
    label: str,
    n_t1w: int,
    *,
    out_dir: Path,
) -> Path:
    """Measure volumes, and how well brain and template agree.

    Parameters
    ----------
    registered
        What :func:`register_to_template` returned.
    space
        BIDS label of the template's space.
    label
        ``RawSession.label``.
    n_t1w
        How many images went into the T1w.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.AnatomicalQC`.
    """
    import ants

    forward, _, template_t1w = registered
    with ants_session(out_dir):
        inside = read_ants(template_mask)
        warped = ants.apply_transforms(inside, read_ants(mask), [str(forward)], interpolator="linear")
        dice = overlap(warped, inside)
        correlation = correlate(read_ants(template_t1w), read_ants(template), inside=inside)
    volumes = tissue_volumes_ml(mask, tissues)
    x_mm, y_mm, z_mm = (float(size) for size in nib.affines.voxel_sizes(read_volume(t1w).affine))
    stripped = is_stripped(read_ants(t1w))
    record = AnatomicalQC(
        label=label,
        voxel_sizes_mm=(x_mm, y_mm, z_mm),
        n_t1w=n_t1w,
        space=space,
        brain_ml=volumes["total_brain"],
        gray_matter_ml=volumes["total_gray_matter"],
        white_matter_ml=volumes["total_white_matter"],
        csf_ml=volumes["total_csf"],
        template_dice=dice,
        template_correlation=correlation,
        skull_stripped_input=stripped,
        warnings=tuple(judge_anatomy(volumes, dice=dice, correlation=correlation, stripped=stripped)),
    )
    return write_record(out_dir / "anatomical_qc.npz", record)


def read_anatomy(scan: Path, density: list[Path], qc: Path, atlas: str, *, out_dir: Path) -> Path:
    """Measure the grey matter of every region of an atlas, for the features.

    Parameters
    ----------
    scan
        Record of the :class:`~bidsml.records.Scan` that stands for the T1w.
    density
        What :func:`warp_density` returned.
    qc
        What :func:`measure_anatomy` returned: the whole tissues' volumes.
    atlas
        Atlas name or place.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`.
    """
    smoothed, modulated = density
    whole = read_record(AnatomicalQC, qc)
    found = measure_regions(modulated, smoothed, load_atlas(atlas))
    volumes = dict(zip(found.names, found.volume_ml.tolist(), strict=True))
    totals = {
        "total_gray_matter": whole.gray_matter_ml,
        "total_white_matter": whole.white_matter_ml,
        "total_csf": whole.csf_ml,
        "total_brain": whole.brain_ml,
    }
    data = ScanData(
        scan=read_record(Scan, scan),
        regions=found.names,
        density=found.mean_density,
        volumes_ml={**volumes, **totals},
        missing=found.missing,
        atlas=load_atlas(atlas).name,
    )
    return write_record(out_dir / "scan_data.npz", data)


def _write(path: Path, image: AntsImage, *, template: bool = False) -> Path:
    return write_volume(path, image.numpy(), affine=ants_affine(image), template=template)
