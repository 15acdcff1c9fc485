"""Methods text of the first-level models of a task."""

from bidsml.report.methods_text import Sentence
from bidsml.report.references import AGUIRRE, CIRIC, FRISTON_RESPONSE, GLOVER, MUMFORD, SIEGEL
from bidsml.report.wording import listing
from bidsml.spec import DenoiseSpec, TaskSpec


def describe_task(task: TaskSpec, denoise: DenoiseSpec) -> list[Sentence]:
    """Say how the responses to a task were estimated.

    Parameters
    ----------
    denoise
        Which confounds are of no interest to the model.
    """
    sentences = [_say_model(task), _say_nuisance(denoise)]
    if task.contrasts:
        named = listing([f"{name} ({expression})" for name, expression in task.contrasts.items()])
        sentences.append(Sentence(f"Contrasts of trial types were: {named}."))
    if task.single_trial == "lss":
        words = (
            "The response to each trial was estimated too, by a model of its own with the other trials of its type in "
            "one regressor (Mumford et al., 2012)."
        )
        sentences.append(Sentence(words, (MUMFORD,)))
    elif task.single_trial == "lsa":
        sentences.append(Sentence("The response to each trial was estimated too, by one model of all trials."))
    return sentences


def _say_model(task: TaskSpec) -> Sentence:
    response = "Glover, 1999" if task.hrf.startswith("glover") else "Friston et al., 1998"
    source = GLOVER if task.hrf.startswith("glover") else FRISTON_RESPONSE
    derivative = " and its time derivative" if task.hrf.endswith("derivative") else ""
    smoothed = f", smoothed by a Gaussian of {task.smoothing_fwhm_mm:g} mm full width at half maximum"
    drifts = f"cosines below {task.high_pass_hz:g} Hz for drifts" if task.high_pass_hz else "a constant without drifts"
    return Sentence(
        f"Task runs{smoothed if task.smoothing_fwhm_mm else ', not smoothed'} and in percent of each voxel's mean, "
        f"were modelled with nilearn: the events of each trial type, convolved with a canonical haemodynamic response "
        f"({response}){derivative}, {drifts}, and first-order autoregressive noise; runs of one participant were "
        "combined as fixed effects.",
        (source,),
    )


def _say_nuisance(denoise: DenoiseSpec) -> Sentence:
    sources = []
    if denoise.columns:
        words = f"Regressors of no interest were {listing(list(denoise.columns))}"
    elif denoise.strategy == "none":
        words = "Regressors of no interest were left out"
    else:
        words = (
            f"Regressors of no interest were the {denoise.strategy} set of confounds (Ciric et al., 2017), less the "
            "global signal where the set has it, since that holds part of the response (Aguirre et al., 1998)"
        )
        sources += [CIRIC, AGUIRRE]
    moving = ""
    if denoise.fd_censor_mm:
        moving = f" or with a framewise displacement above {denoise.fd_censor_mm:g} mm"
    words += f"; each volume before the steady state{moving} had a regressor of its own (Siegel et al., 2014)."
    return Sentence(words, (*sources, SIEGEL))
