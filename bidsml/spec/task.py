"""The ``[task]`` section of an analysis: what the first-level model of a task estimates."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bidsml.spec.section import Section

# A contrast's name becomes part of file and feature names; two hyphens stand between contrast and region there.
ContrastName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length=60)]
Expression = Annotated[str, StringConstraints(min_length=1)]


class TaskSpec(Section):
    """How the responses to a task are estimated. Used where a feature block has kind task_contrast."""

    contrasts: dict[ContrastName, Expression] = Field(
        {},
        description="Contrast by name, as a sum of trial types of events.tsv with weights: "
        'face-house = "face - house", or emotion = "(happy + sad) / 2 - neutral".',
    )
    hrf: Literal["glover", "spm", "glover + derivative", "spm + derivative"] = Field(
        "glover", description="Canonical haemodynamic response, with its time derivative where named so."
    )
    high_pass_hz: float = Field(
        0.01, ge=0, description="Drifts below this frequency are modelled by cosines. 0: a constant only."
    )
    smoothing_fwhm_mm: float = Field(5.0, ge=0, le=20, description="Smoothing before the model is fitted. 0: none.")
    single_trial: Literal["none", "lss", "lsa"] = Field(
        "none",
        description="Estimate each trial's response in each region too. lss: one model a trial, the others of its "
        "type in one regressor (Mumford 2012); lsa: all trials in one model.",
    )
