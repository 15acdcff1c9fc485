import pytest

from bidsml.bids.participants import read_participants, reconcile
from bidsml.errors import DataError


def write(folder, text):
    (folder / "participants.tsv").write_text(text)
    return folder


def test_labels_stay_text_sorted_and_without_prefix(tmp_path):
    table = read_participants(write(tmp_path, "age\tparticipant_id\n3\tsub-10\n4\tsub-007\n5\t7\nn/a\tsub-2\n"))
    assert table["participant_id"].tolist() == ["007", "10", "2", "7"]
    assert table["age"].tolist() == ["4", "3", None, "5"]
    assert table.columns[0] == "participant_id"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("participant_id\nsub-1\nsub-2\n1\n", "more than one row for: 1\\n"),
        ("participantid\nsub-1\n", "no column 'participant_id'"),
        ("participant_id\tage\nsub-1\t2\nn/a\t3\n", "row 3 has no participant_id"),
        ("participant_id\nsub-../../etc\n", "must be letters and digits"),
    ],
)
def test_tables_that_cannot_be_meant(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_participants(write(tmp_path, text))


def test_without_a_table_the_folders_count(tmp_path):
    for name in ("sub-b", "sub-a", "code"):
        (tmp_path / name).mkdir()
    (tmp_path / "sub-c").write_text("a file")
    assert read_participants(tmp_path)["participant_id"].tolist() == ["a", "b"]


def test_both_sides_of_a_disagreement_are_listed(tmp_path):
    table = read_participants(write(tmp_path, "participant_id\nsub-1\nsub-2\n"))
    found = reconcile(table, ["2", "3"])
    assert (found.only_in_table, found.only_in_folders) == (("1",), ("3",))
    assert "1" in found.message.splitlines()[0]
    assert reconcile(table, ["1", "2"]).message == ""


def test_real_tables(shared_data):
    table = read_participants(shared_data("cnp_ds000030") / "ds000030")
    assert len(table) == 272
    assert table["diagnosis"].value_counts().to_dict() == {"CONTROL": 130, "SCHZ": 50, "BIPOLAR": 49, "ADHD": 43}
