"""Tables with any cells, quotes and encodings: read cell by cell as they were written, or refused in words."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fuzzing import fuzz, lawful, lawful_file
from garbage import TEXTS, damaged_bytes, values
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.bids.encoding import _encode, encode_column, encoded_table
from bidsml.bids.freesurfer import read_stats
from bidsml.bids.participants import read_participants
from bidsml.bids.readers import read_matrix, read_timeseries
from bidsml.bids.tableformats import _load, load_table
from bidsml.bids.textfiles import read_cells
from bidsml.errors import BidsmlError
from bidsml.preproc.confounds import STRATEGIES, load_confounds, read_confounds_table
from bidsml.preproc.events import read_events
from bidsml.records import Scan
from bidsml.spec.analysis import DenoiseSpec

PARTICIPANTS = (
    b"participant_id\tage\tsex\tdiagnosis\nsub-01\t31\tF\tpatient\nsub-02\tn/a\tM\tcontrol\nsub-007\t8\tF\tn/a\n"
)
PHENOTYPE = b'participant_id,total,"a note"\n01,3.5,"he said ""no"", twice"\n02,,\n007,1e-3,x\n'
EVENTS = b"onset\tduration\ttrial_type\n0.0\t1.5\tface\n3\t1.5\thouse\n9.25\t0\tn/a\n"
CONFOUNDS = b"trans_x\ttrans_y\ttrans_z\trot_x\trot_y\trot_z\tframewise_displacement\tcsf\tstd_dvars\n" + b"".join(
    b"\t".join(b"%.3f" % (0.01 * row * column) for column in range(9)) + b"\n" for row in range(6)
).replace(b"0.000", b"n/a", 1)
STATS = b"""# Title Segmentation Statistics
# Measure BrainSeg, BrainSegVol, Brain Segmentation Volume, 1149541.000000, mm^3
# ColHeaders  Index SegId NVoxels Volume_mm3 StructName normMean
  1   4      7281     7281.0  Left-Lateral-Ventricle            26.4
  2   5       273      273.0  Left-Inf-Lat-Vent                 35.3
"""
MATRIX = b"a\tb\tc\n1\t0.5\t-0.25\n0.5\t1\tn/a\n-0.25\tn/a\t1\n"
ANY = sorted([PARTICIPANTS, PHENOTYPE, EVENTS, CONFOUNDS, STATS, MATRIX])

CELLS = st.one_of(
    TEXTS, st.text("0123456789.eE+-_ ", max_size=8), st.sampled_from(["n/a", "NaN", "1", "2.5", "sub-01"])
)
IDS = st.one_of(
    st.sampled_from(["01", "sub-01", "1", "007", "sub-sub-01", "SUB-01", "sub_01", "sub-01 ", "sub-é", "..", "sub-../x",
                     "sub-", "n/a", "1.0", "sub-+", "sub-01\0"]),
    CELLS,
)  # fmt: skip
HEADERS = st.lists(
    st.sampled_from(["participant_id", "Participant_ID", " participant_id", "participant_id\0", "age", "age ", "",
                     "Age", "lh.aparc.thickness", "index", "name"])
    | CELLS,
    min_size=1,
    max_size=4,
)  # fmt: skip


@st.composite
def ragged_tables(draw: Any) -> bytes:
    """Rows of cells, quoted or not, mostly as many as the header has."""
    header = draw(HEADERS | st.just(["participant_id", "age"]))
    rows = draw(
        st.lists(
            st.lists(CELLS, min_size=len(header) - 1, max_size=len(header) - 1).flatmap(
                lambda rest: IDS.map(lambda one: [one, *rest])
            )
            | st.lists(CELLS, max_size=5),
            max_size=4,
        )
    )
    separator = draw(st.sampled_from(["\t", "\t", "\t", ",", ";"]))
    quoting = draw(st.sampled_from([None, None, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    if quoting is None:
        text = end.join(separator.join(row) for row in [header, *rows]) + draw(st.sampled_from(["", end]))
    else:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=separator, quoting=quoting, lineterminator=end).writerows([header, *rows])
        text = buffer.getvalue()
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]))
    return text.encode(encoding, "replace" if encoding not in ("utf-8", "utf-8-sig") else "surrogatepass")


TABLES = ragged_tables() | damaged_bytes(st.sampled_from(ANY) | ragged_tables())
HUGE = b"participant_id\tage\nsub-01\t" + b"9" * 200_000 + b"\n"
UNCLOSED = b'participant_id\tage\nsub-01\t"31\n' + b"sub-02\t5\n" * 30_000
MANY_COLUMNS = b"participant_id\t" + b"\t".join(b"c%d" % n for n in range(5000)) + b"\n"


@pytest.fixture(scope="module")
def write(place):
    def write_file(content: bytes, name: str) -> Path:
        path = place / name
        path.write_bytes(content)
        # Tables are kept in memory by size and time; here one name has many contents at a time.
        for cached in (_load, _encode):
            cached.cache_clear()
        return path

    return write_file


@fuzz(300)
@example(content=HUGE)
@example(content=UNCLOSED)
@example(content=MANY_COLUMNS)
@example(content=b"participant_id\tage\nsub-01\t1\0\n")
@given(content=TABLES)
def test_participants(write, content):
    path = write(content, "participants.tsv")
    table = lawful_file(lambda file: read_participants(file.parent), path)
    if isinstance(table, BidsmlError):
        return
    assert table["participant_id"].is_unique
    assert table.columns[0] == "participant_id"
    assert all(cell is None or isinstance(cell, str) for cell in table.to_numpy().ravel())
    _reads_as_pandas(table, path)


def _reads_as_pandas(table: pd.DataFrame, path: Path) -> None:
    """Two readers of one table see the same cells; where pandas reads quotes or odd spaces otherwise, not compared."""
    content = path.read_bytes()
    if any(
        odd in content for odd in (b'"', b"\0", b"\r", b"\xc2", b"\xe2", b"\x1c", b"\x1d", b"\x1e", b"\x0b", b"\x0c")
    ):
        return
    other = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=True)
    cells = {name.strip(): other[name].str.strip() for name in other.columns}
    ids = cells["participant_id"].str.removeprefix("sub-")
    rows = [row for row, one in enumerate(ids) if one]
    assert sorted(ids.iloc[rows]) == table["participant_id"].tolist()


@fuzz(400)
@example(content=HUGE, name="table.csv")
@example(content=UNCLOSED, name="table.tsv")
@given(
    content=TABLES,
    name=st.sampled_from(["table.tsv", "table.csv", "table.txt", "table.json", "aseg.stats", "lh.aparc.stats"]),
)
def test_tables_of_any_format(write, content, name):
    path = write(content, name)
    table = lawful_file(lambda file: load_table(file, key="participant_id"), path)
    if not isinstance(table, BidsmlError):
        n_rows = 1 if table.ids is None else len(table.ids)
        assert all(len(cells) == n_rows for cells in table.cells.values())
    encoded = lawful_file(
        lambda file: encoded_table(file, key="participant_id", columns=(), exclude=(), leave_out=("age",)), path
    )
    if not isinstance(encoded, BidsmlError):
        assert encoded.values.shape[1] == len(encoded.names)
        assert not np.isinf(encoded.values).any()


@fuzz(200)
@given(cells=st.lists(st.none() | CELLS, min_size=1, max_size=6))
def test_cells_become_finite_numbers_or_indicators(cells):
    for column in encode_column(cells, name="a").values():
        assert column.shape == (len(cells),)
        assert not np.isinf(column).any()


@fuzz(200)
@given(content=TABLES)
def test_statistics_of_freesurfer(write, content):
    lawful_file(read_stats, write(content, "aseg.stats"))
    lawful_file(read_cells, write(content, "any.tsv"))


@fuzz(400)
@example(content=HUGE)
@given(content=TABLES)
def test_events(write, content):
    events = lawful_file(lambda file: read_events(file, scan_s=100.0), write(content, "events.tsv"))
    if not isinstance(events, BidsmlError):
        assert np.isfinite(events[["onset", "duration"]].to_numpy(dtype=float)).all()


@fuzz(400)
@example(content=b"\n".join(CONFOUNDS.splitlines()[:2]))
@given(content=damaged_bytes(st.just(CONFOUNDS)) | TABLES)
def test_confounds(write, content):
    path = write(content, "confounds_timeseries.tsv")
    lawful_file(read_confounds_table, path)
    scan = Scan(participant_id="01", kind="bold", path=path.with_name("bold.nii.gz"), confounds=path, tr_s=2.0)
    for spec in (DenoiseSpec(strategy="6p"), DenoiseSpec(columns=("csf", "trans_x"))):
        found = lawful_file(lambda _, s=spec: load_confounds(scan, s), path)
        if not isinstance(found, BidsmlError):
            assert np.isfinite(found.table.to_numpy(dtype=float)).all()


COMPONENTS = next(name for name, strategy in STRATEGIES.items() if "compcor" in strategy.components)
COMPCOR = {
    f"a_comp_cor_0{n}": {"Mask": "combined", "Method": "aCompCor", "Retained": True, "VarianceExplained": 0.1 * n}
    for n in range(3)
}


@fuzz(150)
@example(sidecar=b"[" * 30_000)
@example(sidecar=b"[]")
@example(sidecar=b'{"a_comp_cor_00": 1}')
@example(sidecar=b'{"a_comp_cor_00": {"Retained": true}}')
@given(
    sidecar=damaged_bytes(st.just(json.dumps(COMPCOR).encode()))
    | st.tuples(st.sampled_from(sorted(COMPCOR)), values()).map(
        lambda one: json.dumps(COMPCOR | {one[0]: one[1]}).encode()
    )
)
def test_what_is_told_of_components(write, sidecar):
    columns = "\t".join(COMPCOR).encode() + b"\tcosine00"
    rows = [
        columns + b"\t" + line if not row else b"1\t2\t3\t4\t" + line for row, line in enumerate(CONFOUNDS.splitlines())
    ]
    path = write(b"\n".join(rows), "confounds_timeseries.tsv")
    write(sidecar, "confounds_timeseries.json")
    scan = Scan(participant_id="01", kind="bold", path=path.with_name("bold.nii.gz"), confounds=path, tr_s=2.0)
    try:
        found = lawful(lambda: load_confounds(scan, DenoiseSpec(strategy=COMPONENTS)))
    finally:
        path.with_suffix(".json").unlink()
    assert not isinstance(found, BidsmlError) or "confounds_timeseries" in found.message


@fuzz(400)
@example(content=b"a", nodes=None)
@given(content=damaged_bytes(st.sampled_from([MATRIX, MATRIX.split(b"\n", 1)[1]])) | TABLES, nodes=st.none() | TABLES)
def test_matrices_and_time_series(write, content, nodes):
    path = write(content, "relmat.tsv")
    names = None if nodes is None else write(nodes, "nodes_of_relmat.tsv")
    for kind, read in (("relmat", read_matrix), ("timeseries", read_timeseries)):
        scan = Scan(participant_id="01", kind=kind, path=path, nodes=names)
        found = lawful_file(lambda _, s=scan, r=read: r(s), path)
        if not isinstance(found, BidsmlError):
            regions, numbers = found
            assert numbers.shape[1] == len(regions) == len(set(regions))
            assert not np.isinf(numbers).any()
