"""Frozen norms and stacks, applied by command to people of another place where much is otherwise."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from place import Ran, run_bidsml

ANALYSIS = """
name = "labs"
[target]
column = "group"
positive = "patient"
[cohort]
site = "site"
[[features]]
kind = "phenotype"
name = "blood"
file = "phenotype/blood.tsv"
[[features]]
kind = "image_quality"
name = "quality"
[fusion]
kind = "stacking"
ablation = false
[cv]
outer = {kind = "stratified", folds = 3, repeats = 1}
inner = {folds = 2}
[[estimators]]
kind = "ridge"
grid = {alpha = [1.0, 100.0]}
[inference]
permutations = 5
"""
NORM = """
[normative]
columns = ["age", "sex", "phenotype/clinic.tsv:bmi"]
reference = "group == 'control'"
"""
METRICS = [f"m{number}" for number in range(6)]


def make_place(folder: Path, name: str, first: int, n: int, seed: int) -> Path:
    """People whose blood grows with age and is high in patients; two sites."""
    rng = np.random.default_rng(seed)
    (folder / "bids" / "phenotype").mkdir(parents=True)
    (folder / "bids" / "dataset_description.json").write_text(json.dumps({"Name": name, "BIDSVersion": "1.11.1"}))
    labels = [f"{number:03d}" for number in range(first, first + n)]
    patient, age = np.arange(n) % 2 == 0, rng.uniform(20, 70, n)
    people = {
        "participant_id": [f"sub-{label}" for label in labels],
        "group": np.where(patient, "patient", "control"),
        "age": age.round(1),
        "sex": rng.choice(["F", "M"], n),
        "site": [f"{name}-{number % 4 // 2}" for number in range(n)],
    }
    pd.DataFrame(people).to_csv(folder / "bids" / "participants.tsv", sep="\t", index=False)
    blood = {"a": age / 10 + 3.0 * patient + rng.normal(size=n), "b": age / 20 + rng.normal(size=n)}
    for file, columns in (("blood", blood), ("clinic", {"bmi": rng.uniform(18, 35, n)})):
        table = pd.DataFrame({"participant_id": people["participant_id"], **columns})
        table.to_csv(folder / "bids" / "phenotype" / f"{file}.tsv", sep="\t", index=False)
    for label in labels:
        (folder / "bids" / f"sub-{label}").mkdir()
        path = folder / "mriqc" / f"sub-{label}" / "anat" / f"sub-{label}_T1w.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(dict(zip(METRICS, rng.normal(size=6).tolist(), strict=True))))
    return folder


def run(place: Path, level: str, analysis: Path, *more: str) -> Ran:
    words = [str(place / "bids"), str(place / "out"), level, "--work-dir", str(place / "work"), "--nprocs", "1"]
    return run_bidsml(*words, "--analysis", str(analysis), "-d", f"mriqc={place / 'mriqc'}", *more)


def finish(place: Path, level: str, analysis: Path, *more: str) -> None:
    ran = run(place, level, analysis, *more)
    assert ran.code == 0, ran.text


def applied(there: Path, analysis: Path, model: Path) -> tuple[pd.DataFrame, str]:
    """Give the predictions and the page of the other place."""
    finish(there, "group", analysis, "--apply", str(model))
    folder = there / "out" / "group" / "labs" / "external"
    page = (there / "out" / "group-labs_desc-external.html").read_text()
    return pd.read_csv(folder / "predictions.tsv", sep="\t"), page


@pytest.mark.slow
@pytest.mark.parametrize("norm", [NORM, ""], ids=["norms", "plain"])
def test_a_stack_goes_to_another_place(tmp_path, norm):
    here = make_place(tmp_path / "here", "here", 1, 40, seed=0)
    there = make_place(tmp_path / "there", "there", 501, 12, seed=1)
    analysis = tmp_path / "analysis.toml"
    analysis.write_text(ANALYSIS + norm)
    for place in (here, there):
        finish(place, "participant", analysis)
    finish(here, "group", analysis)
    model = here / "out" / "group" / "labs" / "model"
    first, page = applied(there, analysis, model)
    # Three standard deviations apart, in sites that training did not know.
    scores = [first.loc[first["observed"] == group, "score"] for group in ("control", "patient")]
    assert (scores[1].mean() - scores[0].mean()) > 1.5 * np.sqrt(sum(score.var() for score in scores) / 2)
    assert ("12 people come from sites that training did not know" in page) is bool(norm)
    scores = there / "out" / "group" / "labs" / "external" / "zscores.tsv"
    assert scores.exists() is bool(norm)
    if norm:
        z = pd.read_csv(scores, sep="\t").set_index("participant_id")
        assert z.index.tolist() == first["participant_id"].tolist()
        assert set(z.columns) == {"site", "blood:a", "blood:b", *(f"quality:{name}" for name in METRICS)}
        patients = first.set_index("participant_id")["observed"] == "patient"
        assert z["blood:a"][patients].mean() - z["blood:a"][~patients].mean() > 1
    # Columns in another order, one metric that nobody has, one that is new: what does not matter changes nothing.
    table = there / "bids" / "phenotype" / "blood.tsv"
    pd.read_csv(table, sep="\t")[["b", "participant_id", "a"]].to_csv(table, sep="\t", index=False)
    for path in there.glob("mriqc/*/anat/*.json"):
        content = json.loads(path.read_text())
        del content["m5"]
        path.write_text(json.dumps({**content, "new": 7.0}))
    finish(there, "participant", analysis)
    second, page = applied(there, analysis, model)
    assert np.corrcoef(first["score"], second["score"])[0, 1] > 0.9
    assert "nobody here has quality:m5; imputed for everyone" in page
    assert "the model does not know quality:new; left out" in page
    for path in there.glob("mriqc/*/anat/*.json"):
        path.write_text(json.dumps({"m0": 0.5, "new": json.loads(path.read_text())["m1"]}))
    finish(there, "participant", analysis)
    ran = run(there, "group", analysis, "--apply", str(model))
    assert ran.code == 65, ran.text
    assert "nobody here has 5 of the 6 that the model takes" in ran.text
    if norm:
        (there / "bids" / "phenotype" / "clinic.tsv").write_text("participant_id\tother\nsub-501\t3\n")
        ran = run(there, "group", analysis, "--apply", str(model))
        assert ran.code == 78, ran.text
        assert "has no column 'bmi'" in ran.text
