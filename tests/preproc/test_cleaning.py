"""The plan of cleaning, and its matrix."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bidsml.preproc.cleaning import plan_cleaning
from bidsml.preproc.confounds import Confounds
from bidsml.records import Scan
from bidsml.spec import DenoiseSpec

SCAN = Scan("1", "bold", Path("x.nii.gz"))
N_VOLUMES = 120


@pytest.mark.parametrize("band", [(0.0, 0.0), (0.01, 0.1), (0.01, 0.0)])
@pytest.mark.parametrize("censored", [(), (0, 1, 40, 41, 42, 119)])
@pytest.mark.parametrize("n_regressors", [0, 8])
def test_the_matrix_cleans_as_nilearn_does_signal_by_signal(band, censored, n_regressors):
    rng = np.random.default_rng(3)
    fd_mm = np.zeros(N_VOLUMES)
    fd_mm[list(censored)] = 2.0
    table = pd.DataFrame(rng.standard_normal((N_VOLUMES, n_regressors))).add_prefix("c")
    denoise = DenoiseSpec(strategy="none", high_pass_hz=band[0], low_pass_hz=band[1], fd_censor_mm=0.5)
    confounds = Confounds(table=table, fd_mm=fd_mm, non_steady=np.zeros(N_VOLUMES, dtype=bool))
    cleaning = plan_cleaning(SCAN, confounds, denoise, n_volumes=N_VOLUMES, tr_s=2.0)
    signals = 1000 + 50 * rng.standard_normal((N_VOLUMES, 20)) + np.linspace(0, 90, N_VOLUMES)[:, None]
    matrix = cleaning.matrix()
    assert matrix.shape == (N_VOLUMES - len(censored), N_VOLUMES)
    # Rounding of sums over 120 volumes of values near 1000.
    np.testing.assert_allclose(matrix @ signals, cleaning.apply(signals), atol=1e-9)
