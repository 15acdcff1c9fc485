"""What single sections of the participant page say."""

import json
from dataclasses import replace
from pathlib import Path

import lxml.html
import numpy as np
import pytest

from bidsml.records import AnatomicalQC, FeatureVector, ParticipantResult, Scan
from bidsml.report import render_participant
from bidsml.report.blocks import Figure, Paragraph, Rating, Table
from bidsml.report.participant import coverage, denoising, features, inputs, methods, motion, rating, verdict
from bidsml.spec import PreprocessSpec, TaskSpec


@pytest.fixture(scope="module")
def person(simulate_participant) -> ParticipantResult:
    return simulate_participant()


@pytest.mark.parametrize(("judged", "tone"), [("pass", "good"), ("review", "caution"), ("fail", "bad")])
def test_the_verdict_is_said_in_words(person: ParticipantResult, judged: str, tone: str) -> None:
    made = verdict.section(replace(person, verdict=judged))
    assert made.badge.lower().startswith(judged) and made.tone == tone
    assert made.blocks[0].items == person.reasons


def test_motion_tells_means_and_left_out_volumes(person: ParticipantResult) -> None:
    qc = person.qc[0]
    made = motion.section(person)
    figure = next(block for block in made.blocks if isinstance(block, Figure))
    assert f"{int(qc.censored.sum())} of 200 volumes" in figure.alt
    assert sum(int(row[1]) for row in figure.table.rows) == np.isfinite(qc.fd_mm).sum()


def test_motion_without_dvars_or_a_limit_is_drawn(person: ParticipantResult) -> None:
    qc = replace(person.qc[0], dvars=np.empty(0), censored=np.empty(0, dtype=bool))
    made = motion.section(replace(person, qc=(qc,), denoise={}))
    assert "No limit was set" in next(block for block in made.blocks if isinstance(block, Figure)).alt


def test_coverage_names_missing_regions_with_the_reason(person: ParticipantResult) -> None:
    made = coverage.section(person)
    table = next(block for block in made.blocks if isinstance(block, Table))
    assert table.rows == (("dosenbach2010", "region 3", "20 % of it lies inside the brain mask"),)
    figure = next(block for block in made.blocks if isinstance(block, Figure))
    assert figure.table.rows == (("region 3", "20 %"),)


def test_full_coverage_is_a_sentence(person: ParticipantResult) -> None:
    qc = replace(person.qc[0], region_coverage=np.ones(20))
    vector = replace(person.features[0], missing={})
    made = coverage.section(replace(person, qc=(qc,), features=(vector,)))
    assert [type(block) for block in made.blocks] == [Paragraph, Paragraph]


def test_ready_matrices_have_no_denoising(simulate_participant) -> None:
    assert denoising.section(simulate_participant(motion=False)) is None


def test_a_vector_is_listed_with_its_names(person: ParticipantResult) -> None:
    vector = FeatureVector("thickness", "table", "", ("lh", "rh"), np.array([2.5, np.nan]))
    (table,) = features.section(replace(person, features=(vector,))).blocks
    assert table.rows == (("lh", "2.50"), ("rh", "n/a"))


def test_a_participant_with_tables_only_has_a_page(person: ParticipantResult) -> None:
    vector = FeatureVector("thickness", "table", "", ("lh", "rh"), np.array([2.5, np.nan]))
    scan = replace(person.scans[0], kind="table", tr_s=None, entities={}, derivative="")
    page = render_participant(replace(person, scans=(scan,), qc=(), features=(vector,)))
    assert page.figures == {} and "table row" in page.html


def test_methods_name_the_cleaning(person: ParticipantResult) -> None:
    text = told(person)
    assert "36p" in text and "0.008 to 0.08 Hz" in text and "above 0.5 mm" in text


def told(person: ParticipantResult) -> str:
    return " ".join(block.text for block in methods.section(person).blocks if isinstance(block, Paragraph))


def anatomy_alone(person: ParticipantResult) -> ParticipantResult:
    """A participant with raw T1w and no BOLD."""
    scan = Scan("0001", "t1w", Path("/data/sub-0001_T1w.nii.gz"))
    found = AnatomicalQC("sub-0001", (1.0, 1.0, 1.0), 1, "MNI152NLin2009aSym", 1400, 650, 480, 270, 0.97, 0.75)
    vector = FeatureVector(
        "gray-matter", "gray_matter", "density", ("a", "b"), np.array([0.4, np.nan]), missing={"b": "not there"},
        atlas="boxes",
    )  # fmt: skip
    settings = PreprocessSpec(gray_matter_fwhm_mm=8).model_dump(mode="json")
    return replace(
        person, scans=(scan,), qc=(), features=(vector,), denoise={}, anatomical=(found,), preprocess=settings
    )


def test_a_participant_with_anatomy_only_has_a_page_without_empty_sections(person: ParticipantResult) -> None:
    made = anatomy_alone(person)
    tree = lxml.html.fromstring(render_participant(made).html)
    anchors = tree.xpath("//main/section/@id")
    assert anchors == [
        "verdict", "inputs", "anatomy", "coverage", "features", "rating", "methods", "errors", "about",
    ]  # fmt: skip
    assert all(section.xpath(".//p | .//table | .//ul | .//dl") for section in tree.xpath("//main/section"))
    text = told(made)
    assert "from raw T1w images." in text and "8 mm" in text and "in the regions of the boxes atlas" in text
    assert "regressed out" not in text and "BOLD" not in text


def test_a_task_s_signals_were_not_cleaned_but_modelled(person: ParticipantResult) -> None:
    vector = FeatureVector("task", "task_contrast", "z", ("a-b--r",), np.ones(1), atlas="boxes")
    task = TaskSpec(contrasts={"a-b": "a - b"}, hrf="spm").model_dump(mode="json")
    text = told(replace(person, features=(vector,), qc=(), task=task))
    assert "a-b (a - b)" in text and "(Friston et al., 1998)" in text and "z values of contrasts" in text
    assert "regressed out" not in text and "band-pass" not in text
    both = told(replace(person, features=(vector, *person.features), task=task))
    assert "a-b (a - b)" in both and "band-pass" in both


def test_runs_that_were_preprocessed_here_are_said_to_be_raw(raw_participant: ParticipantResult) -> None:
    assert "from raw BOLD runs." in told(raw_participant)
    scan = replace(raw_participant.scans[0], derivative="")
    (table,) = inputs.section(replace(raw_participant, scans=(scan,))).blocks
    assert table.rows[0][2] == "raw BOLD, preprocessed here"


def test_no_prediction_is_on_the_page(person: ParticipantResult) -> None:
    html = render_participant(person).html.lower()
    assert not any(word in html for word in ("predict", "probability", "classified", "score"))


def test_a_rating_says_whom_what_and_which_versions_it_is_about(person: ParticipantResult) -> None:
    hidden = replace(person, reasons=("/data/secret/sub-0001.nii.gz is cut off",))
    (block,) = rating.section(hidden).blocks
    assert isinstance(block, Rating)
    assert block.record["participant_id"] == "sub-0001" and block.name == "sub-0001_rating"
    assert block.record["analysis_digest"] == person.provenance.spec_digest
    assert block.record["automatic_verdict"] == person.verdict
    assert block.record["package_versions"]["numpy"] == "2.4.0"
    assert "secret" not in json.dumps(block.record), "folders tell about people and machines"
