"""Methods text of the first-level models of a task."""

from collections.abc import Callable, Iterable

import pytest

from bidsml.report.methods_text import Sentence
from bidsml.report.task_text import describe_task
from bidsml.spec import DenoiseSpec, TaskSpec

Check = Callable[[Iterable[Sentence]], None]
CONTRASTS = {"face-house": "face - house"}


@pytest.mark.parametrize(
    ("task", "denoise", "words", "never"),
    [
        ({}, {}, "(Glover, 1999), cosines below 0.01 Hz", "Friston"),
        ({"hrf": "spm + derivative"}, {}, "(Friston et al., 1998) and its time derivative, cosines", "Glover"),
        ({"high_pass_hz": 0}, {}, "a constant without drifts", "cosines"),
        ({"smoothing_fwhm_mm": 6}, {}, "smoothed by a Gaussian of 6 mm", "not smoothed"),
        ({"smoothing_fwhm_mm": 0}, {}, "Task runs, not smoothed and in percent", "Gaussian"),
        ({}, {}, "face-house (face - house)", "each trial was"),
        ({"single_trial": "lss"}, {}, "Mumford", "one model of all"),
        ({"single_trial": "lsa"}, {}, "by one model of all trials", "Mumford"),
        ({}, {"strategy": "24p"}, "the 24p set of confounds", "were left out"),
        ({}, {"strategy": "none"}, "no interest were left out", "Aguirre"),
        ({}, {"columns": ("csf",)}, "no interest were csf;", "Aguirre"),
        ({}, {"fd_censor_mm": 0.4}, "above 0.4 mm had a regressor of its own", "above 0.5"),
        ({}, {"fd_censor_mm": 0}, "before the steady state had a regressor of its own", "framewise"),
    ],
)
def test_a_model_is_told_as_it_was_fitted(task, denoise, words, never, each_cited: Check) -> None:
    made = describe_task(TaskSpec(contrasts=CONTRASTS, **task), DenoiseSpec(**denoise))
    each_cited(made)
    text = " ".join(sentence.text for sentence in made)
    assert words in text and never not in text
    assert "first-order autoregressive noise" in text
