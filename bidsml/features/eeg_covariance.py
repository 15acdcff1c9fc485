"""Covariance of the channels of EEG or MEG, for the tangent space fitted inside each training fold."""

import numpy as np

from bidsml.errors import DataError
from bidsml.matrices import edge_names, matrix_to_edges
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec


def extract_eeg_covariance(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the shrunken covariance of the band-passed channels.

    The block's ``recording.high_pass_hz`` and ``low_pass_hz`` say in which band. In the tangent space at the training
    people's mean, a linear model of covariances regresses log powers of sources without locating them (Sabbagh et al.
    2020, NeuroImage 222:116893, doi:10.1016/j.neuroimage.2020.116893).

    Returns
    -------
    FeatureVector
        Layout ``covariance``, in µV² (MEG: fT²); a missing channel is NaN.

    Raises
    ------
    DataError
        The input has no covariance of channels, or fewer than two are there.
    """
    if data.covariance is None:
        raise DataError(f"{data.scan.path}: eeg_covariance needs a recording", hint="choose another feature kind")
    present = np.isfinite(np.diag(data.covariance))
    if present.sum() < 2:
        raise DataError(f"{data.scan.path}: fewer than two channels are there", hint="look at channels.tsv")
    found = data.covariance[np.ix_(present, present)]
    matrix = np.full(data.covariance.shape, np.nan)
    matrix[np.ix_(present, present)] = shrink(found, options.shrinkage)
    return FeatureVector(
        block,
        "eeg_covariance",
        "covariance",
        edge_names(data.regions, "covariance"),
        matrix_to_edges(matrix, "covariance"),
        layout="covariance",
        nodes=data.regions,
        missing=dict(data.missing),
        settings={
            "shrinkage": options.shrinkage,
            "datatype": options.recording.datatype,
            "recording": options.recording.model_dump(),
        },
    )


def shrink(covariance: FloatArray, share: float) -> FloatArray:
    """Shrink towards a multiple of the identity with the same trace.

    The share is fixed, unlike in Ledoit & Wolf 2004 (doi:10.1016/S0047-259X(03)00096-4), whose estimate of it supposes
    independent samples and would differ with the length of the recording. It also lifts the direction that an average
    reference takes away, by the same part of everyone's power.
    """
    n = len(covariance)
    shrunken: FloatArray = (1 - share) * covariance + share * np.trace(covariance) / n * np.eye(n)
    return shrunken


def check_eeg_covariance(options: FeatureSpec) -> str:
    """Say what is wrong with the options: without the average's direction a covariance has no logarithm."""
    if options.shrinkage == 0 and options.recording.sensors == "eeg" and options.recording.reference == "average":
        return "shrinkage = 0 leaves the covariance singular after an average reference"
    return ""
