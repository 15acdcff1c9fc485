"""The carpet has rows by tissue, and says what happened in each."""

import numpy as np
import pytest

from bidsml.preproc.functional.carpet import ROWS, weave_carpet
from bidsml.preproc.volumes import open_series

SHAPE, N = (16, 16, 12), 30


@pytest.fixture
def tissues() -> list[np.ndarray]:
    maps = [np.zeros(SHAPE, dtype=np.float32) for _ in range(3)]
    maps[0][:8], maps[1][8:14], maps[2][14:] = 0.9, 0.8, 0.7
    maps[0][:, :, 0] = maps[1][:, :, 0] = maps[2][:, :, 0] = 0.3  # nobody knows
    return maps


@pytest.fixture
def run(save_run, tissues):
    rng = np.random.default_rng(0)
    values = 1000 + rng.normal(scale=10, size=(N, *SHAPE))
    wave = np.sin(np.arange(N))
    values += 30 * wave[:, None, None, None] * (tissues[1] > 0.5)
    values += np.linspace(0, 200, N)[:, None, None, None]
    values[0] += 500
    return open_series(save_run([frame.astype(np.float32) for frame in values]))


def test_rows_are_sorted_by_tissue(run, tissues):
    mask = np.ones(SHAPE, dtype=bool)
    carpet = weave_carpet(run, mask, tissues, n_dummy=1)
    assert carpet.rows.shape == (sum(ROWS), N)
    assert (np.diff(carpet.tissues) >= 0).all()
    assert [int((carpet.tissues == t).sum()) for t in range(3)] == list(ROWS)
    wave = np.sin(np.arange(N))[1:]
    r = np.array([np.corrcoef(row[1:], wave)[0, 1] for row in carpet.rows])
    assert r[carpet.tissues == 1].min() > 0.8
    assert np.abs(r[carpet.tissues != 1]).mean() < 0.3


def test_rows_are_standardised_without_drift_and_dummies(run, tissues):
    rows = weave_carpet(run, np.ones(SHAPE, dtype=bool), tissues, n_dummy=1).rows
    np.testing.assert_allclose(rows[:, 1:].mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(rows[:, 1:].std(axis=1), 1, atol=1e-4)
    assert np.abs(rows[:, 1:] @ (np.arange(1, N) - N / 2)).max() < 0.5
    assert rows[:, 0].min() > 5


def test_tsnr_is_mean_over_spread(run, tissues):
    mask = tissues[0] > 0.5
    values = np.stack([np.asarray(v) for v in _volumes(run)])[1:, mask.ravel(order="F")]
    expected = np.median(values.mean(axis=0) / values.std(axis=0))
    assert weave_carpet(run, mask, tissues, n_dummy=1).tsnr == pytest.approx(expected, rel=1e-4)


def _volumes(series):
    from bidsml.preproc.volumes import iter_volumes

    return iter_volumes(series, np.arange(np.prod(SHAPE)))


def test_few_voxels_make_few_rows(run, tissues):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[7:9, 5, 5] = True
    carpet = weave_carpet(run, mask, tissues, n_dummy=0)
    assert carpet.tissues.tolist() == [0, 1]


def test_unknown_tissues_make_one_block(run):
    carpet = weave_carpet(run, np.ones(SHAPE, dtype=bool), [], n_dummy=0)
    assert set(carpet.tissues) == {3}
    assert carpet.rows.shape[0] == sum(ROWS)


def test_empty_mask(run, tissues):
    carpet = weave_carpet(run, np.zeros(SHAPE, dtype=bool), tissues, n_dummy=0)
    assert carpet.rows.size == 0
    assert np.isnan(carpet.tsnr)
