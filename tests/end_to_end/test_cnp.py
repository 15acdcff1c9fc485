"""Real tables of the UCLA CNP study: schizophrenia from image quality, and from tests of memory and intelligence.

Scanner, head motion and age differ between patients and controls there: a biomarker has to be weighed against them.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ANALYSIS = """
name = "cnp-quality"

[target]
column = "diagnosis"
classes = ["CONTROL", "SCHZ"]
positive = "SCHZ"

[[features]]
kind = "table"
name = "t1w-quality"
file = "{mriqc}/sub-{participant}/anat/sub-{participant}_T1w.json"
exclude = ["size_*", "spacing_*"]

[nuisance]
columns = [
    "age",
    "gender",
    "ScannerSerialNumber",
    "{mriqc}/sub-{participant}/func/sub-{participant}_task-rest_bold.json:fd_mean",
]

[cv]
outer = {kind = "stratified", folds = 10, repeats = 2}
inner = {folds = 5}

[[estimators]]
kind = "logistic"
class_weight = "balanced"

[inference]
permutations = 19
"""
FEW = ("--set", "cv.outer={folds = 3}", "--set", "cv.inner.folds=2", "--set", "inference.permutations=9")


@dataclass(frozen=True)
class Study:
    """Part of the dataset with an output of its own."""

    bidsml: Callable[..., Any]
    dataset: Path
    output: Path

    def run(self, level: str, analysis: str | Path, *more: str, code: int = 0) -> str:
        words = [str(self.dataset), str(self.output), level, "--work-dir", str(self.output.parent / "work")]
        words += ["--analysis", str(analysis), "-d", f"mriqc={self.dataset / 'derivatives' / 'mriqc'}", *more]
        ran = self.bidsml(*words)
        assert ran.code == code, ran.text
        return str(ran.text)

    def table(self, analysis: str, name: str) -> pd.DataFrame:
        path = self.output / "group" / analysis / name
        return pd.read_csv(path, sep="\t", na_values="n/a", dtype={"participant_id": str})

    def row(self, analysis: str, model: str) -> pd.Series:
        rows = self.table(analysis, "performance.tsv")
        mine = rows[(rows["model"] == model) & (rows["metric"] == "roc_auc") & (rows["design"] == "stratified")]
        return mine.iloc[0]

    def report(self, analysis: str) -> str:
        """The group report's text without markup."""
        page = (self.output / f"group-{analysis}.html").read_text(encoding="utf-8")
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def copy_part(source: Path, folder: Path, *, each: int | None) -> Path:
    """The tables of controls and patients, at most ``each`` of either."""
    people = pd.read_csv(source / "participants.tsv", sep="\t", dtype=str, keep_default_na=False)
    people = people[people["diagnosis"].isin(["CONTROL", "SCHZ"])]
    some = people if each is None else people.groupby("diagnosis").head(each)
    mriqc = Path("derivatives") / "mriqc"
    for name in ("phenotype", *(mriqc / label for label in some["participant_id"])):
        shutil.copytree(source / name, folder / name)
    for name in ("dataset_description.json", mriqc / "dataset_description.json"):
        shutil.copyfile(source / name, folder / name)
    some.to_csv(folder / "participants.tsv", sep="\t", index=False)
    return folder


@pytest.fixture(scope="module")
def source(shared_data) -> Path:
    return shared_data("cnp_ds000030") / "ds000030"


@pytest.fixture
def few(source, bidsml, tmp_path) -> Study:
    return Study(bidsml, copy_part(source, tmp_path / "cnp", each=8), tmp_path / "out")


@pytest.fixture(scope="module")
def everyone(source, bidsml, tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("cnp")
    return Study(bidsml, copy_part(source, folder / "cnp", each=None), folder / "out")


@pytest.fixture(scope="module")
def analysis(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("analysis") / "analysis.toml"
    path.write_text(ANALYSIS)
    return path


def test_a_few_people_go_through_both_levels(few, analysis):
    few.run("participant", analysis)
    few.run("group", analysis, *FEW)
    people = pd.read_csv(few.dataset / "participants.tsv", sep="\t", dtype=str).set_index("participant_id")
    predicted = few.table("cnp-quality", "predictions.tsv").query("model == 'biomarker'")
    assert predicted["observed"].tolist() == people.loc[predicted["participant_id"], "diagnosis"].tolist()
    features = set(few.table("cnp-quality", "weights.tsv")["feature"])
    assert {"cjv", "snr_total", "icvs_gm"} <= features
    assert not [name for name in features if name.startswith(("size_", "spacing_"))]


def test_people_without_their_own_file_are_named(few, analysis):
    lost = sorted(path.name for path in (few.dataset / "derivatives" / "mriqc").glob("sub-*"))[0]
    shutil.rmtree(few.dataset / "derivatives" / "mriqc" / lost)
    assert f"without a folder: {lost.removeprefix('sub-')}" in few.run("participant", analysis)
    few.run("group", analysis, *FEW)
    ledger = few.table("cnp-quality", "cohort.tsv").set_index("participant_id")
    assert ledger.loc[lost, "included"] == "no"
    assert "T1w.json" in ledger.loc[lost, "reason"]


def test_a_misspelt_entry_is_found_before_anything_runs(few, analysis):
    wrong = analysis.with_name("wrong.toml")
    wrong.write_text(ANALYSIS.replace(":fd_mean", ":fd_men"))
    assert "did you mean 'fd_mean'" in few.run("participant", wrong, code=78)
    wrong.write_text(ANALYSIS.replace('"spacing_*"', '"spcing_*"'))
    assert "'spcing_*'" in few.run("participant", wrong, code=78)
    assert not few.output.exists()


@pytest.mark.slow
def test_image_quality_tells_patients_apart_no_better_than_scanner_motion_and_age(everyone, analysis):
    everyone.run("participant", analysis)
    everyone.run("group", analysis)
    biomarker, nuisance = (everyone.row("cnp-quality", model) for model in ("biomarker", "nuisance"))
    assert 0.75 <= biomarker["estimate"] <= 0.87
    assert biomarker["p"] == biomarker["p_floor"]
    assert nuisance["low"] > 0.6
    difference = everyone.row("cnp-quality", "biomarker - nuisance")
    assert difference["low"] < 0 < difference["high"]
    assert "not shown" in everyone.report("cnp-quality")


@pytest.mark.slow
def test_memory_and_intelligence_tell_patients_apart(everyone):
    fewer = ("--set", "inference.permutations=9", "--set", "cv.outer.repeats=1")
    everyone.run("participant", "phenotype-only")
    everyone.run("group", "phenotype-only", *fewer)
    biomarker = everyone.row("phenotype-only", "biomarker")
    assert 0.85 <= biomarker["estimate"] <= 0.92
    assert everyone.row("phenotype-only", "biomarker - nuisance")["low"] > 0
