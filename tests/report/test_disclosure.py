"""No small cell can be read or computed from what is shown."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bidsml.report.disclosure import protect_count, protect_counts

TABLES = hnp.arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.integers(0, 40))


@given(st.integers(0, 200))
def test_counts(count: int) -> None:
    assert protect_count(count) == ("<5" if 1 <= count <= 4 else str(count))


@given(TABLES)
def test_small_cells_are_hidden_and_shown_cells_are_true(counts: np.ndarray) -> None:
    shown = protect_counts(counts)
    for row, cells in zip(counts, shown, strict=True):
        for count, cell in zip(row, cells, strict=True):
            if 1 <= count <= 4:
                assert cell == "<5"
            else:
                assert cell == str(count) or (cell == "≥5" and count >= 5)


@given(TABLES)
def test_no_line_with_another_cell_to_hide_keeps_a_lone_hidden_one(counts: np.ndarray) -> None:
    shown = np.array(protect_counts(counts))
    hidden = np.isin(shown, ["<5", "≥5"])
    for values, flags in [*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)]:
        if flags.sum() == 1:
            assert not (values[~flags] >= 5).any()


def test_a_lone_small_cell_takes_the_smallest_neighbours_along() -> None:
    assert protect_counts(np.array([[3, 30], [40, 50]])) == [["<5", "≥5"], ["≥5", "≥5"]]
    assert protect_counts(np.array([[30, 40], [50, 60]])) == [["30", "40"], ["50", "60"]]
