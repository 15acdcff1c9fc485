"""The leakage audit: what could let a model score well without the brain. One file a kind of check."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bidsml.learn.leakage.duplicates import check_altered_copies, check_duplicate_rows, check_near_duplicates
from bidsml.learn.leakage.material import Material, gather_material
from bidsml.learn.leakage.sample import check_sample_size
from bidsml.learn.leakage.sites import check_site_signature
from bidsml.learn.leakage.targets import check_separating_features, check_target_copies
from bidsml.learn.leakage.ties import check_label_motion, check_label_nuisance, check_label_site
from bidsml.learn.leakage.units import check_split_units
from bidsml.learn.leakage.whole_data import check_whole_data_steps
from bidsml.records import Cohort, FeatureSet, Fold, LeakageCheck

CHECKS: Mapping[str, Callable[[Material], LeakageCheck]] = MappingProxyType(
    {
        "split-units": check_split_units,
        "duplicate-rows": check_duplicate_rows,
        "target-copies": check_target_copies,
        "separating-features": check_separating_features,
        "altered-copies": check_altered_copies,
        "near-duplicates": check_near_duplicates,
        "label-site": check_label_site,
        "site-signature": check_site_signature,
        "label-motion": check_label_motion,
        "label-nuisance": check_label_nuisance,
        "whole-data-steps": check_whole_data_steps,
        "sample-size": check_sample_size,
    }
)
"""Every check by its id, in the order in which they run: those that refuse come first."""

_NO_HISTORY: Mapping[str, str] = MappingProxyType({})


def audit(
    features: FeatureSet, cohort: Cohort, folds: Sequence[Fold], *, history: Mapping[str, str] = _NO_HISTORY
) -> tuple[LeakageCheck, ...]:
    """Run every check of :data:`CHECKS` before anything is learnt.

    Parameters
    ----------
    folds
        Of every design, the default design's first.
    history
        What the input's own files say of how they were made: text by the place where it stands.

    Returns
    -------
    tuple of LeakageCheck
        One per check, those that found nothing too.

    Raises
    ------
    AnalysisFileError
        A split of the user's own has one unit on both sides.
    DataError
        Two participants have the same features, a feature is the target or a function of it, or a participant has
        no features.
    """
    material = gather_material(features, cohort, folds, history)
    return tuple(check(material) for check in CHECKS.values())


__all__ = ["CHECKS", "audit"]
