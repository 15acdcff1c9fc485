"""Small JSON files of the overview: they come back as they were, and damage is named."""

import math

import numpy as np
import pytest

from bidsml.bids.overviews import read_overview, read_summary, write_overview, write_summary
from bidsml.bids.store import write_text
from bidsml.errors import DataError
from bidsml.records import AnalysisSummary, Overview


def test_an_overview_comes_back(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (5, 7), dtype=np.uint8)
    found = read_overview(write_overview(tmp_path / "a.json", Overview((0.1, 0.25), picture)))
    assert found.fd_mm == (0.1, 0.25)
    np.testing.assert_array_equal(found.picture, picture)


def test_an_overview_may_be_empty(tmp_path):
    found = read_overview(write_overview(tmp_path / "a.json", Overview()))
    assert found.fd_mm == () and found.picture.shape == (0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"fd_mm": ["x"], "height": 0, "width": 0, "picture": ""}',
        '{"fd_mm": [], "height": 3, "width": 3, "picture": "AAAA"}',
        '{"fd_mm": [], "height": 0, "width": 0, "picture": "<script>"}',
    ],
)
def test_a_damaged_overview_is_named(tmp_path, text):
    path = write_text(tmp_path / "a.json", text)
    with pytest.raises(DataError, match=r"a\.json"):
        read_overview(path)


def test_a_summary_comes_back_with_what_is_unknown(tmp_path):
    nan = float("nan")
    one = AnalysisSummary(
        "a", "n/a", "regression", 7, "R²", 0.1, nan, nan, nan, nan, "not compared", "Too small", "caution", applied=True
    )
    found = read_summary(write_summary(tmp_path / "a.json", one))
    assert (found.analysis, found.target, found.n, found.estimate, found.applied) == ("a", "n/a", 7, 0.1, True)
    assert all(math.isnan(value) for value in (found.low, found.high, found.p, found.p_floor))


def test_a_damaged_summary_is_named(tmp_path):
    path = write_text(tmp_path / "a.json", '{"analysis": "a"}')
    with pytest.raises(DataError, match=r"a\.json"):
        read_summary(path)
