"""Methods text of features from other modalities: the sentence and its sources, by kind and measure."""

from collections.abc import Mapping

from bidsml.report.blocks import Reference
from bidsml.report.references import (
    BASSER,
    BUCKNER,
    FISCHL,
    FISCHL_ASEG,
    FISCHL_DALE,
    JENSEN,
    MNE,
    MNE_BIDS,
    MRIQC,
    SABBAGH,
    TANGENT,
    TUCH,
    WELCH,
    ZHANG,
)
from bidsml.spec.recording import RecordingSpec

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
    **{
        ("diffusion", measure): (f"{name} was averaged{{where}}, over voxels in which the map has a value.", (source,))
        for measure, name, source in (
            ("fa", "Fractional anisotropy (Basser & Pierpaoli, 1996)", BASSER),
            ("md", "Mean diffusivity (Basser & Pierpaoli, 1996)", BASSER),
            ("ad", "Axial diffusivity (Basser & Pierpaoli, 1996)", BASSER),
            ("rd", "Radial diffusivity (Basser & Pierpaoli, 1996)", BASSER),
            ("mk", "Mean kurtosis (Jensen et al., 2005)", JENSEN),
            ("ak", "Axial kurtosis (Jensen et al., 2005)", JENSEN),
            ("rk", "Radial kurtosis (Jensen et al., 2005)", JENSEN),
            ("icvf", "The intracellular volume fraction of NODDI (Zhang et al., 2012)", ZHANG),
            ("isovf", "The isotropic volume fraction of NODDI (Zhang et al., 2012)", ZHANG),
            ("od", "The orientation dispersion of NODDI (Zhang et al., 2012)", ZHANG),
            ("gfa", "Generalised fractional anisotropy (Tuch, 2004)", TUCH),
        )
    },
    ("eeg_power", "relative"): (
        "The power of each channel in each frequency band was measured from Welch's spectrum (Welch, 1967), as the "
        "logarithm of its share of the power in all bands.",
        (WELCH,),
    ),
    ("eeg_power", "absolute"): (
        "The logarithm of the power of each channel in each frequency band was measured from Welch's spectrum (Welch, "
        "1967).",
        (WELCH,),
    ),
    ("eeg_covariance", "covariance"): (
        "The covariance of the channels, shrunken towards the identity, was taken in the tangent space at the mean of "
        "the training participants (Varoquaux et al., 2010; for EEG and MEG, Sabbagh et al., 2020).",
        (TANGENT, SABBAGH),
    ),
}
"""A sentence may hold ``{where}``: the regions of an atlas."""

RECORDED = frozenset({"eeg_power", "eeg_covariance"})
"""Kinds that are made of recordings."""
_SENSORS = {"eeg": "electrodes", "mag": "magnetometers", "grad": "gradiometers"}


def say_recording(spec: RecordingSpec) -> tuple[str, tuple[Reference, ...]]:
    """Say how recordings were prepared, with the sources."""
    line = "what the sidecars name as the power line" if spec.notch_hz is None else f"{spec.notch_hz:g} Hz"
    notch = "" if spec.notch_hz == 0 else f", notch filtered at {line} and its harmonics"
    band = (
        f"{spec.high_pass_hz:g} to {spec.low_pass_hz:g} Hz" if spec.high_pass_hz else f"up to {spec.low_pass_hz:g} Hz"
    )
    averaged = spec.sensors == "eeg" and spec.reference == "average"
    reference = ", referenced to the mean of all channels" if averaged else ""
    rejected = (
        f"; epochs in which the peak-to-peak amplitude of a channel lay {spec.reject_z:g} robust standard deviations "
        "above its median were left out"
        if spec.reject_z
        else ""
    )
    words = (
        f"Recordings of {_SENSORS[spec.sensors]} were read by MNE-BIDS (Appelhoff et al., 2019) and prepared with MNE "
        f"(Gramfort et al., 2013): without bad channels{notch}, band-pass filtered ({band}){reference} and cut into "
        f"epochs of {spec.epoch_s:g} s{rejected}."
    )
    return words, (MNE_BIDS, MNE)
