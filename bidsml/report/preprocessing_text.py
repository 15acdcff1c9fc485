"""Methods text of the built-in preprocessing, from what was done to the images."""

from collections.abc import Sequence

import numpy as np

from bidsml.records import FunctionalQC, ParticipantResult
from bidsml.report.lookup import read_section
from bidsml.report.methods_text import Sentence
from bidsml.report.references import (
    AVANTS_ATROPOS,
    AVANTS_SYN,
    BAKER,
    BEHZADI,
    FRISTON_MOTION,
    IGLEWICZ,
    MATTES,
    MUSCHELLI,
    NICHOLS,
    POWER,
    SATTERTHWAITE,
    TUSTISON,
    UNSER,
)
from bidsml.report.wording import number
from bidsml.spec import PreprocessSpec

# Of ``FunctionalQC.carpet_tissues``: the template has no tissue maps. A T1w has its own.
_UNKNOWN = 3


def describe_preprocessing(result: ParticipantResult) -> list[Sentence]:
    """Say what was done to a participant's raw images; nothing where derivatives were given."""
    settings = read_section(PreprocessSpec, result.preprocess)
    spaces = [quality.space for quality in result.anatomical]
    spaces += [scan.entities["space"] for scan in result.scans if "space" in scan.entities]
    space = spaces[0] if spaces else ""
    sentences: list[Sentence] = []
    if result.anatomical:
        sentences += describe_anatomy(
            settings,
            space=space,
            is_averaged=any(quality.n_t1w > 1 for quality in result.anatomical),
            n_stripped=sum(quality.skull_stripped_input for quality in result.anatomical),
            n_images=len(result.anatomical),
        )
    if result.functional:
        sentences += describe_runs(result.functional, settings, space=space)
    return sentences


# ------------------------------------------------------------------ T1w


def describe_anatomy(
    settings: PreprocessSpec, *, space: str = "", is_averaged: bool = False, n_stripped: int = 0, n_images: int = 1
) -> list[Sentence]:
    """Say what was done to raw T1w images.

    Parameters
    ----------
    space
        BIDS label of the template's space, empty where it is not known.
    is_averaged
        Whether several images of one session were averaged.
    n_stripped, n_images
        How many of how many images came without a skull.
    """
    sentences = []
    if is_averaged:
        words = "Several T1w images of one session were aligned rigidly by mutual information and averaged."
        sentences.append(Sentence(words))
    bias = "The bias field of T1w images was corrected by N4 (Tustison et al., 2010) in ANTs."
    return [
        *sentences,
        Sentence(bias, (TUSTISON,)),
        _say_brain(n_stripped, n_images),
        _say_normalisation(settings, _name_space(space)),
        Sentence(
            "Probabilities of grey matter, white matter and cerebrospinal fluid were estimated by Atropos "
            "(Avants et al., 2011): a Gaussian per tissue and a Markov random field, with the template's tissue "
            "probabilities as priors where it has them.",
            (AVANTS_ATROPOS,),
        ),
    ]


def _name_space(space: str) -> str:
    return f"the template {space}" if space else "the template"


def _say_brain(n_stripped: int, n_images: int) -> Sentence:
    found = (
        "The brain was found by an affine and then a symmetric diffeomorphic registration of the head to the "
        "template, and its border moved by at most 4 mm to where the brightness of brain tissue ends."
    )
    if not n_stripped:
        return Sentence(found)
    came = "came skull-stripped: what was brighter than the fringe in them was taken for the brain"
    if n_stripped == n_images:
        return Sentence(f"The T1w images {came}.")
    return Sentence(f"{found} {n_stripped} of {n_images} T1w images {came}.")


def _say_normalisation(settings: PreprocessSpec, template: str) -> Sentence:
    linear = f"Brains were registered to {template} by a rigid and an affine transform, which maximised mutual"
    measure = "local cross-correlation" if settings.registration == "precise" else "the same measure"
    return Sentence(
        f"{linear} information (Mattes et al., 2003), and by a symmetric diffeomorphic one (SyN; Avants et al., 2008), "
        f"which maximised {measure}, at 2 mm.",
        (MATTES, AVANTS_SYN),
    )


# ------------------------------------------------------------------ BOLD


def describe_runs(
    runs: Sequence[FunctionalQC], settings: PreprocessSpec, *, space: str = "", has_t1w: bool = True
) -> list[Sentence]:
    """Say what was done to raw BOLD runs.

    Parameters
    ----------
    runs
        What became of each; empty where it is not known: the text then says what is done to any run.
    has_t1w
        Whether there are T1w images; only asked where ``runs`` are empty.
    """
    return [
        _say_steady_state(runs, settings),
        Sentence(
            "A reference image was averaged from up to 16 volumes in the steady state, aligned to the most typical of "
            "them."
        ),
        Sentence(
            "Head motion relative to it was estimated from the volumes as they were measured, by rigid registration "
            "with robust least squares (inverse composition; Baker & Matthews, 2004).",
            (BAKER,),
        ),
        _say_slice_timing(runs),
        *_say_registration(runs, _name_space(space), has_t1w=has_t1w),
        Sentence(
            "Head motion and registrations were joined to one map, and each volume was brought to "
            f"{_name_space(space)} by one cubic spline interpolation, at {settings.resolution_mm:g} mm."
        ),
        *_say_confounds(has_tissues=_have_tissues(runs) if runs else has_t1w),
    ]


def _have_tissues(runs: Sequence[FunctionalQC]) -> bool:
    return any(run.target == "T1w" or bool(np.any(run.carpet_tissues < _UNKNOWN)) for run in runs)


def _say_steady_state(runs: Sequence[FunctionalQC], settings: PreprocessSpec) -> Sentence:
    counts = sorted({run.n_dummy for run in runs})
    found = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else ""
    per_run = f": {found} a run" if len(runs) > 1 else f": {found} in the run"
    per_run = per_run if runs else ""
    if settings.dummy_volumes == "auto":
        words = (
            "Volumes before the steady state of the magnetisation were found as outliers by the modified z score of "
            f"their mean signal (Iglewicz & Hoaglin, 1993){per_run}."
        )
        return Sentence(words, (IGLEWICZ,))
    return Sentence(f"The first volumes were taken to lie before the steady state of the magnetisation{per_run}.")


def _say_slice_timing(runs: Sequence[FunctionalQC]) -> Sentence:
    if not runs:
        words = "Where slice times were known, slices were brought to the middle of the acquisition,"
        return Sentence(f"{words} by quintic B-splines over time (Unser, 1999).", (UNSER,))
    corrected = [run for run in runs if run.slice_timing]
    if not corrected:
        return Sentence("Slice timing was not corrected.")
    times = sorted({number(run.slice_time_s) for run in corrected})
    when = f", {times[0]} s after the start of each volume" if len(times) == 1 else ""
    some = "" if len(corrected) == len(runs) else f"In {len(corrected)} of {len(runs)} runs, "
    words = f"{some}{'slices' if some else 'Slices'} were brought to the middle of the acquisition{when}, by quintic "
    return Sentence(f"{words}B-splines over time (Unser, 1999).", (UNSER,))


def _say_registration(runs: Sequence[FunctionalQC], template: str, *, has_t1w: bool) -> list[Sentence]:
    direct = [run for run in runs if run.target != "T1w"]
    sentences = []
    if len(direct) < len(runs) or (not runs and has_t1w):
        words = "The reference was registered rigidly to the T1w image by mutual information (Mattes et al., 2003)."
        sentences.append(Sentence(words, (MATTES,)))
    if direct or not (runs or has_t1w):
        some = f" of {len(direct)} of {len(runs)} runs" if len(direct) < len(runs) else ""
        words = (
            f"For want of a T1w image, the reference{some} was registered to {template} directly, by a symmetric "
            "diffeomorphic transform (SyN; Avants et al., 2008) that maximised mutual information (Mattes et al., "
            "2003)."
        )
        sentences.append(Sentence(words, (AVANTS_SYN, MATTES)))
    return sentences


def _say_confounds(*, has_tissues: bool) -> list[Sentence]:
    sentences = [
        Sentence(
            "From the realigned run in its own space came the confounds: 24 terms of head motion (Friston et al., "
            "1996; in the form of Satterthwaite et al., 2013), framewise displacement and DVARS (Power et al., 2012), "
            "the latter also standardised (Nichols, 2013), the mean signal of the brain, and cosines slower than "
            "128 s.",
            (FRISTON_MOTION, SATTERTHWAITE, POWER, NICHOLS),
        )
    ]
    if has_tissues:
        words = (
            "White matter and cerebrospinal fluid gave their mean signals and, each for itself and together, "
            "principal components (aCompCor; Behzadi et al., 2007; Muschelli et al., 2014)."
        )
        sentences.append(Sentence(words, (BEHZADI, MUSCHELLI)))
    return sentences
