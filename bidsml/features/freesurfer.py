"""Cortical parcels and subcortical structures as FreeSurfer measured them."""

from bidsml.features import measure_of
from bidsml.features._values import extract_values
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec

ATLASES = {"desikan": "Desikan-Killiany", "destrieux": "Destrieux", "dkt": "Desikan-Killiany-Tourville"}
"""Names of the parcellations in texts and file names."""


def extract_freesurfer(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the regions of one reconstruction as features.

    ``thickness`` (mm; Fischl & Dale 2000, doi:10.1073/pnas.200033797), ``area`` of the white surface (mm²) and
    ``volume`` (mm³) of cortical parcels; ``subcortical``: volume (mm³) of segmented structures (Fischl et al. 2002,
    doi:10.1016/S0896-6273(02)00569-X). ``…_of_etiv``: as a share of the estimated total intracranial volume (Buckner
    et al. 2004, doi:10.1016/j.neuroimage.2004.06.018).

    Returns
    -------
    FeatureVector
        One value per region, NaN with a reason where FreeSurfer has none.

    Raises
    ------
    DataError
        No value is left.
    """
    measure = measure_of(options)
    atlas = "aseg" if measure.startswith("subcortical") else ATLASES[options.parcellation]
    return extract_values(data, block=block, kind="freesurfer", measure=measure, atlas=atlas)


def check_freesurfer(options: FeatureSpec) -> str:
    """Say what is wrong with the options: a subcortical structure lies in no cortical parcellation."""
    if measure_of(options).startswith("subcortical") and options.parcellation != "desikan":
        return f"measure {options.measure!r} comes from aseg.stats; leave parcellation out"
    return ""
