import numpy as np
import pandas as pd
import pytest

from bidsml.bids.readers import read_matrix, read_timeseries
from bidsml.errors import DataError
from bidsml.records import Scan

NAMES = ("left a", "right b", "c")


def matrix(seed=0, n=3):
    values = np.random.default_rng(seed).normal(size=(n, n))
    values = (values + values.T) / 2
    np.fill_diagonal(values, 1)
    return values


def scan_of(tmp_path, frame, *, header=False, index=False, nodes=None, kind="relmat"):
    path = tmp_path / "sub-01_relmat.tsv"
    frame.to_csv(path, sep="\t", header=header, index=index, na_rep="n/a", index_label="Node" if index else None)
    return Scan("01", kind, path, nodes=nodes)


@pytest.fixture
def nodes(tmp_path):
    path = tmp_path / "x_nodeindices.tsv"
    # Rows out of order: the index decides.
    path.write_text("index\tname\n2\tc\n0\tleft a\n1\tright b\n")
    return path


@pytest.mark.parametrize("layout", ["bare with nodes", "header", "header and row labels", "numbered header with nodes"])
def test_every_layout_of_a_matrix_gives_the_same(tmp_path, nodes, layout):
    values = matrix()
    values[0, 1] = values[1, 0] = np.nan
    columns = range(3) if "numbered" in layout else NAMES
    frame = pd.DataFrame(values, columns=columns, index=list(columns))
    scan = scan_of(
        tmp_path,
        frame,
        header="header" in layout,
        index="row labels" in layout,
        nodes=nodes if "nodes" in layout else None,
    )
    names, read = read_matrix(scan)
    assert names == NAMES
    np.testing.assert_allclose(read, values, rtol=1e-12)


def test_nameless_regions_are_numbered(tmp_path):
    names, _ = read_matrix(scan_of(tmp_path, pd.DataFrame(matrix(n=12))))
    assert (names[0], names[-1]) == ("region-001", "region-012")


def test_a_dead_region_is_nan_off_the_diagonal_and_only_there(tmp_path):
    values = matrix()
    values[2, :2] = values[:2, 2] = np.nan
    _, read = read_matrix(scan_of(tmp_path, pd.DataFrame(values)))
    np.testing.assert_array_equal(np.isnan(read), np.isnan(values))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:2], "square matrix, found 2 × 3"),
        (lambda v: v + np.triu(np.full((3, 3), 0.01), 1), r"not symmetric: \[1, 2\]"),
        (lambda v: np.where(np.eye(3, k=1) > 0, np.nan, v), "not symmetric"),
        (lambda v: np.where(np.eye(3) > 0, np.inf, v), ":1 column 1 is infinite"),
        (lambda v: v[:1, :1], "square matrix, found 1 × 1"),
    ],
)
def test_matrices_that_are_none(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read_matrix(scan_of(tmp_path, pd.DataFrame(change(matrix()))))


def test_rounding_to_three_digits_is_still_symmetric(tmp_path):
    values = matrix() + np.triu(np.full((3, 3), 0.0005), 1)
    _, read = read_matrix(scan_of(tmp_path, pd.DataFrame(values)))
    np.testing.assert_array_equal(read, read.T)


def test_names_must_fit(tmp_path, nodes):
    with pytest.raises(DataError, match=r"names 3 regions, .* has 4"):
        read_matrix(scan_of(tmp_path, pd.DataFrame(matrix(n=4)), nodes=nodes))
    with pytest.raises(DataError, match="names a region twice: a"):
        read_matrix(scan_of(tmp_path, pd.DataFrame(matrix(n=2), columns=["a", "a"]), header=True))


def test_text_between_numbers_is_named_by_line(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("1\t0\n0\tx1\n")
    with pytest.raises(DataError, match=r"a\.tsv:2 column 2 holds 'x1'"):
        read_matrix(Scan("01", "relmat", path))
    path.write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_matrix(Scan("01", "relmat", path))


@pytest.mark.parametrize("header", [None, NAMES, ("0", "1", "2"), ("1", "2", "3")])
def test_time_series_with_and_without_header(tmp_path, nodes, header):
    values = np.random.default_rng(1).normal(size=(20, 3))
    values[4, 1] = np.nan
    frame = pd.DataFrame(values, columns=header or range(3))
    scan = scan_of(tmp_path, frame, header=header is not None, kind="timeseries", nodes=nodes)
    names, read = read_timeseries(scan)
    assert names == NAMES
    np.testing.assert_allclose(read, values, rtol=1e-12)


def test_real_matrices_agree_with_numpy(shared_data, tmp_path):
    import subprocess
    import sys

    subprocess.run(
        [sys.executable, str(shared_data("abide_to_bids.py")), str(tmp_path / "a"), "--limit", "3"], check=True
    )
    folder = tmp_path / "a" / "derivatives" / "abide-pcp"
    (nodes,) = folder.glob("*_nodeindices.tsv")
    for path in folder.glob("sub-*/func/*.tsv"):
        names, read = read_matrix(Scan("x", "relmat", path, nodes=nodes))
        np.testing.assert_array_equal(read, np.genfromtxt(path, missing_values="n/a"))
        assert len(names) == 111
