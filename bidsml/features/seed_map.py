"""Connectivity of seeds with every region, from maps of all voxels."""

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_seed_map(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the mean Fisher z of each region with each seed, named ``seed--region``.

    The seed's mean signal is correlated with every voxel (Biswal et al. 1995, Magn Reson Med 34:537,
    doi:10.1002/mrm.1910340409; :func:`bidsml.preproc.seeds.correlate_seeds`), and z averaged in each region. That is
    less than z of the region's mean signal, as in the connectome, where voxels of a region differ. A region that holds
    the seed goes with it by construction.

    Returns
    -------
    FeatureVector
        Seeds in the order of ``options.seeds``; regions within.

    Raises
    ------
    DataError
        The input has no maps of seeds.
    """
    seeds = tuple(seed.name for seed in options.seeds) or tuple(data.maps)
    if not data.maps:
        raise DataError(
            f"{data.scan.path}: seed_map needs BOLD images, the input has no voxels",
            hint="give BOLD with --derivatives, or choose another feature kind",
        )
    nothing = np.full(len(data.regions), np.nan)
    missing: dict[str, str] = {}
    for seed in seeds:
        for region in data.regions:
            reason = data.missing.get(seed_key(seed)) or data.missing.get(region)
            if reason:
                missing[f"{seed}--{region}"] = reason
    return FeatureVector(
        block=block,
        kind="seed_map",
        measure=measure_of(options),
        names=tuple(f"{seed}--{region}" for seed in seeds for region in data.regions),
        values=np.concatenate([np.asarray(data.maps.get(seed, nothing), dtype=np.float64) for seed in seeds]),
        missing=missing,
        atlas=data.atlas,
        settings={"seeds": [seed.model_dump(mode="json", exclude_none=True) for seed in options.seeds]},
    )


def check_seed_map(options: FeatureSpec) -> str:
    """Say what is wrong with the options: every seed needs a name of its own, and one place."""
    if not options.seeds:
        return "kind 'seed_map' needs seeds, e.g. seeds = [{name = \"PCC\", mm = [0, -53, 26], radius_mm = 6}]"
    names = [seed.name for seed in options.seeds]
    if len(set(names)) < len(names):
        return f"two seeds have one name: {', '.join(names)}"
    for seed in options.seeds:
        if (seed.mm is None) == (seed.region is None):
            return f"seed {seed.name!r} needs either mm or region"
    return ""


def seed_key(name: str) -> str:
    """Key of a seed among what is missing: a region may bear the same name."""
    return f"seed {name}"
