"""What a person wrote is counted before anything is written."""

import json

import numpy as np

from bidsml.bids.store import read_record, write_record
from bidsml.records import Scan, ScanData
from bidsml.spec import FeatureSpec
from bidsml.steps.participant import read_row


def test_no_word_of_a_text_reaches_the_disk(tmp_path):
    table = tmp_path / "participants.tsv"
    table.write_text("participant_id\tnote\nsub-01\tgrandmother Anna drank\n", encoding="utf-8")
    scan = write_record(tmp_path / "scan.npz", Scan("01", "table", table))
    out = tmp_path / "out"
    out.mkdir()
    feature = FeatureSpec(kind="text", columns=("note",)).model_dump_json()
    made = read_row(scan, feature, str(tmp_path), "{}", json.dumps(["diagnosis"]), out_dir=out)
    data = read_record(ScanData, made)
    assert np.nansum(list(data.table.values())) == 3
    for word in (b"grandmother", b"Anna", b"anna", b"drank"):
        assert not any(word in path.read_bytes() for path in out.rglob("*") if path.is_file())
