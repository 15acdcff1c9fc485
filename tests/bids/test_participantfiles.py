"""Columns and features that lie in one file per participant."""

import json
import math

import pytest

from bidsml.bids.participants import read_participants
from bidsml.bids.references import reference_files
from bidsml.bids.tables import check_columns, check_features, read_columns, read_row
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.spec import FeatureSpec

FD = "{q}/sub-{participant}/bold.json:fd_mean"


@pytest.fixture
def dataset(tmp_path):
    """Participants 01, 02, 03; 02 has no entry fd_mean, 03 has no file."""
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t20\nsub-02\t30\nsub-03\t40\n")
    write(tmp_path, "01", fd_mean=0.25, snr=5)
    write(tmp_path, "02", snr=6, extra=float("nan"))
    return tmp_path


def write(dataset, label, **content):
    path = dataset / "mriqc" / f"sub-{label}" / "bold.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def place(dataset):
    return {"bids_dir": dataset, "derivatives": {"q": dataset / "mriqc"}}


def columns(dataset, *references):
    return read_columns(references, read_participants(dataset), **place(dataset))


def check(dataset, *references, selected=()):
    check_columns(references, read_participants(dataset), **place(dataset), selected=selected)


def row(dataset, label, **feature):
    return read_row(
        FeatureSpec(kind="table", file="{q}/sub-{participant}/bold.json", **feature), label, **place(dataset)
    )


# ------------------------------------------------------------------ columns


def test_each_participant_gets_the_entry_of_their_own_file(dataset):
    table = columns(dataset, "age", FD, "{q}/sub-{participant}/bold.json:snr", "{q}/sub-{participant}/bold.json:extra")
    assert table["fd_mean"].tolist() == ["0.25", None, None]
    assert table["snr"].tolist() == ["5", "6", None]
    assert table["extra"].tolist() == [None, None, None]
    assert table["age"].tolist() == ["20", "30", "40"]


def test_what_nobody_has_is_an_error_with_near_names(dataset):
    for act in (columns, check):
        with pytest.raises(AnalysisFileError, match=r"nobody's .* has an entry 'fd_men'") as error:
            act(dataset, "{q}/sub-{participant}/bold.json:fd_men")
        assert "'fd_mean'" in error.value.hint
        with pytest.raises(MissingInputError, match="none of 3 participants has") as missing:
            act(dataset, "{q}/sub-{participant}/bolt.json:fd_mean")
        assert "did you mean 'bold.json'?" in missing.value.hint
        with pytest.raises(AnalysisFileError, match="two columns are named 'age'"):
            act(dataset, "age", "{q}/sub-{participant}/bold.json:age")


def test_content_that_is_not_here_is_asked_for_where_it_is_needed(dataset):
    path = dataset / "mriqc" / "sub-03" / "bold.json"
    path.parent.mkdir()
    path.symlink_to("../../../.git/annex/objects/x")
    with pytest.raises(MissingInputError) as error:
        columns(dataset, FD)
    assert f"datalad get {path}" in error.value.hint
    check(dataset, FD)
    (dataset / "mriqc" / "sub-01" / "bold.json").unlink()
    (dataset / "mriqc" / "sub-02" / "bold.json").unlink()
    with pytest.raises(MissingInputError) as error:
        check(dataset, FD)
    assert "datalad get" in error.value.hint


def test_a_check_opens_no_more_files_than_it_needs(dataset):
    write(dataset, "02", fd_mean=0.5).write_text("not JSON")
    check(dataset, FD, selected=("01",))
    with pytest.raises(DataError, match="sub-02"):
        check(dataset, FD, selected=("02",))


def test_one_participants_file_is_not_everyones(dataset):
    with pytest.raises(AnalysisFileError, match="one participant's file") as error:
        columns(dataset, "{q}/sub-01/bold.json:fd_mean")
    assert "{participant}" in error.value.hint
    with pytest.raises(AnalysisFileError, match="one participant's file"):
        read_row(FeatureSpec(kind="table", file="{q}/sub-01/bold.json"), "02", **place(dataset))


def test_rows_of_a_participants_own_table_must_agree(dataset):
    folder = dataset / "mriqc" / "sub-01"
    (folder / "t.tsv").write_text("participant_id\tx\ty\nsub-01\t1\t2\nsub-01\t1\t3\n")
    assert columns(dataset, "{q}/sub-{participant}/t.tsv:x")["x"].tolist() == ["1", None, None]
    with pytest.raises(DataError, match="2 rows for participant 01 that differ in 'y'"):
        columns(dataset, "{q}/sub-{participant}/t.tsv:y")


def test_every_file_that_is_there_is_listed_for_hashing(dataset):
    found = reference_files(["age", FD], **place(dataset), participants=("01", "02", "03"))
    names = [path.relative_to(dataset).as_posix() for path in found]
    assert names == ["participants.tsv", "mriqc/sub-01/bold.json", "mriqc/sub-02/bold.json"]


def test_real_motion_agrees_with_the_json(shared_data):
    bids = shared_data("cnp_ds000030") / "ds000030"
    mriqc = bids / "derivatives" / "mriqc"
    people = read_participants(bids)
    name = "func/sub-{participant}_task-rest_bold.json"
    table = read_columns(
        ["{m}/sub-{participant}/" + name + ":fd_mean"], people, bids_dir=bids, derivatives={"m": mriqc}
    )
    for label, cell in zip(table["participant_id"], table["fd_mean"], strict=True):
        path = mriqc / f"sub-{label}" / name.format(participant=label)
        assert (None if cell is None else float(cell)) == (
            json.loads(path.read_text())["fd_mean"] if path.exists() else None
        )
    assert table["fd_mean"].notna().sum() == 268


# ------------------------------------------------------------------ features


def test_own_files_may_differ_in_columns(dataset):
    assert row(dataset, "01") == {"fd_mean": 0.25, "snr": 5.0}
    found = row(dataset, "02", columns=("snr", "fd_mean", "gs*"), exclude=("fwhm*",))
    assert found.pop("snr") == 6.0
    assert list(found) == ["fd_mean"]
    assert math.isnan(found["fd_mean"])
    with pytest.raises(MissingInputError, match="no column with numbers is left"):
        row(dataset, "02", columns=("fd_mean",))


@pytest.mark.parametrize("key", ["columns", "exclude"])
def test_a_pattern_that_is_in_nobodys_file_is_an_error(dataset, key):
    def check_block(*patterns):
        feature = FeatureSpec(kind="table", file="{q}/sub-{participant}/bold.json", **{key: patterns})
        check_features(feature, ("02", "01", "03"), **place(dataset))

    check_block("fd_*", "snr")
    with pytest.raises(AnalysisFileError, match="'fdmean'") as error:
        check_block("snr", "fdmean")
    assert "'fd_mean'" in error.value.hint


def test_text_of_one_participants_own_file_has_no_levels(dataset, caplog):
    for label, sex in (("01", "F"), ("02", "M")):
        (dataset / "mriqc" / f"sub-{label}" / "t.tsv").write_text(f"sex\tx\n{sex}\t1\n")
    feature = FeatureSpec(kind="table", file="{q}/sub-{participant}/t.tsv")
    assert read_row(feature, "01", **place(dataset)) == {"x": 1.0}
    assert "left out as text in one participant's file: 'sex'" in caplog.text
    with pytest.raises(AnalysisFileError, match="'sex' is text"):
        read_row(feature.model_copy(update={"columns": ("sex", "x")}), "01", **place(dataset))
