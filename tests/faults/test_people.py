"""Who is in the tables and on disk, and whose target is known."""

import shutil

import pandas as pd
import pytest


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def edit(place, change):
    path = place.dataset / "participants.tsv"
    table = change(read(path))
    table.to_csv(path, sep="\t", index=False)
    return path


# ------------------------------------------------------------------ 26: rows that are there twice


@pytest.mark.fault(26)
@pytest.mark.parametrize("spelling", ["sub-03", "03"])
@pytest.mark.parametrize("level", ["participant", "group"])
def test_a_participant_with_two_rows(study, suffers, level, spelling):
    path = study.dataset / "participants.tsv"
    row = path.read_text().splitlines()[3]
    assert row.startswith("sub-03\t")
    path.write_text(path.read_text() + row.replace("sub-03", spelling, 1) + "\n")
    suffers(study, level, code=65, says=(str(path), "more than one row", "03", "one row per participant"))


# ------------------------------------------------------------------ 27: tables and folders


@pytest.mark.fault(27)
def test_both_sides_are_listed_where_table_and_folders_disagree(study, suffers):
    edit(study, lambda t: t[t["participant_id"] != "sub-08"])
    for path in (study.dataset / "sub-07", study.dataset / "derivatives" / "fmriprep" / "sub-07"):
        shutil.rmtree(path)
    says = ("in participants.tsv without a folder: 07", "with a folder but not in participants.tsv: 08")
    suffers(study, "participant", "--dry-run", code=0, says=says)
    suffers(study, "participant", "--participant-label", "08", code=65, says=("'08'", "participants.tsv", "add a row"))
    suffers(study, "participant", "--participant-label", "07", code=18, says=("'07'", "no input"))


@pytest.mark.fault(27)
def test_leading_zeros_are_part_of_a_name(fresh, suffers):
    """A spreadsheet made 7 of 007."""
    for path in sorted(fresh.dataset.rglob("*sub-07*"), reverse=True):
        path.rename(path.with_name(path.name.replace("sub-07", "sub-007")))
    table = edit(fresh, lambda t: t.replace({"participant_id": {"sub-07": "sub-7"}}))
    words = ("--participant-label", "007")
    suffers(fresh, "participant", *words, code=65, says=("'007'", str(table), "'7'", "leading zeros"))
    suffers(fresh, "participant", "--participant-label", "7", code=65, says=("'7'", "'007'", "leading zeros"))
    edit(fresh, lambda t: t.replace({"participant_id": {"sub-7": "007"}}))
    suffers(fresh, "participant", *words, code=0, says=("1 finished",))
    assert (fresh.output / "sub-007" / "sub-007_bidsml.json").is_file()


@pytest.mark.fault(27)
def test_a_byte_order_mark_does_not_rename_the_first_column(study, suffers):
    path = study.dataset / "participants.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    suffers(study, "group", "--dry-run", code=0, says=("cohort: 8 of 8",))


# ------------------------------------------------------------------ 28: the target is not known


@pytest.mark.fault(28)
def test_missing_targets_are_counted(study, suffers):
    def forget(table):
        table.loc[0, "diagnosis"] = "n/a"
        table.loc[1, "diagnosis"] = ""
        return table

    edit(study, forget)
    made = ("group", "phenotype", "participants.tsv")
    # Three folds: with two, an inner fold would lack a class.
    words = ("--set", "cv.outer.folds=3")
    suffers(study, "group", *words, code=0, says=("cohort: 6 of 8", "left at gate 'target': 2"), remakes=made)
    left = read(study.group / "cohort.tsv").query("included == 'no'")
    assert dict(zip(left["participant_id"], left["gate"], strict=True)) == {"sub-01": "target", "sub-02": "target"}
    assert "diagnosis is missing" in (study.output / "group-demo.html").read_text()
    assert len(read(study.group / "predictions.tsv").query("participant_id == 'sub-01'")) == 0
