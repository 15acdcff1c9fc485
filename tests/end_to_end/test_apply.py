"""A biomarker frozen on one cohort and applied to another, as a user would; and what is refused."""

import json
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bidsml.simulate import CohortDesign, simulate_cohort


def table(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False, dtype={"participant_id": str})


def says(ran, code, *words):
    assert ran.code == code, ran.text
    missing = [word for word in words if word not in ran.text]
    assert not missing, ran.text
    assert "Traceback" not in ran.text


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, place_at):
    """Other people, in a dataset of their own, with their features. Never changed by a test."""
    folder = tmp_path_factory.mktemp("elsewhere")
    design = CohortDesign(n_participants=12, n_volumes=130, resolution_mm=10, seed=1)
    place = place_at(simulate_cohort(folder / "dataset", design), folder / "out", folder / "work")
    says(place.run("participant"), 0)
    return place


@pytest.fixture
def there(elsewhere, tmp_path):
    """Own copy of the other dataset and of its features."""
    shutil.copytree(elsewhere.dataset, tmp_path / "dataset")
    shutil.copytree(elsewhere.output, tmp_path / "out")
    return type(elsewhere)(tmp_path / "dataset", tmp_path / "out", tmp_path / "work")


@pytest.fixture
def model(finished, tmp_path):
    """Own copy of the frozen model."""
    return shutil.copytree(finished.group / "model", tmp_path / "model")


def test_the_model_is_published_with_its_digests(finished):
    content = json.loads((finished.group / "model" / "model.json").read_text())
    assert content["people"]["counts"] == {"control": 6, "patient": 6}
    assert content["performance"]["metric"] == "roc_auc"
    listed = json.loads((finished.group / "files.json").read_text())["files"]
    assert {f"group/demo/model/{name}" for name in ("model.json", "arrays.npz", "README.md")} <= set(listed)
    text = (finished.group / "model" / "model.json").read_text()
    assert not [f"sub-{number:02d}" for number in range(1, 13) if f'sub-{number:02d}"' in text]
    card = (finished.group / "model" / "README.md").read_text()
    assert "Not for clinical use" in card
    assert "12 people (6 control, 6 patient)" in card


def test_a_second_training_gives_the_same_bytes(finished, published):
    shutil.rmtree(published.output / "group")
    says(published.run("group"), 0)
    for path in (finished.group / "model").iterdir():
        assert path.read_bytes() == (published.group / "model" / path.name).read_bytes(), path.name


def test_other_people_are_predicted_and_judged(there, model):
    ran = there.run("group", "--apply", str(model))
    says(ran, 0, "finished; open group-demo_desc-external.html")
    folder = there.group / "external"
    predictions, performance = table(folder / "predictions.tsv"), table(folder / "performance.tsv")
    assert predictions["participant_id"].tolist() == [f"sub-{number:02d}" for number in range(1, 13)]
    rows = performance.query("metric == 'roc_auc' and model == 'frozen' and design == 'external'")
    expected = roc_auc_score(predictions["observed"] == "patient", predictions["score"])
    assert rows["estimate"].iloc[0] == pytest.approx(expected)
    internal = performance[performance["design"].str.startswith("internal")]
    assert internal["estimate"].iloc[0] == pytest.approx(
        json.loads((model / "model.json").read_text())["performance"]["estimate"]
    )
    described = json.loads((folder / "performance.json").read_text())
    assert set(described) <= set(performance) and set(performance["model"]) <= set(described["model"]["Levels"])
    assert "group/<analysis>/external/" in (there.output / "README").read_text()
    assert "desc-external.html" in (model / "README.md").read_text()
    page = (there.output / "group-demo_desc-external.html").read_text()
    assert "never instead" in page
    assert "not for clinical use" in page
    assert "12 people bear a label that training used too" in page
    # A second time gives the same bytes, run.json aside.
    before = {path.name: path.read_bytes() for path in folder.glob("*.tsv")}
    says(there.run("group", "--apply", str(model)), 0)
    assert before == {path.name: path.read_bytes() for path in folder.glob("*.tsv")}
    assert page == (there.output / "group-demo_desc-external.html").read_text()


def test_without_labels_there_are_predictions_only(there, model):
    participants = table(there.dataset / "participants.tsv").drop(columns="diagnosis")
    participants.to_csv(there.dataset / "participants.tsv", sep="\t", index=False)
    says(there.run("group", "--apply", str(model)), 0)
    assert np.isfinite(table(there.group / "external" / "predictions.tsv")["score"]).all()
    performance = table(there.group / "external" / "performance.tsv")
    assert not (performance["design"] == "external").any()
    assert "predictions only" in (there.output / "group-demo_desc-external.html").read_text()


def test_the_training_people_are_refused_by_name(published, model):
    ran = published.run("group", "--apply", str(model))
    says(ran, 65, "trained on 12 of these participants", "sub-01, sub-02", "and 2 more")
    assert not (published.group / "external").exists()


def test_a_training_person_under_another_dataset_is_refused_by_the_features(published, model):
    path = published.dataset / "dataset_description.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"Name": "another"}))
    ran = published.run("group", "--apply", str(model), "--participant-label", "03")
    says(ran, 65, "trained on 1 of these participants: sub-03", "by their features, under another name")


def test_a_tampered_model_is_refused(there, model):
    content = bytearray((model / "arrays.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (model / "arrays.npz").write_bytes(content)
    says(there.run("group", "--apply", str(model)), 65, "arrays.npz was changed after it was written")


def test_a_pickle_is_refused_and_not_opened(there, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "trace"), "w"))

    for name in ("model.pkl", "model.joblib"):
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
        says(there.run("group", "--apply", str(tmp_path / name)), 65, name, "pickle or joblib")
    assert not (tmp_path / "trace").exists()


def test_other_settings_of_the_features_are_named(there, model):
    ran = there.run("group", "--apply", str(model), "--set", "denoise.low_pass_hz=0.1")
    says(ran, 65, "denoise.low_pass_hz is 0.2 in the model, 0.1 here")


def test_apply_belongs_to_the_group_level(there, model, tmp_path):
    says(there.run("participant", "--apply", str(model)), 64, "--apply is for the group level")
    says(there.run("group", "--apply", str(tmp_path / "nowhere")), 66, "there is no model folder")
    says(there.run("group", "--apply", str(model.parent / "out" / "group")), 66)


def test_a_dry_run_computes_nothing(there, model):
    says(there.run("group", "--apply", str(model), "--dry-run"), 0, "group/demo/external/", "nothing was computed")
    assert not there.group.exists()


@pytest.mark.slow
def test_a_planted_effect_travels(tmp_path, place_at):
    """Trained on 40 simulated people, the biomarker finds the same effect in 40 whose other couplings are alike."""
    places = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        design = CohortDesign(n_participants=40, n_volumes=150, resolution_mm=10, seed=seed)
        place = place_at(simulate_cohort(folder / "dataset", design), folder / "out", folder / "work")
        says(place.run("participant"), 0)
        places.append(place)
    says(places[0].run("group"), 0)
    says(places[1].run("group", "--apply", str(places[0].group / "model")), 0)
    performance = table(places[1].group / "external" / "performance.tsv")
    rows = performance.query("metric == 'roc_auc' and model == 'frozen'").set_index("design")
    internal = performance[performance["design"].str.startswith("internal")].iloc[0]
    # The cohorts differ in all couplings but the planted one: the two intervals must meet, and exclude chance.
    assert rows.loc["external", "low"] > 0.5
    assert rows.loc["external", "high"] > internal["low"]


def test_its_page_is_made_again_and_stands_beside_the_others(there, model):
    says(there.run("group", "--apply", str(model)), 0)
    page, index = there.output / "group-demo_desc-external.html", there.output / "index.html"
    before = page.read_bytes(), index.read_bytes()
    assert b"applied here" in before[1] and page.name.encode() in before[1]
    for path in (page, index):
        path.unlink()
    says(there.run("group", "--reports-only"), 0, "made again")
    assert (page.read_bytes(), index.read_bytes()) == before
