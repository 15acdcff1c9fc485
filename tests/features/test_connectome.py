"""Connectivity against independent formulas, and ready-made matrices."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.covariance import ledoit_wolf

from bidsml.errors import AnalysisFileError, DataError
from bidsml.features.connectome import extract_connectome
from bidsml.matrices import edges_to_matrix, matrix_to_edges
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data


def extract(data: ScanData, measure: str | None = None) -> FeatureVector:
    return extract_connectome(data, block="c", options=FeatureSpec(kind="connectome", measure=measure))


def ready(matrix: np.ndarray, measure: str = "", **change: object) -> ScanData:
    data = make_data(regions=tuple(f"r{n}" for n in range(len(matrix))), matrix=matrix, **change)
    return replace(data, scan=replace(data.scan, kind="relmat", measure=measure))


def test_correlation_is_pearson_s(correlated: np.ndarray) -> None:
    vector = extract(make_data(correlated))
    assert vector.measure == "correlation"
    assert_allclose(np.tanh(vector.values), matrix_to_edges(np.corrcoef(correlated.T)), atol=1e-12)
    assert vector.names[0] == "r0--r1"


def test_partial_is_from_the_inverse_of_the_ledoit_wolf_covariance(correlated: np.ndarray) -> None:
    standardised = (correlated - correlated.mean(axis=0)) / correlated.std(axis=0, ddof=1)
    covariance, _ = ledoit_wolf(standardised)
    precision = np.linalg.inv(covariance)
    scale = np.sqrt(np.diag(precision))
    expected = -precision / np.outer(scale, scale)
    assert_allclose(np.tanh(extract(make_data(correlated), "partial").values), matrix_to_edges(expected), atol=1e-9)


def test_tangent_publishes_a_positive_covariance_of_standardised_signals(correlated: np.ndarray) -> None:
    vector = extract(make_data(correlated), "tangent")
    standardised = (correlated - correlated.mean(axis=0)) / correlated.std(axis=0, ddof=1)
    found = edges_to_matrix(vector.values, 4, vector.layout)
    assert vector.layout == "covariance"
    assert_allclose(found, ledoit_wolf(standardised)[0], atol=1e-9)
    assert np.linalg.eigvalsh(found).min() > 0


@pytest.mark.parametrize("measure", ["correlation", "partial", "tangent"])
def test_units_of_the_signals_do_not_matter(correlated: np.ndarray, measure: str) -> None:
    scaled = correlated * [1.0, 20.0, 0.01, 3.0] + [0.0, 100.0, -4.0, 2.0]
    assert_allclose(
        extract(make_data(correlated), measure).values, extract(make_data(scaled), measure).values, atol=1e-9
    )


@pytest.mark.parametrize("measure", ["correlation", "partial", "tangent"])
def test_missing_region_leaves_the_others_as_without_it(correlated: np.ndarray, measure: str) -> None:
    holed = correlated.copy()
    holed[:, 2] = np.nan
    layout = "covariance" if measure == "tangent" else "edges"
    found = edges_to_matrix(extract(make_data(holed, missing={"r2": "gone"}), measure).values, 4, layout)
    others = edges_to_matrix(extract(make_data(correlated[:, [0, 1, 3]]), measure).values, 3, layout)
    assert_allclose(found[np.ix_([0, 1, 3], [0, 1, 3])], others, atol=1e-12)
    assert np.isnan(found[2]).all()


def test_identical_regions_stay_finite_and_are_logged(correlated: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    twins = correlated.copy()
    twins[:, 3] = twins[:, 0]
    assert np.isfinite(extract(make_data(twins)).values).all()
    assert "1 pairs" in caplog.text


def test_one_region_is_not_enough(correlated: np.ndarray) -> None:
    correlated[:, 1:] = np.nan
    with pytest.raises(DataError, match="two regions"):
        extract(make_data(correlated))
    with pytest.raises(DataError, match="neither"):
        extract(make_data())


# ------------------------------------------------------------------ ready-made matrices


@pytest.mark.parametrize("measure", ["", "pearsoncorrelation", "PearsonCorrelation", "correlation"])
def test_ready_correlations_give_what_their_signals_give(correlated: np.ndarray, measure: str) -> None:
    found = extract(ready(np.corrcoef(correlated.T), measure))
    assert_allclose(found.values, extract(make_data(correlated)).values, atol=1e-12)


def test_diagonal_of_a_ready_matrix_is_ignored(correlated: np.ndarray) -> None:
    matrix = np.corrcoef(correlated.T)
    other = matrix.copy()
    for diagonal in (0.0, np.nan, np.inf):
        np.fill_diagonal(other, diagonal)
        assert_allclose(extract(ready(other)).values, extract(ready(matrix)).values)


def test_fisher_z_is_not_transformed_twice(correlated: np.ndarray) -> None:
    z = edges_to_matrix(extract(make_data(correlated)).values * 3, 4)
    assert_allclose(extract(ready(z, "fisherz")).values, matrix_to_edges(z))


def test_ready_partial_and_covariance_are_taken_as_such(correlated: np.ndarray) -> None:
    partial = edges_to_matrix(np.tanh(extract(make_data(correlated), "partial").values), 4)
    assert_allclose(
        extract(ready(partial, "partialcorrelation"), "partial").values,
        extract(make_data(correlated), "partial").values,
    )
    covariance = np.cov(correlated.T)
    assert_allclose(
        extract(ready(covariance, "covariance"), "tangent").values, matrix_to_edges(covariance, "covariance")
    )


def test_a_singular_covariance_is_refused() -> None:
    """Of fewer volumes than regions: in the tangent space, what nobody measured would outweigh the rest."""
    rng = np.random.default_rng(0)
    short = np.round(np.cov(rng.standard_normal((10, 12)).T), 6)
    with pytest.raises(DataError, match="covariance of 12 regions is singular: 3 of its eigenvalues"):
        extract(ready(short, "covariance"), "tangent")
    shrunken = ledoit_wolf(rng.standard_normal((10, 12)))[0]
    shrunken[3], shrunken[:, 3] = np.nan, np.nan
    assert np.isfinite(extract(ready(shrunken, "covariance"), "tangent").values).sum() == 11 * 12 / 2


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("pearsoncorrelation", "partial"),
        ("", "tangent"),
        ("partialcorrelation", "correlation"),
        ("covariance", "partial"),
    ],
)
def test_one_measure_is_not_made_from_another(correlated: np.ndarray, stored: str, asked: str) -> None:
    with pytest.raises(AnalysisFileError, match="cannot be made") as caught:
        extract(ready(np.corrcoef(correlated.T), stored), asked)
    assert "time series" in caught.value.hint


def test_unknown_ready_measure_is_refused(correlated: np.ndarray) -> None:
    with pytest.raises(AnalysisFileError, match="mutualinformation"):
        extract(ready(np.corrcoef(correlated.T), "mutualinformation"))


def test_lost_nodes_of_ready_matrices_are_missing(correlated: np.ndarray) -> None:
    matrix = np.corrcoef(np.column_stack([correlated, correlated[:, :1] + 0.1]).T)[:5, :5]
    matrix[1, :], matrix[:, 1] = np.nan, np.nan
    matrix[2, :], matrix[:, 2] = 0, 0
    matrix[2, 2] = 1
    vector = extract(ready(matrix))
    assert set(vector.missing) == {"r1", "r2"}
    assert "constant" in vector.missing["r2"]
    lost = [("r1" in name) or ("r2" in name) for name in vector.names]
    assert np.isnan(vector.values).tolist() == lost


@pytest.mark.parametrize(
    ("change", "words"), [("asymmetric", "not symmetric"), ("large", "between -1 and 1"), ("shape", "4 × 4")]
)
def test_what_is_no_correlation_matrix_is_refused(correlated: np.ndarray, change: str, words: str) -> None:
    matrix = np.corrcoef(correlated.T)
    regions = tuple("abcd")
    if change == "asymmetric":
        matrix[0, 1] += 0.1
    elif change == "large":
        matrix[0, 1] = matrix[1, 0] = 1.2
    else:
        matrix = matrix[:3, :3]
    with pytest.raises(DataError, match=words):
        extract(replace(ready(matrix), regions=regions))
