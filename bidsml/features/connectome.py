"""Functional connectivity between every pair of regions."""

import logging

import numpy as np

from bidsml.errors import AnalysisFileError, DataError
from bidsml.features import measure_of
from bidsml.matrices import MatrixLayout, edge_names, matrix_to_edges
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

logger = logging.getLogger(__name__)

# arctanh of it is 8.4: beyond what a measured correlation reaches, and still finite.
LARGEST_R = 1 - 1e-7
# Text files hold 6 to 8 digits, float16 archives 3: a larger excess or asymmetry is no rounding.
ROUNDING = 2e-3
# Of the mean variance. Shrunken covariances are far above it, singular ones at the rounding of their file.
SMALLEST_EIGENVALUE = 1e-5

_LAYOUTS: dict[str, MatrixLayout] = {"correlation": "edges", "partial": "edges", "tangent": "covariance"}
_NILEARN_KINDS = {"correlation": "correlation", "partial": "partial correlation", "tangent": "covariance"}


def extract_connectome(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Measure how strongly each pair of regions goes together.

    ``correlation``: Pearson correlation, Fisher z. ``partial``: partial correlation from the Ledoit–Wolf
    covariance [1]_, Fisher z. ``tangent``: publishes the Ledoit–Wolf covariance of the standardised signals;
    the tangent projection [2]_ needs a reference over people and is fitted inside each training fold.

    Parameters
    ----------
    data
        One person's signals ``(n_volumes, n_regions)``, or a ready-made matrix ``(n_regions, n_regions)``.
    block
        Name of the feature block.
    options
        The ``[[features]]`` block.

    Returns
    -------
    FeatureVector
        One value per pair of regions, ``A--B``; the values of a missing region are NaN.

    Raises
    ------
    DataError
        Fewer than two usable regions, or a matrix that is not symmetric or not made of correlations.
    AnalysisFileError
        The ready-made matrix is of another kind than the analysis asks for.

    References
    ----------
    .. [1] Ledoit & Wolf 2004, J Multivariate Anal 88:365, doi:10.1016/S0047-259X(03)00096-4
    .. [2] Varoquaux et al. 2010, MICCAI, doi:10.1007/978-3-642-15705-9_25
    """
    measure = measure_of(options)
    matrix, missing = measure_matrix(data, measure)
    layout = _LAYOUTS[measure]
    return FeatureVector(
        block=block,
        kind="connectome",
        measure=measure,
        names=edge_names(data.regions, layout),
        values=matrix_to_edges(matrix, layout),
        layout=layout,
        nodes=data.regions,
        missing=missing,
        atlas=data.atlas,
    )


def measure_matrix(data: ScanData, measure: str) -> tuple[FloatArray, dict[str, str]]:
    """Measure the connectivity of every pair of regions, from signals or from a ready-made matrix.

    Returns
    -------
    matrix
        ``(n_regions, n_regions)``: Fisher z (covariances for ``tangent``), diagonal 0; NaN for a missing region.
    missing
        Why a region is missing, by name.

    Raises
    ------
    DataError, AnalysisFileError
        As :func:`extract_connectome`.
    """
    missing = dict(data.missing)
    matrix = _from_signals(data, measure) if data.signals is not None else _from_matrix(data, measure, missing)
    return matrix, missing


def _from_signals(data: ScanData, measure: str) -> FloatArray:
    """Measure the regions that are there; NaN for those that are not: ``(n_regions, n_regions)``."""
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.covariance import EmpiricalCovariance, LedoitWolf

    signals = np.asarray(data.signals, dtype=np.float64)
    present = np.asarray(np.isfinite(signals).all(axis=0))
    if present.sum() < 2:
        raise DataError(
            f"{data.scan.path}: a connectome needs two regions with a signal, found {int(present.sum())}",
            hint="look at the atlas coverage: does the atlas fit the space of the images?",
        )
    # nilearn standardises for correlations only; shrinkage depends on the scale of the signals.
    usable = signals[:, present]
    standardised = (usable - usable.mean(axis=0)) / usable.std(axis=0, ddof=1)
    covariance = EmpiricalCovariance() if measure == "correlation" else LedoitWolf(store_precision=False)
    connectivity = ConnectivityMeasure(cov_estimator=covariance, kind=_NILEARN_KINDS[measure])
    found = connectivity.fit_transform([standardised])[0]
    matrix = np.full((len(present), len(present)), np.nan)
    matrix[np.ix_(present, present)] = found if measure == "tangent" else _fisher_z(found, data)
    return matrix


def _fisher_z(correlations: FloatArray, data: ScanData) -> FloatArray:
    """Fisher's variance-stabilising z = arctanh r off the diagonal, r clipped just inside -1..1."""
    r = np.array(correlations, dtype=np.float64)
    np.fill_diagonal(r, 0.0)
    clipped = int((np.abs(r) > LARGEST_R).sum() // 2)
    if clipped:
        logger.warning("%s: %d pairs of regions correlate perfectly; r is clipped", data.scan.label, clipped)
    z: FloatArray = np.arctanh(np.clip(r, -LARGEST_R, LARGEST_R))
    return z


def _from_matrix(data: ScanData, measure: str, missing: dict[str, str]) -> FloatArray:
    """Check a ready-made matrix and bring it to the scale of the measure; adds to ``missing``."""
    if data.matrix is None:
        raise DataError(
            f"{data.scan.path}: a connectome needs time series or a matrix, this input has neither",
            hint="give BOLD, time series or matrices with --derivatives",
        )
    matrix = np.array(data.matrix, dtype=np.float64)
    _check_shape(matrix, data)
    matrix[~np.isfinite(matrix)] = np.nan
    _check_symmetry(matrix, data)
    matrix = (matrix + matrix.T) / 2
    stored = _stored_measure(data)
    _check_measure(data, measure, stored)
    _drop_lost_nodes(matrix, data, missing)
    if measure == "tangent":
        _check_rank(matrix, data)
    if measure == "tangent" or stored == "fisherz":
        return matrix
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    largest = np.nanmax(np.abs(off_diagonal), initial=0.0)
    if largest > 1 + ROUNDING:
        raise DataError(
            f"{data.scan.path}: correlations lie between -1 and 1, found a value of size {largest:.4g}",
            hint="name what the matrix holds in its file name: meas-pearsoncorrelation, meas-fisherz, meas-covariance",
        )
    return _fisher_z(matrix, data)


def _check_shape(matrix: FloatArray, data: ScanData) -> None:
    n = len(data.regions)
    if matrix.shape != (n, n):
        raise DataError(
            f"{data.scan.path}: expected a {n} × {n} matrix for {n} named regions, found {matrix.shape}",
            hint="the matrix and the table of its regions must belong together",
        )


def _check_symmetry(matrix: FloatArray, data: ScanData) -> None:
    one_sided = np.isnan(matrix) != np.isnan(matrix.T)
    if one_sided.any() or np.nanmax(np.abs(matrix - matrix.T), initial=0.0) > ROUNDING:
        raise DataError(f"{data.scan.path}: the matrix is not symmetric", hint="give the full symmetric matrix")


def _stored_measure(data: ScanData) -> str:
    """Tell what a ready-made matrix holds: correlation, partial, covariance or fisherz."""
    spelled = "".join(filter(str.isalnum, data.scan.measure.lower()))
    for word in ("partial", "covariance", "fisherz"):
        if word in spelled:
            return word
    if spelled in ("", "correlation", "pearsoncorrelation", "pearson", "corr", "fullcorrelation"):
        return "correlation"
    raise AnalysisFileError(
        f"{data.scan.path}: no connectome measure is known for a matrix of {data.scan.measure!r}",
        hint="known: pearsoncorrelation, fisherz, partialcorrelation, covariance",
    )


def _check_measure(data: ScanData, measure: str, stored: str) -> None:
    fits = {"correlation": ("correlation", "fisherz"), "partial": ("partial",), "tangent": ("covariance",)}[measure]
    if stored in fits:
        return
    fitting = {"correlation": "correlation", "fisherz": "correlation", "partial": "partial", "covariance": "tangent"}
    raise AnalysisFileError(
        f"{data.scan.path}: measure {measure!r} cannot be made from a ready-made matrix of {stored}",
        hint=f"give time series or BOLD, or set measure = {fitting[stored]!r}",
    )


def _check_rank(matrix: FloatArray, data: ScanData) -> None:
    """Refuse a covariance without a logarithm: its smallest eigenvalues, which are noise, would decide the rest."""
    here = np.flatnonzero(np.isfinite(np.diagonal(matrix)))
    known = matrix[np.ix_(here, here)]
    if not here.size or np.isnan(known).any():
        return
    values = np.linalg.eigvalsh(known)
    n_lost = int((values < SMALLEST_EIGENVALUE * values.mean()).sum())
    if n_lost:
        raise DataError(
            f"{data.scan.path}: the covariance of {here.size} regions is singular: {n_lost} of its eigenvalues are 0, "
            "as of fewer volumes than regions",
            hint="give time series or BOLD, which bidsml shrinks (Ledoit and Wolf), or a covariance that is shrunken",
        )


def _drop_lost_nodes(matrix: FloatArray, data: ScanData, missing: dict[str, str]) -> None:
    """Set the rows of lost regions to NaN in place, and say why each is lost."""
    off = matrix.copy()
    np.fill_diagonal(off, np.nan)
    empty = np.asarray(np.isnan(off).all(axis=1))
    # A constant region comes out of most tools as a row of exact zeros, not as missing.
    constant = ~empty & (np.nan_to_num(off) == 0).all(axis=1) if len(off) > 2 else np.zeros(len(off), dtype=bool)
    for node, is_empty, is_constant in zip(data.regions, empty, constant, strict=True):
        if is_empty:
            missing.setdefault(node, "has no value in the ready-made matrix")
        elif is_constant:
            missing.setdefault(node, "correlates exactly 0 with every region: its signal was constant")
    lost = np.array([node in missing for node in data.regions])
    matrix[lost] = np.nan
    matrix[:, lost] = np.nan
    if (~lost).sum() < 2:
        raise DataError(f"{data.scan.path}: fewer than two regions have values", hint="look at the matrix")
