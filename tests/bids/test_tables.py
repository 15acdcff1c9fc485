import json
import math

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.participants import read_participants
from bidsml.bids.tables import read_columns, read_row, table_files
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.spec import FeatureSpec


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "phenotype").mkdir()
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tage\tsex\tarm\tgroup\n"
        "sub-007\t20\tF\ta\tx\nsub-02\tn/a\tM\tb\tx\nsub-03\t40\tn/a\tc\ty\nsub-04\t50\tF\tn/a\ty\n"
    )
    (tmp_path / "phenotype" / "asrs.tsv").write_text("participant_id\ttotal\nsub-007\t1\n02\t2\nsub-4\t9\n")
    return tmp_path


def columns(dataset, *references):
    return read_columns(references, read_participants(dataset), bids_dir=dataset, derivatives={})


def row(dataset, label, *, exclude=(), derivatives=None, **feature):
    spec = FeatureSpec(kind="table", **feature)
    return read_row(spec, label, bids_dir=dataset, derivatives=derivatives or {}, exclude=exclude)


# ------------------------------------------------------------------ columns


def test_columns_join_as_text_with_or_without_prefix(dataset):
    table = columns(dataset, "age", "phenotype/asrs.tsv:total")
    assert table["participant_id"].tolist() == ["007", "02", "03", "04"]
    assert table["total"].tolist() == ["1", "2", None, None]  # sub-4 is not sub-04


def test_a_join_does_not_depend_on_the_order_of_rows(dataset):
    path = dataset / "phenotype" / "asrs.tsv"
    header, *lines = path.read_text().splitlines()
    before = columns(dataset, "phenotype/asrs.tsv:total")
    path.write_text("\n".join([header, *reversed(lines), ""]))
    pd.testing.assert_frame_equal(columns(dataset, "phenotype/asrs.tsv:total"), before)


def test_nobody_matches(dataset):
    (dataset / "phenotype" / "asrs.tsv").write_text("participant_id\ttotal\n7\t1\n2\t2\n")
    with pytest.raises(DataError, match=r"it has 7, 2; the dataset has 007, 02, 03 …"):
        columns(dataset, "phenotype/asrs.tsv:total")


def test_several_rows_of_one_participant_must_agree(dataset):
    path = dataset / "phenotype" / "asrs.tsv"
    path.write_text("participant_id\tsession\ttotal\n02\t1\t5\nsub-02\t2\t5\n")
    assert columns(dataset, "phenotype/asrs.tsv:total")["total"].tolist() == [None, "5", None, None]
    with pytest.raises(DataError, match="2 rows for participant 02 that differ in 'session'"):
        columns(dataset, "phenotype/asrs.tsv:session")


def test_unknown_columns_offer_near_names(dataset):
    for reference, near in (("agee", "'age'"), ("phenotype/asrs.tsv:totl", "'total'")):
        with pytest.raises(AnalysisFileError) as error:
            columns(dataset, reference)
        assert near in error.value.hint
    with pytest.raises(MissingInputError):
        columns(dataset, "phenotype/absent.tsv:x")


def test_one_name_for_two_columns_is_refused(dataset):
    (dataset / "phenotype" / "b.tsv").write_text("participant_id\tage\n02\t5\n")
    with pytest.raises(AnalysisFileError, match="two columns are named 'age'"):
        columns(dataset, "phenotype/b.tsv:age")


# ------------------------------------------------------------------ rows


def test_text_becomes_indicators_of_the_whole_tables_levels(dataset):
    rows = {label: row(dataset, label) for label in ("007", "02", "03", "04")}
    names = {tuple(one) for one in rows.values()}
    assert names == {("age", "sex[M]", "arm[a]", "arm[b]", "arm[c]", "group[y]")}
    assert rows["007"] == {"age": 20, "sex[M]": 0, "arm[a]": 1, "arm[b]": 0, "arm[c]": 0, "group[y]": 0}
    assert math.isnan(rows["02"]["age"])
    assert math.isnan(rows["03"]["sex[M]"])
    assert all(math.isnan(rows["04"][f"arm[{level}]"]) for level in "abc")


def test_columns_and_exclusions_are_patterns(dataset):
    assert set(row(dataset, "02", columns=("a*",))) == {"age", "arm[a]", "arm[b]", "arm[c]"}
    assert set(row(dataset, "02", exclude=("group", "not there"))) == {"age", "sex[M]", "arm[a]", "arm[b]", "arm[c]"}
    for key in ("columns", "exclude"):
        spec = FeatureSpec(kind="table", **{key: ("agee",)})
        with pytest.raises(AnalysisFileError, match=f"{key}: 'agee' matches no column") as error:
            read_row(spec, "02", bids_dir=dataset, derivatives={})
        assert "'age'" in error.value.hint


def test_text_with_many_levels_is_left_out_unless_named(dataset, caplog):
    lines = [f"{i:02d}\tword{i}\t{i}" for i in range(25)]
    (dataset / "t.tsv").write_text("participant_id\tcomment\tn\n" + "\n".join(lines) + "\n")
    assert row(dataset, "07", file="t.tsv") == {"n": 7.0}
    assert "left out as text with more than 20 levels (name one in columns to keep it): 'comment'" in caplog.text
    assert len(caplog.records) == 1
    assert len(row(dataset, "07", file="t.tsv", columns=("comment",))) == 25


def test_an_absent_participant_or_file_is_named(dataset):
    with pytest.raises(MissingInputError, match=r"participant 7 is not in .*participants.tsv, which has 007"):
        row(dataset, "7")
    with pytest.raises(MissingInputError, match=r"participant 02.*absent\.tsv"):
        row(dataset, "02", file="absent.tsv")
    with pytest.raises(AnalysisFileError, match="no column 'id'"):
        row(dataset, "02", key="id")
    with pytest.raises(AnalysisFileError, match=r"'\.xlsx' cannot be read"):
        (dataset / "a.xlsx").write_text("")
        row(dataset, "02", file="a.xlsx")


def test_a_changed_file_is_read_again(dataset):
    assert row(dataset, "02", columns=("sex",)) == {"sex[M]": 1.0}
    path = dataset / "participants.tsv"
    path.write_text(path.read_text().replace("\tM\t", "\tX\t"))
    assert row(dataset, "02", columns=("sex",)) == {"sex[X]": 1.0}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_separators_bom_and_missing_numbers(dataset, separator):
    text = "\n".join(separator.join(cells) for cells in (["id", "x", "y"], ["sub-02", "1.5", "NA"], ["3", "2", "4"]))
    (dataset / "t.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = row(dataset, "02", file="t.csv", key="id")
    assert found["x"] == 1.5
    assert math.isnan(found["y"])


def test_labels_that_bids_cannot_spell_match_their_bids_form(dataset):
    (dataset / "t.csv").write_text("FILE_ID,x\nCMU_a_0050642,3\nCMU_a_0050643,4\n")
    assert row(dataset, "CMUa0050642", file="t.csv", key="FILE_ID") == {"x": 3.0}
    with pytest.raises(MissingInputError):
        row(dataset, "50642", file="t.csv", key="FILE_ID")


def test_stats2table_output_needs_no_key(dataset):
    (dataset / "t.txt").write_text("lh.aparc.thickness\tlh_insula_thickness\nsub-02\t2.5\nsub-03\t3\n")
    assert row(dataset, "02", file="t.txt") == {"lh_insula_thickness": 2.5}


def test_json_gives_its_flat_numbers(dataset):
    folder = dataset / "mriqc" / "sub-02"
    folder.mkdir(parents=True)
    content = {"snr": 3, "cjv": 0.4, "bad": None, "ok": True, "bids_meta": {"a": 1}, "text": "x"}
    (folder / "q.json").write_text(json.dumps(content))
    file = "{q}/sub-{participant}/q.json"
    assert row(dataset, "02", file=file, derivatives={"q": dataset / "mriqc"}) == {"snr": 3.0, "cjv": 0.4}
    with pytest.raises(MissingInputError, match="participant 03"):
        row(dataset, "03", file=file, derivatives={"q": dataset / "mriqc"})
    spec = FeatureSpec(kind="table", file=file)
    files = table_files(spec, "02", bids_dir=dataset, derivatives={"q": dataset / "mriqc"})
    assert files == (folder / "q.json",)


# ------------------------------------------------------------------ real tables


def test_real_freesurfer_csv_agrees_with_pandas(dataset, shared_data):
    folder = shared_data("abide_fs915")
    independent = pd.read_csv(folder / "FS_features_ABIDE_males.csv", sep=";", encoding="utf-8-sig")
    independent = independent.set_index("FILE_ID").filter(regex="^lh_.*_ThickAvg$")
    assert len(independent) == 915
    for label in ("Caltech_0051456", independent.index[-1]):
        found = row(
            dataset,
            label.replace("_", ""),
            file="{fs}/FS_features_ABIDE_males.csv",
            key="FILE_ID",
            columns=("lh_*_ThickAvg",),
            derivatives={"fs": folder},
        )
        assert list(found) == list(independent.columns)
        np.testing.assert_array_equal(list(found.values()), independent.loc[label].to_numpy())


def test_real_mriqc_json_agrees_with_json(shared_data):
    bids = shared_data("cnp_ds000030") / "ds000030"
    folder = bids / "derivatives" / "mriqc"
    found = row(
        bids,
        "10235",
        file="{m}/sub-{participant}/anat/sub-{participant}_T1w.json",
        derivatives={"m": folder},
        columns=("snr_*", "cjv"),
    )
    content = json.loads((folder / "sub-10235" / "anat" / "sub-10235_T1w.json").read_text())
    assert found == {k: v for k, v in content.items() if k in found}
    assert "cjv" in found
