"""What is told of a study reaches the result, the tables and the files (``steps.words``, on simulated results)."""

import json
from dataclasses import replace
from pathlib import Path

import lxml.html
import pandas as pd
import pytest

from bidsml.app.provenance import effective_study
from bidsml.records import FeatureBlock, Freezing, FrozenModel, ModelCard, Result, TrainingPeople
from bidsml.report.group import checklist, model
from bidsml.report.page import make_page
from bidsml.spec import StudySpec, load_study, study_template
from bidsml.spec.study import study_keys
from bidsml.steps.words import add_words, publish_words

EVIL = '<script>alert("1")</script>'
CARD = ModelCard(
    schema=1,
    version="0.1.0",
    packages={},
    analysis="simulated",
    estimator="logistic",
    parameters={"C": 0.1},
    class_weight="none",
    task="classification",
    target="diagnosis",
    classes=("control", "patient"),
    positive="patient",
    features={},
    features_digest="ab",
    blocks=(FeatureBlock("connectome", "connectome", "correlation", "edges", 0, 3, ("a", "b", "c"), "power2011"),),
    names=("a--b", "a--c", "b--c"),
    nuisance=(),
    people=TrainingPeople({"control": 75, "patient": 75}, "salt", ("secret1",), ("secret2",), ("secret3",)),
)


@pytest.fixture
def study_toml(tmp_path):
    def write(text: str = "") -> Path:
        path = tmp_path / "in" / "study.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def with_words(result: Result, study_toml: Path) -> Result:
    return add_words(result, study_toml=study_toml, freezing=Freezing(FrozenModel(CARD, {})))


def test_the_study_and_the_card_reach_the_result_without_the_people(binary: Result, study_toml) -> None:
    told = with_words(binary, study_toml('contact = "Ada"\n[use]\npurpose = "Research on attention"\n'))
    assert told.study["use"]["purpose"] == "Research on attention"
    assert told.model is not None and told.model.performance["estimate"] == binary.headline.estimate
    assert told.model.people.counts == CARD.people.counts
    assert "secret" not in str(told.model) and "salt'" not in str(told.model.people)
    shown = str(model.section(told))
    assert "Research on attention" in shown and "Ada" in shown and "Not for clinical use" in shown
    assert "group/simulated/model/README.md" in shown


def test_without_a_model_the_note_is_a_warning_and_there_is_no_section(binary: Result, study_toml) -> None:
    told = add_words(binary, study_toml=study_toml(), freezing=Freezing(None, "no model: too few"))
    assert told.warnings[-1] == "no model: too few" and told.model is None
    assert model.section(told) is None


def test_files_are_written_and_the_table_has_every_column_described(binary: Result, study_toml, tmp_path) -> None:
    path = study_toml(f"[open]\nfunding = '{EVIL}'\n")
    told = with_words(binary, path)
    written = {one.name for one in publish_words(tmp_path / "out", told, study_toml=path)}
    assert written == {"methods.md", "methods.html", "methods.bib", "checklist.tsv", "checklist.json", "study.toml"}
    table = pd.read_csv(tmp_path / "out" / "checklist.tsv", sep="\t", dtype=str, keep_default_na=False)
    assert len(table) == 52 + 44
    described = json.loads((tmp_path / "out" / "checklist.json").read_text())
    assert set(described) == set(table)
    assert set(table["status"]) <= set(described["status"]["Levels"])
    assert table.loc[table["item"] == "18a", "text"].item() == f"{EVIL}."
    assert (table["anchor"].str.startswith("group-simulated.html#") | (table["anchor"] == "n/a")).all()


def test_a_study_that_is_no_longer_told_leaves_no_file(binary: Result, study_toml, tmp_path) -> None:
    out = tmp_path / "out"
    publish_words(out, with_words(binary, study_toml('title = "A"')), study_toml=study_toml('title = "A"'))
    assert (out / "study.toml").is_file()
    publish_words(out, replace(binary, study={}), study_toml=study_toml())
    assert not (out / "study.toml").exists()


def test_html_in_what_is_told_does_nothing(binary: Result, study_toml) -> None:
    text = study_template()
    for key, _ in study_keys():
        name = key.rpartition(".")[2]
        text = text.replace(f'{name} = ""', f"{name} = '{name} <img src=x onerror=alert(2)> {EVIL}'")
    told = with_words(binary, study_toml(text))
    page = make_page([checklist.section(told), model.section(told)], title=EVIL, subtitle="", version="0.1")
    tree = lxml.html.fromstring(page.html)
    assert not tree.xpath("//img")
    assert "alert" not in "".join(tree.xpath("//script/text()"))
    assert len(tree.xpath("//script[contains(., 'alert')]")) == 0
    for key, _ in study_keys():
        assert f"{key.rpartition('.')[2]} &lt;img" in page.html.lower(), f"{key} is shown, as text"


def test_the_study_s_effective_copy_loads_to_the_same(study_toml) -> None:
    text = (
        study_template()
        .replace('title = ""', 'title = "It\'s \\"quoted\\""')
        .replace('consent = ""', 'consent = "é 漢"')
    )
    spec = load_study(study_toml(text))
    again = load_study(study_toml(effective_study(spec)))
    assert again == spec and again.told == {"title": 'It\'s "quoted"', "ethics.consent": "é 漢"}
    assert effective_study(StudySpec()) == ""
