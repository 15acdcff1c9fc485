"""Real FreeSurfer statistics of ABIDE I: the age of controls, and the diagnosis, from regional morphometry."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

DIAGNOSIS = """
name = "morphometry"

[target]
column = "diagnosis"
positive = "ASD"

[cohort]
site = "site"
include = "participant_id != '0050286'"  # has the very numbers of 0050279

[[features]]
kind = "table"
file = "phenotype/freesurfer.tsv"

[nuisance]
columns = ["age", "site"]

[cv]
outer = {kind = "stratified", folds = 10, repeats = 1}
inner = {folds = 5}

[[estimators]]
kind = "ridge"

[inference]
permutations = 99
"""
# All are male: sex, the analysis' own nuisance column, is the same for everyone.
BRAIN_AGE = (
    *("--analysis", "brain-age", "--set", "name=morphometry"),
    *("--set", "cohort.include=\"diagnosis == 'control'\""),
    *("--set", 'nuisance.columns=["site"]'),
)
FEW = (
    *("--set", "cv.outer.folds=3", "--set", "cv.outer.repeats=1", "--set", "cv.inner.folds=2"),
    *("--set", "inference.permutations=9", "--set", "nuisance.columns=[]"),
)


@pytest.fixture(scope="module")
def morphometry(shared_data) -> pd.DataFrame:
    path = shared_data("abide_fs915") / "FS_features_ABIDE_males.csv"
    return pd.read_csv(path, sep=";", encoding="utf-8-sig")


def write_dataset(folder: Path, morphometry: pd.DataFrame) -> Path:
    """The CSV as BIDS has it: who people are in participants.tsv, what was measured in phenotype/."""
    folder.mkdir()
    description = {"Name": "ABIDE I, FreeSurfer statistics of males", "BIDSVersion": "1.11.1"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    labels = "sub-" + morphometry["FILE_ID"].str[-7:]
    people = pd.DataFrame(
        {
            "participant_id": labels,
            "age": morphometry["AGE_AT_SCAN"],
            "sex": "M",
            "site": morphometry["FILE_ID"].str.rsplit("_", n=1).str[0],
            "diagnosis": morphometry["DX_GROUP"].map({1: "ASD", -1: "control"}),
        }
    )
    people.to_csv(folder / "participants.tsv", sep="\t", index=False)
    (folder / "phenotype").mkdir()
    measured = morphometry.drop(columns=["FILE_ID", "AGE_AT_SCAN", "SEX", "FIQ", "DX_GROUP"])
    measured.set_index(labels.rename("participant_id")).to_csv(folder / "phenotype" / "freesurfer.tsv", sep="\t")
    return folder


@dataclass(frozen=True)
class Place:
    """A dataset with its output; both analyses here have one name and one set of features."""

    bidsml: Callable[..., Any]
    dataset: Path
    output: Path

    def run(self, level: str, *more: str, code: int = 0) -> str:
        words = (str(self.dataset), str(self.output), level, "--work-dir", str(self.output.parent / "work"), *more)
        ran = self.bidsml(*words)
        assert ran.code == code, ran.text
        return str(ran.text)

    def table(self, name: str) -> pd.DataFrame:
        path = self.output / "group" / "morphometry" / name
        return pd.read_csv(path, sep="\t", na_values="n/a", dtype={"participant_id": str})

    def estimate(self, model: str, design: str, metric: str) -> float:
        rows = self.table("performance.tsv").query("model == @model and design == @design and metric == @metric")
        return float(rows["estimate"].iloc[0])


@pytest.fixture(scope="module")
def abide(morphometry, bidsml, tmp_path_factory) -> Place:
    """All 915 people, participant level finished."""
    folder = tmp_path_factory.mktemp("abide")
    place = Place(bidsml, write_dataset(folder / "dataset", morphometry), folder / "out")
    place.run("participant", *BRAIN_AGE)
    return place


def test_a_few_controls(morphometry, bidsml, tmp_path):
    some = morphometry[morphometry["FILE_ID"].str.startswith("Pitt")].iloc[10:34]
    place = Place(bidsml, write_dataset(tmp_path / "pitt", some), tmp_path / "out")
    place.run("participant", *BRAIN_AGE, *FEW)
    place.run("group", *BRAIN_AGE, *FEW)
    controls = some[some["DX_GROUP"] == -1]
    ages = dict(zip(controls["FILE_ID"].str[-7:], controls["AGE_AT_SCAN"], strict=True))
    predicted = place.table("predictions.tsv").query("model == 'biomarker'")
    labels = predicted["participant_id"].str.removeprefix("sub-")
    assert dict(zip(labels, predicted["observed"], strict=True)) == pytest.approx(ages)
    assert len(place.table("cohort.tsv")) == len(some)


def test_the_two_people_with_one_brain_are_found(morphometry, bidsml, tmp_path):
    numbers = morphometry.drop(columns=["FILE_ID", "AGE_AT_SCAN", "SEX", "FIQ", "DX_GROUP"])
    same = morphometry[numbers.duplicated(keep=False)]
    assert same["FILE_ID"].tolist() == ["UM_1_0050279", "UM_1_0050286"]
    some = pd.concat([same, morphometry.drop(index=same.index).iloc[:6]])
    place = Place(bidsml, write_dataset(tmp_path / "pair", some), tmp_path / "out")
    everyone = (*BRAIN_AGE, *FEW, "--set", "cohort={}", "--set", "cv.outer.folds=2")
    place.run("participant", *everyone)
    assert "0050279 and 0050286" in place.run("group", *everyone, code=65)


@pytest.mark.slow
def test_brain_age_of_controls(abide):
    abide.run("group", *BRAIN_AGE, "--set", "inference.permutations=19", "--set", "cv.outer.repeats=1")
    # A plain ridge reached 3.1 years on its own split.
    assert abide.estimate("biomarker", "stratified", "mae") <= 3.5
    assert abide.estimate("biomarker", "stratified", "r2") > 0.5


@pytest.mark.slow
def test_diagnosis_is_hard_to_read_from_morphometry(abide, tmp_path):
    (tmp_path / "analysis.toml").write_text(DIAGNOSIS)
    abide.run("group", "--analysis", str(tmp_path / "analysis.toml"))
    # Logistic regression alone reached 0.59 in 10 folds and 0.58 leaving a site out.
    assert 0.55 <= abide.estimate("biomarker", "stratified", "accuracy") <= 0.63
    assert 0.54 <= abide.estimate("biomarker", "leave-site-out", "roc_auc") <= 0.66
