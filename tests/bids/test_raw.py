import json
import os

import nibabel as nib
import numpy as np
import pytest

from bidsml.bids.raw import describe_raw, find_raw
from bidsml.errors import DataError, MissingInputError, NothingSelectedError, UsageError


@pytest.fixture
def add(dataset):
    """Add a raw image by the stem of its name without ``sub-LABEL``, with an optional sidecar."""

    def make(stem, *, label="01", shape=None, tr_s=2.0, extension=".nii.gz", **sidecar):
        session = stem.partition("_")[0] if stem.startswith("ses-") else ""
        anatomical = stem.endswith("T1w")
        folder = "/".join(part for part in (f"sub-{label}", session, "anat" if anatomical else "func") if part)
        name = f"{folder}/sub-{label}_{stem}"
        path = dataset.add("", name + extension)
        image = nib.Nifti1Image(np.zeros(shape or ((3, 3, 4) if anatomical else (3, 3, 4, 5)), np.int16), np.eye(4))
        if not anatomical:
            image.header.set_xyzt_units("mm", "sec")
            image.header.set_zooms((*image.header.get_zooms()[:3], tr_s)[: len(image.shape)])
        nib.save(image, path)
        if sidecar:
            dataset.add("", name + ".json", json.dumps(sidecar))
        return path

    return make


@pytest.fixture
def find(dataset, make_spec):
    def run(*, spec=None, bold=True, **options):
        return find_raw(spec or make_spec(), dataset.options(**options), bold=bold)

    return run


def test_images_of_everybody_with_what_the_sidecars_say(dataset, add, find):
    add("task-rest_bold", SliceTiming=[0, 0.5, 1.0, 1.5], SliceEncodingDirection="k-")
    add("T1w")
    add("T1w", label="02")
    dataset.add("", "task-rest_bold.json", '{"RepetitionTime": 2.0}')
    dataset.add("", "task-rest_events.tsv", "onset\tduration\n1\t1\n")
    found = find()
    assert list(found) == ["01", "02"]
    ((first,), (second,)) = found.values()
    assert (first.session, [p.name for p in first.t1w]) == ("", ["sub-01_T1w.nii.gz"])
    (run,) = first.bold
    assert (run.tr_s, run.slice_times_s, run.slice_axis) == (2.0, (0, 0.5, 1.0, 1.5), "k-")
    assert run.events == dataset.root / "task-rest_events.tsv"
    assert [p.name for p in run.sidecars] == ["task-rest_bold.json", "sub-01_task-rest_bold.json"]
    assert run.entities == {"task": "rest"} and run.label == "sub-01 task-rest"
    assert second.bold == ()
    assert describe_raw(found) == ("T1w: 2 of 2 participants", "raw BOLD: 1 of 1 participants (task rest)")


def test_sessions_and_runs_in_order_and_a_borrowed_t1w(add, find):
    for session, run in (("b", 10), ("b", 2), ("a", 1)):
        add(f"ses-{session}_task-rest_run-{run}_bold")
    add("ses-b_run-2_T1w")
    add("ses-b_run-10_T1w")
    a, b = find()["01"]
    assert [s.session for s in (a, b)] == ["a", "b"]
    assert [r.entities["run"] for r in b.bold] == ["2", "10"]
    assert [p.name for p in b.t1w] == ["sub-01_ses-b_run-2_T1w.nii.gz", "sub-01_ses-b_run-10_T1w.nii.gz"]
    assert a.t1w == b.t1w
    (alone,) = find(session_labels=("a",))["01"]
    assert alone.t1w == b.t1w, "a session that is left out may still lend its T1w"


def test_a_session_with_a_t1w_alone_is_a_session(add, find):
    add("ses-anat_T1w")
    add("ses-movie_task-film_bold")
    sessions = find()["01"]
    assert [(s.session, len(s.t1w), len(s.bold)) for s in sessions] == [("anat", 1, 0), ("movie", 1, 1)]
    assert [s.session for s in find(bold=False)["01"]] == ["anat"]


def test_bold_without_any_t1w_is_found(add, find):
    add("task-rest_bold")
    (session,) = find()["01"]
    assert session.t1w == () and len(session.bold) == 1
    with pytest.raises(NothingSelectedError, match="no T1w image"):
        find(bold=False)


def test_variants_of_t1w_are_all_listed(add, find):
    for stem in ("T1w", "acq-highres_T1w", "rec-norm_T1w"):
        add(stem)
    (session,) = find()["01"]
    assert [p.name for p in session.t1w] == [
        "sub-01_T1w.nii.gz", "sub-01_acq-highres_T1w.nii.gz", "sub-01_rec-norm_T1w.nii.gz",
    ]  # fmt: skip
    (session,) = find(filters={"t1w": {"acquisition": "highres"}})["01"]
    assert [p.name for p in session.t1w] == ["sub-01_acq-highres_T1w.nii.gz"]


def test_filters_narrow_bold_and_leave_t1w(add, find, make_spec):
    add("T1w")
    for task in ("rest", "nback"):
        for run in (1, 2):
            add(f"task-{task}_run-{run}_bold")
    for options in ({"task_ids": ("rest",)}, {"filters": {"bold": {"task": "rest"}}}, {"spec": make_spec(task="rest")}):
        (session,) = find(**options)["01"]
        assert [r.entities["task"] for r in session.bold] == ["rest", "rest"] and session.t1w
    (session,) = find(spec=make_spec(space="MNI152Lin"), filters={"bold": {"task": "nback", "run": 1}})["01"]
    assert [r.label for r in session.bold] == ["sub-01 task-nback run-1"]
    with pytest.raises(
        NothingSelectedError, match="--task-id movie leaves none of 4 bold files; there is: nback, rest"
    ):
        find(task_ids=("movie",))
    with pytest.raises(NothingSelectedError, match="no participant 1"):
        find(participant_labels=("1",))
    with pytest.raises(UsageError, match="unknown query 'bolt'"):
        find(filters={"bolt": {}})
    assert find(filters={"fmap": {"session": "1"}, "sbref": {}}), "fMRIPrep's other queries are no error"


def test_a_session_label_nobody_has(add, find):
    add("ses-a_T1w")
    with pytest.raises(NothingSelectedError, match="--session-label b"):
        find(session_labels=("b",))


def test_only_magnitude_of_raw_bold(dataset, add, find):
    add("task-rest_part-mag_bold")
    add("task-rest_part-phase_bold")
    add("task-rest_desc-preproc_bold")
    add("task-rest_sbref")
    (session,) = find()["01"]
    assert [r.path.name for r in session.bold] == ["sub-01_task-rest_part-mag_bold.nii.gz"]
    add("task-rest_bold")
    with pytest.raises(DataError, match="there twice"):
        find()


@pytest.mark.parametrize(("key", "long", "values"), [("echo", "echo", "12"), ("rec", "reconstruction", ("a", "b"))])
def test_versions_of_one_run_must_be_chosen(add, find, key, long, values):
    for value in values:
        add(f"task-rest_{key}-{value}_bold")
    with pytest.raises(DataError, match=f"several values of {key}: {values[0]}, {values[1]}") as caught:
        find()
    assert f'{{"bold": {{"{long}": "{values[1]}"}}}}' in caught.value.hint
    (session,) = find(filters={"bold": {long: values[0]}})["01"]
    assert session.bold[0].entities[key] == values[0]


def test_one_image_with_two_extensions(add, find):
    add("T1w")
    add("T1w", extension=".nii")
    with pytest.raises(DataError, match="one image of sub-01 is there twice"):
        find()


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ({"SliceTiming": [0, 500, 1000, 1500]}, "times are in ms"),
        ({"SliceTiming": [0, 0.5, 1.0, 2.0]}, "reaches 2 s, and a volume takes 2 s"),
        ({"SliceTiming": [0, 0.5, 1.0, -0.5]}, "-0.5 s"),
        ({"SliceTiming": [0, 0.5, 1.0]}, "3 times, and the image 4 slices along k"),
        ({"SliceTiming": [0, 0.5, 1.0, 1.5], "SliceEncodingDirection": "i"}, "3 slices along i"),
        ({"SliceTiming": "interleaved"}, "list of numbers"),
        ({"SliceTiming": [0, None, 1, 1.5]}, "list of numbers"),
        ({"SliceEncodingDirection": "z"}, "SliceEncodingDirection must be one of"),
        ({"RepetitionTime": 3.0}, "3 s in the JSON sidecar and 2 s"),
        ({"VolumeTiming": [0, 3, 5]}, "VolumeTiming"),
    ],
)
def test_metadata_that_cannot_be_names_the_image(add, find, sidecar, message):
    path = add("task-rest_bold", **sidecar)
    with pytest.raises(DataError, match=message) as caught:
        find()
    assert str(path) in caught.value.message


def test_slice_timing_that_is_not_used_is_not_judged(add, find, make_spec):
    add("task-rest_bold", SliceTiming=[0, 500, 1000, 1500])
    spec = make_spec()
    spec = spec.model_copy(update={"preprocess": spec.preprocess.model_copy(update={"slice_timing": False})})
    assert find(spec=spec)["01"][0].bold[0].slice_times_s == ()


@pytest.mark.parametrize("stem", ["T1w", "task-rest_bold"])
def test_content_that_was_not_fetched(add, find, stem):
    path = add(stem)
    path.unlink()
    os.symlink("../../.git/annex/objects/x", path)
    with pytest.raises(MissingInputError, match=path.name) as caught:
        find()
    assert caught.value.hint == f"datalad get {path}"


def test_a_damaged_header_does_not_stop_the_others(add, find):
    """Row 20 of the fault table: that participant fails, when its images are read."""
    path = add("task-rest_bold", RepetitionTime=2.0, SliceTiming=[0, 0.5, 1.0, 1.5])
    add("task-rest_bold", label="02")
    path.write_bytes(path.read_bytes()[:40])
    assert set(find()) == {"01", "02"}


def test_a_saved_index_gives_the_same(add, find, tmp_path):
    add("T1w")
    add("task-rest_bold")
    assert find(bids_database_dir=tmp_path / "db") == find(bids_database_dir=tmp_path / "db") == find()


def test_derivatives_in_the_dataset_are_no_raw_images(dataset, add, find):
    add("T1w")
    dataset.add_bold("fmriprep", "sub-01/func/sub-01_task-rest_bold.nii.gz")
    assert find()["01"][0].bold == ()


def test_an_empty_dataset(find):
    with pytest.raises(NothingSelectedError, match="no T1w or BOLD image"):
        find()


def test_a_real_dataset(shared_data, make_spec, dataset):
    root = shared_data("studyforrest_small")
    (session,) = find_raw(make_spec(), dataset.options(bids_dir=root))["02"]
    (run,) = session.bold
    assert [p.name for p in session.t1w] == ["sub-02_T1w.nii.gz"]
    assert run.tr_s == 2.0 and run.events is not None and run.entities == {"task": "oneback", "run": "1"}
