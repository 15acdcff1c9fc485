"""Methods text of the built-in preprocessing: what ran, and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from bidsml.records import AnatomicalQC, ParticipantResult
from bidsml.report.methods_text import Sentence, describe_features
from bidsml.report.preprocessing_text import (
    describe_anatomy,
    describe_preprocessing,
    describe_runs,
)
from bidsml.spec import PreprocessSpec

Check = Callable[[Iterable[Sentence]], None]
ANATOMY = AnatomicalQC("sub-0001", (1.0, 1.0, 1.0), 1, "MNI152NLin2009aSym", 1400, 650, 480, 270, 0.97, 0.75)


@pytest.fixture
def whole(raw_participant: ParticipantResult) -> ParticipantResult:
    """Both T1w and BOLD were preprocessed."""
    settings = PreprocessSpec(resolution_mm=3.0).model_dump(mode="json")
    return replace(raw_participant, anatomical=(ANATOMY,), preprocess=settings)


def join(sentences: Iterable[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)


def test_the_steps_are_told_in_order_with_their_sources(whole: ParticipantResult, each_cited: Check) -> None:
    made = describe_preprocessing(whole)
    each_cited(made)
    text = join(made)
    words = (
        "N4 (Tustison", "registration of the head", "registered to the template MNI152NLin2009aSym",
        "SyN; Avants et al., 2008", "Atropos (Avants et al., 2011)", "modified z score", "2 in the run.",
        "Head motion relative", "middle of the acquisition, 0.950 s after", "registered rigidly to the T1w", "at 3 mm",
        "aCompCor",
    )  # fmt: skip
    places = [text.find(word) for word in words]
    assert min(places) >= 0, words[int(np.argmin(places))]
    assert places == sorted(places)


def test_derivatives_were_not_preprocessed_here(simulate_participant) -> None:
    assert describe_preprocessing(simulate_participant()) == []


def test_only_what_ran_is_told(whole: ParticipantResult) -> None:
    assert "BOLD" not in (text := join(describe_preprocessing(replace(whole, functional=())))) and "Atropos" in text
    assert "Atropos" not in (text := join(describe_preprocessing(replace(whole, anatomical=())))) and "motion" in text


@pytest.mark.parametrize(
    ("settings", "words", "never"),
    [
        ({"registration": "fast"}, "maximised the same measure", "cross-correlation"),
        ({"registration": "precise"}, "maximised local cross-correlation", "the same measure"),
    ],
)
def test_the_registration_is_that_of_the_settings(settings, words, never, each_cited: Check) -> None:
    made = describe_anatomy(PreprocessSpec(**settings))
    each_cited(made)
    assert words in join(made) and never not in join(made)


def test_images_without_a_skull_needed_no_search(each_cited: Check) -> None:
    found, came = "registration of the head", "came skull-stripped"
    for stripped, images, searched in ((0, 2, True), (1, 2, True), (2, 2, False)):
        made = describe_anatomy(PreprocessSpec(), n_stripped=stripped, n_images=images)
        each_cited(made)
        assert (found in join(made)) == searched
        assert (came in join(made)) == (stripped > 0)
    assert "1 of 2 T1w images came" in join(describe_anatomy(PreprocessSpec(), n_stripped=1, n_images=2))


def test_averaging_is_told_where_there_was_something_to_average(whole: ParticipantResult) -> None:
    assert "averaged." not in join(describe_preprocessing(replace(whole, functional=())))
    twice = replace(whole, functional=(), anatomical=(replace(ANATOMY, n_t1w=2),))
    assert "aligned rigidly by mutual information and averaged." in join(describe_preprocessing(twice))


def test_a_density_may_stay_unsmoothed() -> None:
    block = [("gray_matter", "density", "a")]
    assert "of 8 mm" in describe_features(block, density_fwhm_mm=8.0)[1].text
    assert "not smoothed" in describe_features(block, density_fwhm_mm=0.0)[1].text
    assert len(describe_features([("morphometry", "volume", "a")], density_fwhm_mm=8.0)) == 1, (
        "volumes are not smoothed"
    )


def test_runs_that_differ_are_counted(whole: ParticipantResult, each_cited: Check) -> None:
    first = whole.functional[0]
    second = replace(first, slice_timing=False, slice_time_s=float("nan"), target="template", n_dummy=0)
    made = describe_runs((first, second), PreprocessSpec(), space="X")
    each_cited(made)
    text = join(made)
    assert "0 to 2 a run" in text and "In 1 of 2 runs, slices were brought" in text
    assert "reference of 1 of 2 runs was registered to the template X directly" in text
    alone = join(describe_runs((second,), PreprocessSpec()))
    assert "Slice timing was not corrected." in alone and "rigidly to the T1w" not in alone


def test_a_fixed_number_of_volumes_was_not_found_in_the_data(whole: ParticipantResult, each_cited: Check) -> None:
    made = describe_runs(whole.functional, PreprocessSpec(dummy_volumes=2))
    each_cited(made)
    assert "modified z" not in join(made) and "steady state of the magnetisation: 2 in the run." in join(made)


def test_without_tissues_there_are_no_components(whole: ParticipantResult) -> None:
    unknown = np.full(30, 3, dtype=np.int8)
    for target, tissues, told in (("T1w", unknown, True), ("template", whole.functional[0].carpet_tissues, True),
                                  ("template", unknown, False)):  # fmt: skip
        run = replace(whole.functional[0], target=target, carpet_tissues=tissues)
        assert ("aCompCor" in join(describe_runs((run,), PreprocessSpec()))) == told


@pytest.mark.parametrize("has_t1w", [True, False])
def test_runs_that_are_not_known_yet_are_told_without_counts(has_t1w: bool) -> None:
    made = describe_runs((), PreprocessSpec(), space="MNI152", has_t1w=has_t1w)
    text = " ".join(sentence.text for sentence in made)
    assert "1993)." in text and "Where slice times were known" in text
    assert ("registered rigidly to the T1w image" in text) == has_t1w
    assert ("For want of a T1w image" in text) == (not has_t1w)
    assert ("aCompCor" in text) == has_t1w
    assert " 0 " not in text
