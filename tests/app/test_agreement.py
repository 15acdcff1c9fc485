"""Who is in participants.tsv and who is on disk."""

import pytest

from bidsml.app.agreement import folders_of, require_asked, say_disagreement
from bidsml.errors import DataError, NothingSelectedError
from bidsml.spec import RunOptions


@pytest.fixture
def options(tmp_path):
    """Table: 7, 8, 9; folders: 007 and 8 in the dataset, 9 and x in a derivative."""

    def make(*labels: str, derivatives: bool = True) -> RunOptions:
        return RunOptions(
            bids_dir=tmp_path,
            output_dir=tmp_path / "out",
            work_dir=tmp_path / "work",
            level="participant",
            participant_labels=labels,
            derivatives={"d": tmp_path / "d"} if derivatives else {},
        )

    (tmp_path / "participants.tsv").write_text("participant_id\nsub-7\nsub-8\nsub-9\n")
    for name in ("sub-007", "sub-8", "d/sub-9", "d/sub-x"):
        (tmp_path / name).mkdir(parents=True)
    return make


def said(options):
    lines: list[str] = []
    say_disagreement(options, folders_of(options), say=lines.append)
    return lines


def test_both_sides_and_their_look_alikes_are_printed(options):
    table, folders, twins = said(options())
    assert table == "in participants.tsv without a folder: 7"
    assert folders == "with a folder but not in participants.tsv: 007, x"
    assert twins.endswith(": 7 and 007")


def test_nothing_is_said_where_nothing_can_disagree(options, tmp_path):
    (tmp_path / "participants.tsv").write_text("participant_id\nsub-007\nsub-8\n")
    assert said(options(derivatives=False)) == []
    (tmp_path / "participants.tsv").unlink()
    assert said(options()) == []


@pytest.mark.parametrize(("label", "twin"), [("007", "'7'"), ("7", "'007'"), ("0007", "'7'"), ("X", "'x'")])
def test_a_chosen_participant_is_not_lost_over_spelling(options, label, twin):
    wish = options(label)
    with pytest.raises(DataError, match=f"'{label}'") as error:
        require_asked(wish, folders_of(wish))
    assert twin in error.value.hint


def test_a_chosen_participant_needs_a_row(options):
    wish = options("x")
    with pytest.raises(DataError, match=r"not in .*participants\.tsv") as error:
        require_asked(wish, folders_of(wish), needed=False)
    assert "add a row" in error.value.hint


def test_a_row_is_enough_where_no_folder_is_needed(options):
    require_asked(options("7", "8"), (), needed=False)
    with pytest.raises(NothingSelectedError):
        require_asked(options("8"), ("9",))


def test_nobody_by_that_name(options):
    wish = options("sib")
    with pytest.raises(NothingSelectedError, match="'sib' has no input"):
        require_asked(wish, folders_of(wish))


def test_folders_are_enough_without_a_table(options, tmp_path):
    (tmp_path / "participants.tsv").unlink()
    wish = options("007", "x")
    require_asked(wish, folders_of(wish))
