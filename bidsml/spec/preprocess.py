"""The ``[preprocess]`` section of an analysis: what is done with raw images where no derivatives are given."""

from typing import Literal

from pydantic import Field

from bidsml.spec.section import Section


class PreprocessSpec(Section):
    """How raw T1w and BOLD images are preprocessed."""

    space: str = Field(
        "auto",
        description="Template space. auto: MNI152NLin2009cAsym where TemplateFlow has it, else the template that "
        "nilearn packages (MNI152NLin2009aSym).",
    )
    resolution_mm: float = Field(2.0, ge=1.0, le=4.0, description="Voxel size of BOLD in template space, in mm.")
    t1w: Literal["first", "average"] = Field(
        "first", description="Several T1w of one session: use the first, or align and average them."
    )
    registration: Literal["fast", "precise"] = Field(
        "fast", description="SyN by mutual information at 2 mm; or by cross-correlation, ten times slower."
    )
    gray_matter_fwhm_mm: float = Field(
        6.0, ge=0, le=20, description="Smoothing of the grey-matter density in template space. 0: none."
    )
    dummy_volumes: int | Literal["auto"] = Field(
        "auto", description="Volumes before the steady state. auto: found in the data."
    )
    slice_timing: bool = Field(True, description="Correct slice timing where the sidecar gives SliceTiming.")
