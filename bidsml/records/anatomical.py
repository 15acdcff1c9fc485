"""Records of the anatomical preprocessing."""

from dataclasses import dataclass

from bidsml.records.base import Record

PLAUSIBLE_BRAIN_ML = (900.0, 1800.0)
"""Outside of these an adult's brain is far more often a mask gone wrong than a rare brain: Allen et al. 2002 found
1,000-1,600 ml (doi:10.1002/ajhb.10061), and intracranial volumes end at 1.9 l (Caspi et al. 2020,
doi:10.1002/hbm.25250)."""


@dataclass(frozen=True)
class AnatomicalQC(Record):
    """Quality and volumes of one T1w.

    Attributes
    ----------
    label
        Which image: ``sub-01 ses-a``.
    voxel_sizes_mm
        Of the preprocessed T1w.
    n_t1w
        How many images went into it.
    brain_ml, gray_matter_ml, white_matter_ml, csf_ml
        Native volumes: of the mask, and sums of the tissue probabilities.
    template_dice
        Overlap of the brain mask, warped to the template, with the template's own: 0-1.
    template_correlation
        Pearson correlation of the warped T1w with the template inside the template's brain.
    """

    label: str
    voxel_sizes_mm: tuple[float, float, float]
    n_t1w: int
    space: str
    brain_ml: float
    gray_matter_ml: float
    white_matter_ml: float
    csf_ml: float
    template_dice: float
    template_correlation: float
    skull_stripped_input: bool = False
    warnings: tuple[str, ...] = ()
