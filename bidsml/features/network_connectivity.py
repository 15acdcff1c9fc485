"""Functional connectivity within and between the networks of an atlas."""

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.features.connectome import measure_matrix
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

MIN_PAIRS = 0.5


def extract_network_connectivity(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Average the connectivity of regions within each network, and between each two networks.

    The value of two networks A and B is the mean Fisher z over all pairs of a region of A and a region of B; that of
    one network the mean over its pairs of two regions. ``correlation`` and ``partial`` as in the connectome. A few
    means of many edges are steadier than the edges: between scans of one person, and against noise of single regions.

    Networks come in the order in which the atlas first names them. A region without a network (an empty name, or
    ``n/a``) is in none; a network of one region has no value of its own.

    Returns
    -------
    FeatureVector
        One value per network ``A--A`` and per pair of networks ``A--B``; NaN where less than half of the pairs of
        regions could be measured.

    Raises
    ------
    DataError
        The atlas names no networks, or what :func:`~bidsml.features.connectome.measure_matrix` raises.
    """
    measure = measure_of(options)
    if not data.networks:
        raise DataError(
            f"{data.scan.path}: network_connectivity needs an atlas that names the network of every region, "
            f"{data.atlas or 'this input'} does not",
            hint="use dosenbach2010, seitzman2018 or Schaefer2018-100Parcels7Networks, "
            "or add a column network to the atlas's table",
        )
    matrix, lost = measure_matrix(data, measure)
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    members = _members(data.networks)
    for index, (first, rows) in enumerate(members.items()):
        for second, columns in list(members.items())[index:]:
            if first == second and len(rows) < 2:
                continue
            name = f"{first}--{second}"
            values[name], known, total = _mean(matrix, rows, columns)
            if known < MIN_PAIRS * total:
                values[name] = np.nan
                missing[name] = (
                    f"{known} of {total} pairs of regions could be measured; {_why(data, lost, rows, columns)}"
                )
    return FeatureVector(
        block=block,
        kind="network_connectivity",
        measure=measure,
        names=tuple(values),
        values=np.array(list(values.values()), dtype=np.float64),
        missing=missing,
        atlas=data.atlas,
    )


def _members(networks: tuple[str, ...]) -> dict[str, list[int]]:
    """Places of the regions of every network."""
    members: dict[str, list[int]] = {}
    for place, network in enumerate(networks):
        if network and network.lower() != "n/a":
            members.setdefault(network, []).append(place)
    return members


def _mean(matrix: FloatArray, rows: list[int], columns: list[int]) -> tuple[float, int, int]:
    """Mean over the known pairs of regions, how many are known, and how many there are."""
    part = matrix[np.ix_(rows, columns)]
    # Within a network every pair stands twice, and a region is no pair with itself.
    pairs = part[np.triu_indices(len(rows), k=1)] if rows == columns else part.ravel()
    known = np.isfinite(pairs)
    return (float(pairs[known].mean()) if known.any() else float("nan")), int(known.sum()), len(pairs)


def _why(data: ScanData, lost: dict[str, str], rows: list[int], columns: list[int]) -> str:
    names = [data.regions[place] for place in dict.fromkeys([*rows, *columns])]
    first = next((name for name in names if name in lost), "")
    return f"{first}: {lost[first]}" if first else "the others have no value"
