import pytest

from bidsml.bids.references import ColumnReference, parse_reference, reference_files, resolve_atlas, resolve_file
from bidsml.errors import AnalysisFileError, DataError


@pytest.mark.parametrize(
    ("text", "file", "column"),
    [
        ("age", None, "age"),
        ("ratio a:b", None, "ratio a:b"),
        ("phenotype/asrs.tsv:total", "phenotype/asrs.tsv", "total"),
        ("t.csv:a:b", "t.csv", "a:b"),
        ("{NAME}/t:x", "{NAME}/t", "x"),
    ],
)
def test_grammar(text, file, column):
    assert parse_reference(text) == ColumnReference(file, column)


@pytest.mark.parametrize("text", ["", "a.tsv:", ":x", "/etc/passwd:x", "../a.tsv:x", "a/../../b.tsv:x", "~/a.tsv:x"])
def test_references_that_leave_the_dataset_or_say_nothing(text):
    with pytest.raises(AnalysisFileError):
        parse_reference(text)


def test_placeholders(tmp_path):
    folders = {"freesurfer": tmp_path / "fs"}
    path = resolve_file(
        "{freesurfer}/sub-{participant}/a.stats", bids_dir=tmp_path, derivatives=folders, participant_id="01"
    )
    assert path == tmp_path / "fs" / "sub-01" / "a.stats"
    with pytest.raises(AnalysisFileError, match="'freesurfr'") as error:
        resolve_file("{freesurfr}/a.tsv", bids_dir=tmp_path, derivatives=folders)
    assert "'freesurfer'" in error.value.hint
    with pytest.raises(AnalysisFileError, match="one file per participant"):
        resolve_file("sub-{participant}.tsv", bids_dir=tmp_path, derivatives=folders)
    with pytest.raises(DataError):
        resolve_file("sub-{participant}.tsv", bids_dir=tmp_path, derivatives=folders, participant_id="../x")


def test_links_may_stay_inside_or_lead_to_the_annex_but_not_leave(tmp_path):
    bids, outside = tmp_path / "bids", tmp_path / "outside"
    bids.mkdir()
    outside.mkdir()
    (outside / "a.tsv").write_text("a\n")
    (bids / "leaves.tsv").symlink_to(outside / "a.tsv")
    (bids / "stays.tsv").symlink_to(bids / "other.tsv")
    (bids / "annexed.tsv").symlink_to("../.git/annex/objects/x")
    with pytest.raises(AnalysisFileError, match=r"leaves\.tsv"):
        resolve_file("leaves.tsv", bids_dir=bids, derivatives={})
    resolve_file("leaves.tsv", bids_dir=bids, derivatives={"o": outside})
    resolve_file("stays.tsv", bids_dir=bids, derivatives={})
    resolve_file("annexed.tsv", bids_dir=bids, derivatives={})


def test_reference_files_lists_each_file_that_is_there_once(tmp_path):
    (tmp_path / "participants.tsv").write_text("participant_id\n")
    (tmp_path / "a.tsv").write_text("participant_id\n")
    files = reference_files(["age", "a.tsv:x", "a.tsv:y", "b.tsv:x"], bids_dir=tmp_path, derivatives={})
    assert files == (tmp_path / "participants.tsv", tmp_path / "a.tsv")


def test_an_atlas_is_a_name_or_a_place(tmp_path):
    folders = {"fs": tmp_path / "fs"}
    assert resolve_atlas("power2011", bids_dir=tmp_path, derivatives=folders) == "power2011"
    assert resolve_atlas("{fs}/a.nii.gz", bids_dir=tmp_path, derivatives=folders) == str(tmp_path / "fs" / "a.nii.gz")
    with pytest.raises(AnalysisFileError):
        resolve_atlas("/x/a.nii.gz", bids_dir=tmp_path, derivatives=folders)
