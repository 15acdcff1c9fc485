"""MRIQC's metrics: one JSON file per scan, or the group table."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from bidsml.bids.modalities import find_modality, read_values, require_modality
from bidsml.bids.search import Search
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.spec import FeatureSpec

METRICS = {"cjv": 0.4, "snr_total": 12.0, "size_x": 176, "spacing_x": 1.0, "qi_2": float("nan")}
META = {"bids_meta": {"subject_id": "1"}, "provenance": {"version": "24.0"}}


@pytest.fixture
def mriqc(tmp_path: Path) -> Path:
    return tmp_path / "mriqc"


def write_json(mriqc: Path, name: str, datatype: str = "anat", **change: float) -> Path:
    parts = dict(part.split("-") for part in name.split("_")[:-1])
    folder = mriqc / f"sub-{parts['sub']}" / (f"ses-{parts['ses']}" if "ses" in parts else "") / datatype
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**METRICS, **META, **change}))
    return path


def find(mriqc: Path, label: str = "1", *, sessions=(), tasks=(), **keys: object):
    search = Search(mriqc.parent, {"mriqc": mriqc}, sessions, tasks)
    return find_modality("mriqc", FeatureSpec(kind="image_quality", **keys), label, search)


def read(scan, **keys: object):
    return read_values("mriqc", scan, FeatureSpec(kind="image_quality", **keys))


def test_metrics_are_read_and_the_protocol_only_where_asked_for(mriqc):
    write_json(mriqc, "sub-1_T1w")
    (scan,) = find(mriqc)
    values, missing = read(scan)
    assert (values["cjv"], values["snr_total"]) == (0.4, 12.0)
    assert set(values) == {"cjv", "snr_total", "qi_2"}
    assert math.isnan(values["qi_2"])
    assert missing == {"qi_2": "MRIQC gives no number"}
    assert set(read(scan, columns=("size_*",))[0]) == {"size_x"}
    assert set(read(scan, columns=("*",), exclude=("s*",))[0]) == {"cjv", "qi_2"}
    assert list(read(scan, columns=("cjv", "efc"))[1]) == ["efc"]


def test_the_group_table_gives_the_same_values(mriqc):
    write_json(mriqc, "sub-1_ses-a_run-2_T1w", cjv=0.7)
    (own,) = find(mriqc)
    table = mriqc.parent / "group"
    table.mkdir()
    rows = [{"bids_name": f"sub-{n}_ses-a_run-2_T1w", **METRICS, "cjv": cjv} for n, cjv in (("10", 0.1), ("1", 0.7))]
    pd.DataFrame(rows).to_csv(table / "group_T1w.tsv", sep="\t", index=False, na_rep="n/a")
    (row,) = find(table)
    assert dict(row.entities) == dict(own.entities) == {"ses": "a", "run": "2"}
    mine, theirs = read(row), read(own)
    assert mine[1] == theirs[1]
    assert mine[0] == pytest.approx(theirs[0], nan_ok=True)


def test_runs_come_in_order_and_are_filtered(mriqc):
    for name in ("ses-b_task-rest_run-1", "ses-a_task-rest_run-10", "ses-a_task-rest_run-2", "ses-a_task-nback"):
        write_json(mriqc, f"sub-1_{name}_bold", "func")
    write_json(mriqc, "sub-1_T1w")
    found = [scan.path.name for scan in find(mriqc, suffix="bold", sessions=("a",), tasks=("rest",))]
    assert found == ["sub-1_ses-a_task-rest_run-2_bold.json", "sub-1_ses-a_task-rest_run-10_bold.json"]
    assert len(find(mriqc, suffix="bold")) == 4


def test_what_is_not_there_is_told_with_its_place(mriqc):
    write_json(mriqc, "sub-1_T1w")
    with pytest.raises(MissingInputError, match="no metrics of a bold") as caught:
        find(mriqc, suffix="bold")
    assert "func/sub-1_*bold.json" in caught.value.hint
    assert "group_bold.tsv" in caught.value.hint
    search = Search(mriqc.parent, {"mriqc": mriqc})
    with pytest.raises(AnalysisFileError, match="'cvj'"):
        require_modality("mriqc", FeatureSpec(kind="image_quality", columns=("cvj",)), ("1",), search)


def test_a_damaged_file_is_refused(mriqc):
    path = write_json(mriqc, "sub-1_T1w")
    path.write_text(path.read_text()[:30])
    (scan,) = find(mriqc)
    with pytest.raises(DataError, match="not valid JSON"):
        read(scan)
    write_json(mriqc, "sub-1_T1w")
    with pytest.raises(DataError, match="none of the metrics"):
        read(scan, columns=("nothing_*", "qi_2"))


def test_real_metrics(shared_data):
    root = shared_data("cnp_ds000030") / "ds000030" / "derivatives" / "mriqc"
    (scan,) = find(root, "10193")
    values, missing = read(scan)
    assert missing == {}
    # 68 metrics of a T1w, of which 6 describe the protocol.
    assert len(values) == 62
    assert values["cjv"] == pytest.approx(0.71385, abs=1e-5)
    assert find(root, "10159", suffix="bold")
