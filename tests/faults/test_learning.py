"""Samples that cannot be learned from, leaks, and features or models that don't belong together."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.store import write_json
from bidsml.simulate import CohortDesign, simulate_cohort

TABLE = ("--set", 'features=[{kind = "phenotype", file = "phenotype/tests.tsv"}]', "--set", "input={}")


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def edit(place, **columns):
    path = place.dataset / "participants.tsv"
    table = read(path)
    for name, values in columns.items():
        table[name] = values(table) if callable(values) else values
    table.to_csv(path, sep="\t", index=False)


# ------------------------------------------------------------------ 29: classes


@pytest.mark.fault(29)
def test_a_single_class(study, suffers):
    edit(study, diagnosis="patient")
    suffers(study, "group", code=65, says=("diagnosis", "only one class", "patient"))


@pytest.mark.fault(29)
def test_a_class_smaller_than_the_folds(study, suffers):
    says = ("4 units, fewer than 5 folds", "cv.outer.folds")
    suffers(study, "group", "--set", "cv.outer.folds=5", code=65, says=says)


# ------------------------------------------------------------------ 30: one image, two people


@pytest.mark.fault(30)
def test_one_image_under_two_labels(study, suffers):
    for source in study.scan_files("05"):
        target = next(p for p in study.scan_files("06") if p.name == source.name.replace("sub-05", "sub-06"))
        shutil.copyfile(source, target)
    made = ("sub-06", "participants.tsv")
    suffers(study, "participant", "--participant-label", "06", code=0, remakes=made)
    says = ("participants 05 and 06", "exactly the same features", "cohort.include")
    suffers(study, "group", code=65, says=says)


# ------------------------------------------------------------------ 31: units split by a table of folds


@pytest.mark.fault(31)
@pytest.mark.parametrize("kind", ["fixed", "leave-group-out"])
def test_siblings_on_both_sides_of_a_fold(study, suffers, kind):
    parts = ["train"] * 4 + ["test"] * 4 if kind == "fixed" else ["a", "a", "b", "b"] * 2
    edit(study, family=["1", "2", "3", "4", "4", "5", "6", "7"], part=parts)
    own = f'cv.outer={{kind = "{kind}", column = "part"}}'
    # The folds of this file are named in the place's settings; they have no meaning here.
    place = type(study)(
        study.dataset, study.output, study.work, tuple(s for s in study.settings if "cv.outer" not in s)
    )
    words = ("--set", own, "--set", 'cohort.group="family"')
    suffers(place, "group", *words, code=78, says=("'4'", "cohort.group", "family"))


# ------------------------------------------------------------------ 32: the target among the features


def write_tests(place, disguised):
    people = read(place.dataset / "participants.tsv")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"participant_id": people["participant_id"], "score": rng.normal(size=len(people)), "disguised": disguised}
    )
    (place.dataset / "phenotype").mkdir(exist_ok=True)
    table.to_csv(place.dataset / "phenotype" / "tests.tsv", sep="\t", index=False)


PATIENT = np.tile([0, 1], 4)
AGES = np.array([31.0, 44, 25, 52, 39, 28, 61, 47])


@pytest.mark.fault(32)
@pytest.mark.parametrize(
    "disguised",
    [
        pytest.param(PATIENT, id="copy"),
        pytest.param(7 - 3 * PATIENT, id="reversed", marks=pytest.mark.slow),
        pytest.param(np.where(PATIENT, "ill", "well"), id="text", marks=pytest.mark.slow),
    ],
)
def test_a_copy_of_the_target(fresh, suffers, disguised):
    write_tests(fresh, disguised)
    suffers(fresh, "participant", *TABLE, code=0)
    suffers(fresh, "group", *TABLE, code=65, says=("'disguised", "is the target or a one-to-one function", "exclude"))
    assert not fresh.group.exists()


@pytest.mark.fault(32)
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(np.array, id="copy", marks=pytest.mark.slow),
        pytest.param(np.exp, id="exp", marks=pytest.mark.slow),
        pytest.param(lambda age: -np.sqrt(age), id="-sqrt"),
    ],
)
def test_a_monotone_function_of_a_target_in_numbers(fresh, suffers, function):
    edit(fresh, age=AGES)
    write_tests(fresh, function(AGES))
    target = ("--set", 'target={column = "age", task = "regression"}', "--set", "inference.primary_metric=r2")
    words = (*target, "--set", "nuisance={}")
    suffers(fresh, "participant", *TABLE, *words, code=0)
    suffers(fresh, "group", *TABLE, *words, code=65, says=("'disguised'", "is the target", "exclude"))


# ------------------------------------------------------------------ 37, 38: participants and the group


@pytest.mark.slow
@pytest.mark.fault(37)
def test_missing_and_failed_participants(study, suffers):
    shutil.rmtree(study.output / "sub-02")
    bold = next(path for path in study.scan_files("03") if path.name.endswith("bold.nii.gz"))
    bold.write_bytes(bold.read_bytes()[:2000])
    shutil.rmtree(study.output / "sub-03")
    (study.output / "sub-03.html").unlink()
    suffers(study, "participant", "--participant-label", "03", code=1, says=(bold.name,))
    status = study.output / "logs" / "participants" / "sub-02_analysis-demo_status.json"
    status.unlink()
    says = ("2 participants are missing or failed", "sub-02 (not processed)", "sub-03 (failed: ", "--allow-partial")
    suffers(study, "group", code=1, says=says)
    made = ("group", "phenotype", "participants.tsv")
    # Three folds: with two, an inner fold would lack a class.
    words = ("--allow-partial", "--set", "cv.outer.folds=3")
    suffers(study, "group", *words, code=0, says=("going on without 2", "cohort: 6 of 8"), remakes=made)
    left = read(study.group / "cohort.tsv").query("included == 'no'")
    assert left["participant_id"].tolist() == ["sub-02", "sub-03"]
    assert bold.name in left["reason"].iloc[1]


@pytest.mark.fault(38)
def test_features_made_with_other_settings(study, suffers):
    words = ("--set", "denoise.strategy=none")
    made = ("sub-04", "participants.tsv")
    suffers(study, "participant", "--participant-label", "04", *words, code=0, remakes=made)
    suffers(study, "group", code=65, says=("1 participants", ": 04", "run the participant level again"))
    suffers(study, "group", *words, code=65, says=("7 participants", "01, 02, 03, 05"))


# ------------------------------------------------------------------ 39: a biomarker and its own training


@pytest.mark.fault(39)
def test_a_model_is_not_judged_on_those_it_was_trained_on(study, suffers):
    model = ("--apply", str(study.group / "model"))
    says = ("trained on 8 of these participants", "sub-01, sub-02")
    suffers(study, "group", *model, code=65, says=says)
    assert not (study.group / "external").exists()


@pytest.mark.fault(39)
def test_nor_under_another_name(study, suffers):
    path = study.dataset / "dataset_description.json"
    write_json(path, json.loads(path.read_text()) | {"Name": "another"})
    words = ("--apply", str(study.group / "model"), "--participant-label", "03")
    suffers(study, "group", *words, code=65, says=("trained on 1 of these participants: sub-03", "by their features"))


@pytest.mark.fault(39)
@pytest.mark.slow
def test_one_of_them_among_others(study, suffers, tmp_path):
    """Other people are judged; one of the training's own among them is found and listed."""
    there = tmp_path / "there"
    other = type(study)(
        simulate_cohort(there / "dataset", CohortDesign(n_participants=8, n_volumes=40, resolution_mm=20, seed=1)),
        there / "out", there / "work", study.settings,
    )  # fmt: skip
    for path in other.scan_files("05"):
        shutil.copyfile(next(p for p in study.scan_files("05") if p.name == path.name), path)
    suffers(other, "participant", code=0)
    model = ("--apply", str(study.group / "model"))
    suffers(other, "group", *model, code=65, says=("trained on 1 of these participants: sub-05",))
    rest = ("--participant-label", *(f"{n:02d}" for n in (1, 2, 3, 4, 6, 7, 8)))
    suffers(other, "group", *model, *rest, code=0)
