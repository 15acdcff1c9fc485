"""Methods text of features from other modalities: the sentence and its sources, by kind and measure."""

from collections.abc import Mapping

from bidsml.report.blocks import Reference
from bidsml.report.references import (
    BUCKNER,
    FISCHL,
    FISCHL_ASEG,
    FISCHL_DALE,
    MRIQC,
)

MODALITY_TEXT: Mapping[tuple[str, str], tuple[str, tuple[Reference, ...]]] = {
    ("freesurfer", "thickness"): (
        "Cortical thickness (Fischl & Dale, 2000){where} was taken from the reconstructions of FreeSurfer "
        "(Fischl, 2012).",
        (FISCHL_DALE, FISCHL),
    ),
    ("freesurfer", "area"): (
        "The area of the white surface{where} was taken from the reconstructions of FreeSurfer (Fischl, 2012).",
        (FISCHL,),
    ),
    ("freesurfer", "volume"): (
        "Cortical volume{where} was taken from the reconstructions of FreeSurfer (Fischl, 2012).",
        (FISCHL,),
    ),
    ("freesurfer", "volume_of_etiv"): (
        "Cortical volume{where} was taken from the reconstructions of FreeSurfer (Fischl, 2012) and divided by the "
        "estimated total intracranial volume (Buckner et al., 2004).",
        (FISCHL, BUCKNER),
    ),
    ("freesurfer", "subcortical"): (
        "Volumes of subcortical structures were taken from FreeSurfer's segmentation (Fischl et al., 2002).",
        (FISCHL_ASEG,),
    ),
    ("freesurfer", "subcortical_of_etiv"): (
        "Volumes of subcortical structures were taken from FreeSurfer's segmentation (Fischl et al., 2002) and divided "
        "by the estimated total intracranial volume (Buckner et al., 2004).",
        (FISCHL_ASEG, BUCKNER),
    ),
    ("image_quality", "value"): ("Image-quality metrics were taken from MRIQC (Esteban et al., 2017).", (MRIQC,)),
}
"""A sentence may hold ``{where}``: the regions of an atlas."""
