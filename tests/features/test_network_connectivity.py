"""Means of connectivity within and between networks."""

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.features import CATALOG
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data

NETWORKS = ("Vis", "Default", "Vis", "Default", "Vis", "", "Single", "n/a")


def extract(measure: str | None = None, **fields: object) -> dict[str, float]:
    options = FeatureSpec(kind="network_connectivity", measure=measure)
    vector = CATALOG["network_connectivity"].extract(make_data(**fields), block="n", options=options)
    return dict(zip(vector.names, vector.values.tolist(), strict=True)), vector.missing


@pytest.fixture
def matrix() -> np.ndarray:
    r = np.tanh(np.random.default_rng(1).normal(scale=0.4, size=(8, 8)))
    return (r + r.T) / 2 * (1 - np.eye(8)) + np.eye(8)


def ready(matrix: np.ndarray, **more: object) -> dict:
    names = tuple(f"r{n}" for n in range(len(matrix)))
    return {"signals": None, "unfiltered": None, "matrix": matrix, "regions": names, "networks": NETWORKS, **more}


def test_values_are_means_over_pairs_counted_by_hand(matrix):
    values, missing = extract(**ready(matrix))
    z = np.arctanh(matrix * (1 - np.eye(8)))
    assert list(values) == ["Vis--Vis", "Vis--Default", "Vis--Single", "Default--Default", "Default--Single"]
    assert values["Vis--Vis"] == pytest.approx(np.mean([z[0, 2], z[0, 4], z[2, 4]]), abs=1e-12)
    assert values["Vis--Default"] == pytest.approx(np.mean([z[a, b] for a in (0, 2, 4) for b in (1, 3)]), abs=1e-12)
    assert values["Default--Single"] == pytest.approx((z[1, 6] + z[3, 6]) / 2, abs=1e-12)
    assert not missing


def test_order_of_regions_does_not_matter(matrix):
    order = np.random.default_rng(0).permutation(8)
    values, _ = extract(**ready(matrix))
    again, _ = extract(**ready(matrix[np.ix_(order, order)], networks=tuple(NETWORKS[n] for n in order)))
    for name, value in values.items():
        swapped = "--".join(reversed(name.split("--")))
        assert again.get(name, again.get(swapped)) == pytest.approx(value, abs=1e-12)


def test_a_lost_region_leaves_the_mean_of_the_others_while_half_of_the_pairs_is_there(matrix):
    matrix[2], matrix[:, 2] = np.nan, np.nan
    values, missing = extract(**ready(matrix, missing={"r2": "outside"}))
    z = np.arctanh(matrix * (1 - np.eye(8)))
    assert values["Vis--Default"] == pytest.approx(np.mean([z[a, b] for a in (0, 4) for b in (1, 3)]))
    assert np.isnan(values["Vis--Vis"])  # one pair of three
    assert missing == {"Vis--Vis": "1 of 3 pairs of regions could be measured; r2: outside"}


def test_signals_and_their_matrix_agree(correlated):
    networks = ("A", "A", "B", "B")
    of_signals, _ = extract(signals=correlated, networks=networks)
    of_matrix, _ = extract(**ready(np.corrcoef(correlated.T), networks=networks))
    assert of_signals == pytest.approx(of_matrix, abs=1e-9)
    partial, _ = extract("partial", signals=correlated, networks=networks)
    assert abs(partial["A--B"]) < abs(of_signals["A--B"])  # what all regions share is taken out


def test_an_atlas_without_networks_is_refused(correlated):
    with pytest.raises(DataError, match="names the network of every region") as caught:
        extract(signals=correlated, networks=())
    assert "dosenbach2010" in caught.value.hint
