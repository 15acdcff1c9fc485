"""The demo keeps its promises: the planted effect is found where it was planted, and nothing where there is none."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from bidsml.simulate import planted_regions

pytestmark = pytest.mark.slow


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


def headline(out) -> pd.Series:
    rows = read(out / "group" / "demo" / "performance.tsv")
    return rows.query("model == 'biomarker' and design == 'stratified' and metric == 'roc_auc'").iloc[0]


@pytest.fixture(scope="module")
def demo(bidsml, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    ran = bidsml("demo", str(folder / "demo"))
    assert ran.code == 0, ran.text
    report = folder / "demo" / "derivatives" / "group-demo.html"
    assert f"report: {report}" in ran.text
    assert report.is_file()
    return folder / "demo"


def test_the_planted_effect_is_found(demo):
    found = headline(demo / "derivatives")
    assert found["p"] == found["p_floor"] == pytest.approx(1 / 200)
    # An AUC above 0.95 would be called too good to be true, and the report says so.
    assert 0.75 < found["estimate"] < 0.95
    assert found["low"] > 0.5


def test_it_is_found_where_it_was_planted(demo):
    atlas = read(next((demo / "dataset" / "derivatives" / "atlas").glob("*_dseg.tsv")))
    planted = set(planted_regions(tuple(atlas["name"]), tuple(atlas["network"])))
    weights = read(demo / "derivatives" / "group" / "demo" / "weights.tsv")
    inside = np.array([set(name.split("--")) <= planted for name in weights["feature"]])
    assert inside.sum() == 15
    top = np.argsort(-weights["pattern"].abs().to_numpy())[:15]
    # The chance that fifteen edges drawn blindly hold as many of the planted fifteen.
    assert hypergeom.sf(inside[top].sum() - 1, len(weights), 15, 15) < 1e-3
    assert weights.loc[inside, "pattern"].median() > weights.loc[~inside, "pattern"].median()


def test_an_effect_of_the_brain_beats_its_confounds(demo):
    rows = read(demo / "derivatives" / "group" / "demo" / "performance.tsv").query("design == 'stratified'")
    nuisance = rows.query("model == 'nuisance' and metric == 'roc_auc'").iloc[0]
    assert headline(demo / "derivatives")["estimate"] > nuisance["estimate"]


@pytest.mark.parametrize("seed", [1, 2])
def test_labels_shuffled_by_hand_are_at_chance(demo, bidsml, tmp_path, seed):
    shutil.copytree(demo / "dataset", tmp_path / "dataset")
    shutil.copytree(demo / "derivatives", tmp_path / "out")
    people = read(tmp_path / "dataset" / "participants.tsv")
    people["diagnosis"] = np.random.default_rng(seed).permutation(people["diagnosis"])
    people.to_csv(tmp_path / "dataset" / "participants.tsv", sep="\t", index=False)
    derivatives = tmp_path / "dataset" / "derivatives"
    ran = bidsml(
        str(tmp_path / "dataset"), str(tmp_path / "out"), "group", "--analysis", "demo", "-w", str(tmp_path / "w"),
        "-d", f"fmriprep={derivatives / 'fmriprep'}", "-d", f"atlas={derivatives / 'atlas'}", "--nprocs", "1",
        "--set", "inference.permutations=99",
    )  # fmt: skip
    assert ran.code == 0, ran.text
    found = headline(tmp_path / "out")
    # Hanley and McNeil 1982 at AUC 0.5: 20 people a class.
    error = np.sqrt((20 + 20 + 1) / (12 * 20 * 20))
    assert abs(found["estimate"] - 0.5) < 3 * error
    assert found["p"] > found["p_floor"]


def test_no_effect_is_not_significant(bidsml, tmp_path):
    ran = bidsml("demo", str(tmp_path / "null"), "--null")
    assert ran.code == 0, ran.text
    assert "no planted effect" in ran.text
    found = headline(tmp_path / "null" / "derivatives")
    assert found["p"] > 0.05
    assert found["low"] < 0.5 < found["high"]


def test_a_second_demo_resumes(demo, bidsml):
    before = {path: path.stat().st_mtime_ns for path in (demo / "work").rglob("result_*.pklz")}
    ran = bidsml("demo", str(demo))
    assert ran.code == 0, ran.text
    again = [p.parent.name for p in before if p.stat().st_mtime_ns != before[p]]
    assert set(again) == {"publish"}
    assert json.loads((demo / "derivatives" / "dataset_description.json").read_text())["DatasetType"] == "derivative"
