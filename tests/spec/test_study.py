"""study.toml: what is accepted, where it is found, and what an error says."""

import json
import tomllib

import pytest

from bidsml.errors import AnalysisFileError, MissingInputError
from bidsml.spec import StudySpec, find_study, load_study, not_applicable, study_schema, study_template
from bidsml.spec.study import study_keys

FULL = """\
title = "A model of attention"
[label]
raters = "Two psychiatrists"
reliability = "not applicable: one rating each"
"""


@pytest.fixture
def study(tmp_path):
    def write(text=FULL):
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_texts_are_read_by_key_and_the_rest_is_empty(study) -> None:
    content = load_study(study())
    assert content.told == {
        "title": "A model of attention",
        "label.raters": "Two psychiatrists",
        "label.reliability": "not applicable: one rating each",
    }
    assert content.get("ethics.consent") == ""
    with pytest.raises(Exception, match="frozen"):
        content.title = "other"


def test_the_template_has_every_key_with_its_meaning_and_loads_to_nothing(study) -> None:
    text = study_template()
    assert load_study(study(text)) == StudySpec()
    content = tomllib.loads(text)
    keys = {key for key in content if not isinstance(content[key], dict)}
    keys |= {f"{table}.{key}" for table in content for key in content[table] if isinstance(content[table], dict)}
    assert keys == {key for key, _ in study_keys()} and len(keys) > 30
    assert all(len(description) > 10 and f"# {description}" in text for _, description in study_keys())


@pytest.mark.parametrize("key", [key for key, _ in study_keys()])
def test_every_key_of_the_template_can_be_filled(key: str, study) -> None:
    table, _, name = key.rpartition(".")
    lines, here = [], ""
    for line in study_template().splitlines():
        here = line.strip("[]") if line.startswith("[") else here
        lines.append(f'{name} = "Told."' if line == f'{name} = ""' and here == table else line)
    assert load_study(study("\n".join(lines))).told == {key: "Told."}


@pytest.mark.parametrize("word", ["yes", "Yes.", "n/a", "not applicable", "done", "-", "TRUE"])
def test_a_word_that_tells_nothing_is_refused_with_its_line(word: str, study) -> None:
    path = study(FULL.replace("Two psychiatrists", word))
    with pytest.raises(AnalysisFileError) as caught:
        load_study(path)
    assert f"{path}:3" in caught.value.message and "label.raters" in caught.value.message
    assert "tells a reader nothing" in caught.value.message and caught.value.exit_code == 78


@pytest.mark.parametrize("text", ["", "   ", "\\n\\t"])
def test_blank_text_is_none(text: str, study) -> None:
    assert load_study(study(FULL.replace("Two psychiatrists", text))).get("label.raters") == ""


def test_a_reason_is_taken_from_not_applicable() -> None:
    assert not_applicable("Not applicable: one rating each") == "one rating each"
    assert not_applicable("n/a - a birth date") == "a birth date"
    assert not_applicable("This is not applicable: no") == "" == not_applicable("")


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [
        ("[label]\nrater = 'x'\n", 2, "did you mean 'raters'"),
        ("[lable]\nraters = 'x'\n", 1, "'label'"),
        ("title = 3\n", 1, "found 3"),
        ("[ethics]\nconsent = true\n", 2, "found True"),
        ("title = 'x'\ntitle = 'y'\n", 0, "not valid TOML"),
    ],
)
def test_an_error_names_file_line_and_near_names(wrong: str, line: int, words: str, study) -> None:
    path = study(wrong)
    with pytest.raises(AnalysisFileError) as caught:
        load_study(path)
    assert words in caught.value.message and (f"{path}:{line}" if line else str(path)) in caught.value.message


def test_the_file_is_found_as_given_then_beside_the_analysis_then_in_the_dataset(tmp_path) -> None:
    bids, analyses = tmp_path / "bids", tmp_path / "analyses"
    (bids / "code").mkdir(parents=True)
    analyses.mkdir()
    analysis = analyses / "analysis.toml"
    analysis.write_text("")

    def found(given=None, name=str(analysis)):
        return find_study(given, analysis=name, bids_dir=bids)

    assert found() is None
    in_dataset = bids / "code" / "study.toml"
    in_dataset.write_text("")
    assert found() == in_dataset
    beside = analyses / "study.toml"
    beside.write_text("")
    assert found() == beside == found(name=str(analyses))
    assert found(name="rest-connectome") == in_dataset, "a name is no place"
    given = tmp_path / "other.toml"
    with pytest.raises(MissingInputError, match=r"other\.toml"):
        found(given)
    given.write_text("")
    assert found(given) == given


def test_the_schema_names_every_key() -> None:
    text = json.dumps(study_schema())
    assert all(f'"{key.rpartition(".")[2]}"' in text for key, _ in study_keys())
    assert '"additionalProperties": false' in text
