import json
import os
from pathlib import Path

import pytest

from bidsml.bids.scans import find_scans
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, NothingSelectedError, UsageError

ALL = frozenset({"bold", "timeseries", "relmat"})
MNI = "space-MNI152NLin2009cAsym"
RELMAT = "func/{s}_task-rest_atlas-A_meas-pearsoncorrelation_relmat.dense.tsv"


def add_fmriprep(dataset, label="01", recording="task-rest", spaces=(f"{MNI}_res-2",), folder="func"):
    stem = f"sub-{label}/{folder}/sub-{label}_{recording}"
    for space in spaces:
        middle = f"_{space}" if space else ""
        dataset.add_bold("fmriprep", f"{stem}{middle}_desc-preproc_bold.nii.gz")
        dataset.add("fmriprep", f"{stem}{middle}_desc-preproc_bold.json", '{"RepetitionTime": 2.0}')
        dataset.add("fmriprep", f"{stem}{middle}_desc-brain_mask.nii.gz")
    dataset.add("fmriprep", f"{stem}_desc-confounds_timeseries.tsv", "csf\n1\n")


# ------------------------------------------------------------------ fMRIPrep


def test_a_real_fmriprep_tree(dataset, make_spec, shared_data):
    tree = (shared_data("fmriprep_confounds") / "ds002748-fmriprep" / "file_tree_sub-01_sub-52.txt").read_text()
    for name in tree.splitlines():
        text = "{}" if name.endswith(".json") else ""
        if name.endswith("desc-preproc_bold.nii.gz"):
            dataset.add_bold("fmriprep", name)
        else:
            dataset.add("fmriprep", name, text)
    dataset.add("", "task-rest_bold.json", '{"RepetitionTime": 2.0}')
    found = find_scans(make_spec(), dataset.options(), wanted=ALL)
    assert found.kind == "bold"
    assert set(found.by_participant) == {"01", "52"}
    (scan,) = found.by_participant["01"]
    stem = f"sub-01_task-rest_{MNI}_res-2_desc"
    assert scan.path.name == f"{stem}-preproc_bold.nii.gz"  # not the T1w, native or AROMA versions
    assert scan.mask is not None
    assert scan.mask.name == f"{stem}-brain_mask.nii.gz"
    assert scan.confounds is not None
    assert scan.confounds.name == "sub-01_task-rest_desc-confounds_timeseries.tsv"
    assert scan.entities == {"task": "rest", "space": "MNI152NLin2009cAsym", "res": "2", "desc": "preproc"}
    assert (scan.tr_s, scan.derivative) == (2.0, "fmriprep")
    assert scan.sidecars == (dataset.root / "task-rest_bold.json",)
    assert found.without == ("02",)


def test_sessions_and_runs_in_order_with_their_own_companions(dataset, make_spec):
    for session in ("b", "a"):
        for run in ("10", "2"):
            add_fmriprep(dataset, recording=f"ses-{session}_task-rest_run-{run}", folder=f"ses-{session}/func")
    scans = find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant["01"]
    assert [(s.entities["ses"], s.entities["run"]) for s in scans] == [("a", "2"), ("a", "10"), ("b", "2"), ("b", "10")]
    for scan in scans:
        for companion in (scan.mask, scan.confounds):
            assert companion is not None
            assert f"ses-{scan.entities['ses']}_task-rest_run-{scan.entities['run']}_" in companion.name


def test_old_confounds_name(dataset, make_spec):
    add_fmriprep(dataset)
    folder = dataset.derivatives["fmriprep"] / "sub-01" / "func"
    new = folder / "sub-01_task-rest_desc-confounds_timeseries.tsv"
    new.rename(folder / "sub-01_task-rest_desc-confounds_regressors.tsv")
    (scan,) = find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant["01"]
    assert scan.confounds is not None
    assert scan.confounds.name.endswith("_regressors.tsv")


def test_several_standard_spaces_must_be_chosen(dataset, make_spec):
    add_fmriprep(dataset, spaces=("", "space-T1w", "space-A", "space-B"))
    with pytest.raises(DataError, match="several spaces: A, B"):
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    for space in ("B", "T1w"):
        (scan,) = find_scans(make_spec(space=space), dataset.options(), wanted=ALL).by_participant["01"]
        assert scan.entities["space"] == space


def test_repetition_times_that_contradict_each_other(dataset, make_spec):
    add_fmriprep(dataset)
    name = f"sub-01/func/sub-01_task-rest_{MNI}_res-2_desc-preproc_bold"
    dataset.add("fmriprep", f"{name}.json", '{"RepetitionTime": 2.5}')
    with pytest.raises(DataError, match=r"is 2\.5 s in the JSON sidecar and 2 s in the image header") as error:
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    assert "input.tr_s" in error.value.hint
    (scan,) = find_scans(make_spec(tr_s=1.5), dataset.options(), wanted=ALL).by_participant["01"]
    assert scan.tr_s == 1.5
    dataset.add("fmriprep", f"{name}.json", "{}")
    dataset.add_bold("fmriprep", f"{name}.nii.gz", tr_s=None)
    with pytest.raises(DataError, match="RepetitionTime is in no JSON sidecar, and not in the image header"):
        find_scans(make_spec(), dataset.options(), wanted=ALL)


def test_only_a_used_sidecar_must_be_json(dataset, make_spec):
    add_fmriprep(dataset)
    dataset.add("fmriprep", "sub-01/func/sub-01_task-nback_desc-preproc_bold.json", "{broken")
    find_scans(make_spec(), dataset.options(), wanted=ALL)
    dataset.add("fmriprep", "task-rest_bold.json", '{"a": 1,\n broken')
    with pytest.raises(DataError, match=r"task-rest_bold\.json:2 is not valid JSON"):
        find_scans(make_spec(), dataset.options(), wanted=ALL)


def test_annexed_content_matters_only_for_selected_participants(dataset, make_spec):
    dataset.add_relmats()
    path = dataset.derivatives["ready"] / "sub-01" / RELMAT.format(s="sub-01")
    path.unlink()
    path.symlink_to("../../.git/annex/objects/nothing")
    with pytest.raises(MissingInputError) as error:
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    assert error.value.hint == f"datalad get {path}"
    found = find_scans(make_spec(), dataset.options(participant_labels=("02",)), wanted=ALL)
    assert set(found.by_participant) == {"02"}


# ------------------------------------------------------------------ ready-made files


def test_the_first_kind_found_is_taken_unless_one_is_named(dataset, make_spec):
    dataset.add_relmats()
    dataset.add_relmats(name="func/{s}_task-rest_atlas-A_timeseries.tsv")
    assert find_scans(make_spec(), dataset.options(), wanted=ALL).kind == "timeseries"
    assert find_scans(make_spec(kind="relmat"), dataset.options(), wanted=ALL).kind == "relmat"
    assert find_scans(make_spec(), dataset.options(), wanted=frozenset({"relmat"})).kind == "relmat"
    with pytest.raises(NothingSelectedError, match=r"no bold file in ready .*; there are relmat, timeseries files"):
        find_scans(make_spec(kind="bold"), dataset.options(), wanted=ALL)


def test_atlases_are_matched_by_name_or_refused(dataset, make_spec):
    dataset.add_relmats()
    dataset.add_relmats(name=RELMAT.replace("atlas-A", "atlas-HarvardOxford"))
    with pytest.raises(DataError, match="several values of atlas: A, HarvardOxford"):
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    found = find_scans(make_spec(atlas="harvard-oxford"), dataset.options(), wanted=ALL)
    assert found.by_participant["01"][0].entities["atlas"] == "HarvardOxford"
    with pytest.raises(DataError, match="asks for the atlas power2011; the relmat files have A, HarvardOxford"):
        find_scans(make_spec(atlas="power2011"), dataset.options(), wanted=ALL)


def test_measures_are_matched_by_name(dataset, make_spec):
    dataset.add_relmats()
    dataset.add_relmats(name=RELMAT.replace("pearsoncorrelation", "partialcorrelation"))
    with pytest.raises(DataError, match="several values of measure"):
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    for measure, spelled in (("correlation", "pearsoncorrelation"), ("partial", "partialcorrelation")):
        found = find_scans(make_spec(measure=measure), dataset.options(), wanted=ALL)
        assert found.by_participant["02"][0].measure == spelled


def test_node_tables_are_inherited(dataset, make_spec):
    dataset.add_relmats()
    far = dataset.add("ready", "atlas-A_nodeindices.tsv", "index\tname\n0\ta\n1\tb\n")
    dataset.add("ready", "atlas-B_nodeindices.tsv", "index\tname\n")
    near = dataset.add("ready", "sub-02/func/sub-02_task-rest_atlas-A_nodeindices.tsv", "index\tname\n0\ta\n1\tb\n")
    scans = find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant
    assert (scans["01"][0].nodes, scans["02"][0].nodes) == (far, near)


def test_time_series_take_their_repetition_time_from_the_recording(dataset, make_spec):
    dataset.add_relmats(name="func/{s}_task-rest_atlas-A_timeseries.tsv")
    assert find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant["01"][0].tr_s is None
    dataset.add("", "sub-01/func/sub-01_task-rest_bold.json", '{"RepetitionTime": 0.8}')
    dataset.add("ready", "sub-02/func/sub-02_task-rest_atlas-A_timeseries.json", '{"SamplingFrequency": 0.5}')
    scans = find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant
    assert (scans["01"][0].tr_s, scans["02"][0].tr_s) == (0.8, 2.0)


# ------------------------------------------------------------------ selection


def test_labels_sessions_tasks_and_filters(dataset, make_spec):
    name = "ses-{ses}/func/{{s}}_ses-{ses}_task-{task}_run-0{run}_atlas-A_timeseries.tsv"
    for ses, task, run in (("a", "rest", 1), ("a", "nback", 1), ("b", "rest", 2)):
        dataset.add_relmats(name=name.format(ses=ses, task=task, run=run))

    def select(**changes):
        found = find_scans(make_spec(task=changes.pop("task", None)), dataset.options(**changes), wanted=ALL)
        return sorted(
            (s.participant_id, s.entities["ses"], s.entities["task"]) for p in found.by_participant.values() for s in p
        )

    assert len(select()) == 6
    assert select(participant_labels=("01",), session_labels=("a",)) == [("01", "a", "nback"), ("01", "a", "rest")]
    assert {t for _, _, t in select(task_ids=("nback",))} == {t for _, _, t in select(task="nback")} == {"nback"}
    assert {s for _, s, _ in select(filters={"timeseries": {"run": 2}})} == {"b"}
    assert {s for _, s, _ in select(filters={"timeseries": {"session": ["b", "c"], "task": "rest"}})} == {"b"}
    assert len(select(filters={"timeseries": {"acquisition": None, "datatype": "func"}})) == 6
    assert len(select(filters={"bold": {"run": 7}})) == 6  # speaks of another kind


def test_the_filter_that_removes_the_last_file_is_named(dataset, make_spec):
    dataset.add_relmats()
    for changes, words in (
        ({"task_ids": ("nback",)}, r"--task-id nback leaves none of 2 relmat files; there is: rest"),
        ({"session_labels": ("1",)}, r"--session-label 1 leaves none of 2"),
        ({"filters": {"relmat": {"run": 1}}}, r"--bids-filter-file relmat\.run = 1 leaves none"),
    ):
        with pytest.raises(NothingSelectedError, match=words):
            find_scans(make_spec(), dataset.options(**changes), wanted=ALL)


@pytest.mark.parametrize(("filters", "near"), [({"relmats": {}}, "'relmat'"), ({"bold": {"sesion": "1"}}, "'session'")])
def test_misspelt_filters(dataset, make_spec, filters, near):
    dataset.add_relmats()
    with pytest.raises(UsageError) as error:
        find_scans(make_spec(), dataset.options(filters=filters), wanted=ALL)
    assert near in error.value.hint


def test_an_unknown_label_is_named_even_among_known_ones(dataset, make_spec):
    dataset.add_relmats()
    with pytest.raises(NothingSelectedError) as error:
        find_scans(make_spec(), dataset.options(participant_labels=("01", "1")), wanted=ALL)
    assert error.value.message.endswith("has no participant 1")


def test_participants_without_a_scan_are_listed(dataset, make_spec):
    dataset.add_relmats(labels=("01",))
    (dataset.root / "sub-09").mkdir()
    assert find_scans(make_spec(), dataset.options(), wanted=ALL).without == ("02", "09")
    found = find_scans(make_spec(), dataset.options(participant_labels=("01", "02")), wanted=ALL)
    assert found.without == ("02",)


def test_one_recording_in_two_derivatives(dataset, make_spec):
    dataset.add_relmats("one")
    dataset.add_relmats("two")
    with pytest.raises(DataError, match=r"sub-01 is there twice: .*/one/.*/two/") as error:
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    assert "input.derivative" in error.value.hint
    assert find_scans(make_spec(derivative="two"), dataset.options(), wanted=ALL).matched[0].endswith("atlas A)")
    with pytest.raises(AnalysisFileError) as unknown:
        find_scans(make_spec(derivative="tow"), dataset.options(), wanted=ALL)
    assert "'two'" in unknown.value.hint


def test_without_derivatives_the_dataset_itself_is_looked_in(dataset, make_spec):
    dataset.add("", "derivatives/fmriprep/sub-01/func/sub-01_task-rest_desc-preproc_bold.nii.gz")
    with pytest.raises(NothingSelectedError) as error:
        find_scans(make_spec(), dataset.options(), wanted=ALL)
    assert "holds fmriprep" in error.value.hint
    dataset.add_relmats("")
    found = find_scans(make_spec(), dataset.options(), wanted=ALL)
    assert found.by_participant["01"][0].derivative == ""


def test_tables_alone_need_no_file_of_the_participant(dataset, make_spec):
    found = find_scans(make_spec(), dataset.options(), wanted=frozenset({"table"}))
    assert {label: scans[0].path.name for label, scans in found.by_participant.items()} == {
        "01": "participants.tsv",
        "02": "participants.tsv",
    }


def test_a_derivatives_folder_that_is_not_there(dataset, make_spec):
    with pytest.raises(MissingInputError, match="nowhere"):
        find_scans(make_spec(), dataset.options(derivatives={"x": dataset.root / "nowhere"}), wanted=ALL)


# ------------------------------------------------------------------ places


def test_a_saved_index_gives_the_same_and_is_reused(dataset, make_spec, tmp_path):
    dataset.add_relmats()
    plain = find_scans(make_spec(), dataset.options(), wanted=ALL)
    database = tmp_path / "database"
    for labels in ((), ("02",)):
        saved = find_scans(
            make_spec(), dataset.options(bids_database_dir=database, participant_labels=labels), wanted=ALL
        )
        assert saved.by_participant["02"] == plain.by_participant["02"]
        assert set(saved.by_participant) == (set(labels) or {"01", "02"})


@pytest.mark.parametrize("name", ["with space", "é 漢", "quote'"])
def test_odd_folders_and_links_to_folders(make_spec, tmp_path, name, dataset):
    dataset.add_relmats()
    dataset.add("ready", "atlas-A_nodeindices.tsv", "index\tname\n0\ta\n1\tb\n")
    odd = tmp_path / name
    os.symlink(dataset.derivatives["ready"], odd)
    found = find_scans(make_spec(), dataset.options(derivatives={"ready": odd}), wanted=ALL)
    (scan,) = found.by_participant["01"]
    assert scan.path.is_file()
    assert scan.nodes is not None


def test_a_relative_folder_gives_absolute_paths(dataset, make_spec, monkeypatch):
    dataset.add_relmats()
    dataset.add("ready", "dataset_description.json", json.dumps({"Name": "x", "BIDSVersion": "1.9.0"}))
    monkeypatch.chdir(dataset.root)
    options = dataset.options(bids_dir=Path(), derivatives={"ready": Path("deriv/ready")})
    (scan,) = find_scans(make_spec(), options, wanted=ALL).by_participant["01"]
    assert scan.path.is_absolute()


def test_the_real_cohort(make_spec, shared_data, tmp_path):
    import subprocess
    import sys
    import time

    script = shared_data("abide_to_bids.py")
    subprocess.run([sys.executable, str(script), str(tmp_path / "abide"), "--limit", "60"], check=True)
    from bidsml.spec import RunOptions

    options = RunOptions(
        bids_dir=tmp_path / "abide",
        output_dir=tmp_path / "out",
        work_dir=tmp_path / "work",
        level="participant",
        derivatives={"abide-pcp": tmp_path / "abide" / "derivatives" / "abide-pcp"},
    )
    start = time.monotonic()
    found = find_scans(make_spec(atlas="HarvardOxford", measure="correlation"), options, wanted=ALL)
    assert len(found.by_participant) == 60
    # 871 participants take 3 s; the bound of 20 s for them is 1.4 s for these, with time for pybids to start.
    assert time.monotonic() - start < 10


# ------------------------------------------------------------------ events


def test_events_come_from_the_raw_dataset_nearest_first(dataset, make_spec):
    add_fmriprep(dataset, recording="task-rest_run-1")
    add_fmriprep(dataset, recording="task-rest_run-2")
    add_fmriprep(dataset, label="02", recording="task-rest_run-1")
    shared = dataset.add("", "task-rest_events.tsv", "onset\tduration\ttrial_type\n")
    dataset.add("", "task-other_events.tsv", "onset\tduration\ttrial_type\n")
    own = dataset.add("", "sub-01/func/sub-01_task-rest_run-2_events.tsv", "onset\tduration\ttrial_type\n")
    found = find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant
    assert [scan.events for scan in found["01"]] == [shared, own]
    assert [scan.events for scan in found["02"]] == [shared]


def test_a_scan_without_events_has_none(dataset, make_spec):
    add_fmriprep(dataset)
    (scan,) = find_scans(make_spec(), dataset.options(), wanted=ALL).by_participant["01"]
    assert scan.events is None
