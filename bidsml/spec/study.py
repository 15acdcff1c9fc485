"""study.toml: what software cannot know of a study, in its authors' words.

Field descriptions are the reference documentation, the JSON Schema and the template. Everything is optional: what is
left out stands as MISSING in the reporting checklists.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from bidsml.errors import AnalysisFileError, MissingInputError
from bidsml.spec.section import Section
from bidsml.spec.tomlfile import explain, read_toml

STUDY_FILE = "study.toml"
_EMPTY = re.compile(
    r"(yes|y|no|true|false|done|ok|n/?a|not applicable|tbd|to do|see paper|[.\-?x]+)[.!]?", re.IGNORECASE
)
_NOT_APPLICABLE = re.compile(r"(?:n/a|not applicable)\s*[:;,.–-]\s*(\S.*)", re.IGNORECASE | re.DOTALL)


def _tell_something(text: str) -> str:
    """Refuse words that tell a reader nothing, such as a bare ``yes``; blank text is as good as none."""
    stripped = " ".join(text.split())
    if _EMPTY.fullmatch(stripped):
        raise ValueError(
            f"{stripped!r} tells a reader nothing: say what was done, or 'not applicable: ' and the reason, or leave "
            "the text empty"
        )
    return stripped


Told = Annotated[str, AfterValidator(_tell_something)]


class WhySpec(Section):
    """Why the study was done."""

    background: Told = Field(
        "", description="Healthcare or scientific context, whether diagnostic or prognostic, and models there are."
    )
    inequalities: Told = Field("", description="Known health inequalities between sociodemographic groups.")
    objectives: Told = Field("", description="Aims and hypotheses; which were stated before the data were seen.")


class UseSpec(Section):
    """What the model is meant for."""

    population: Told = Field("", description="The people for whom the model is intended.")
    purpose: Told = Field("", description="Its intended use, and its place in care or research.")
    users: Told = Field("", description="Who would use it: researchers, clinicians, patients.")
    expertise: Told = Field("", description="What a user has to do with the input, and the expertise that this takes.")
    implications: Told = Field("", description="What the results mean for practice, and what they don't.")


class DataSpec(Section):
    """Where the data come from."""

    design: Told = Field("", description="Prospective or retrospective; cohort, case-control, trial, routine care.")
    source: Told = Field("", description="Source of the data, why it was used, and whom it represents.")
    dates: Told = Field("", description="Start and end of recruitment, and of follow-up, in words: no person's dates.")
    setting: Told = Field("", description="Kind, number and location of the centres.")
    eligibility: Told = Field("", description="Who could take part and who could not, before bidsml saw the data.")
    treatments: Told = Field("", description="Treatments that people received, and how they were taken into account.")
    acquisition: Told = Field("", description="Scanners and sequences, or where they are described.")
    deidentification: Told = Field("", description="How the data were de-identified.")


class LabelSpec(Section):
    """Where the label comes from."""

    definition: Told = Field("", description="What the label means, and how and when it was assessed.")
    rationale: Told = Field("", description="Why this outcome, and why this way to assess it.")
    raters: Told = Field("", description="Who assessed it, with which qualifications.")
    reliability: Told = Field("", description="Agreement between and within raters.")
    blinding: Told = Field("", description="What kept raters from knowing images and predictors.")


class PlanSpec(Section):
    """What was decided before the analysis."""

    predictors: Told = Field("", description="Why these brain measures, atlas and confounds were chosen.")
    sample_size: Told = Field("", description="How the sample size came about, and whether it is enough.")
    protocol: Told = Field("", description="Where the protocol can be read, or that there is none.")
    registration: Told = Field("", description="Register and number, or that the study was not registered.")
    involvement: Told = Field("", description="How patients and the public were involved, or that they were not.")


class EthicsSpec(Section):
    """Approval and consent."""

    approval: Told = Field("", description="The committee that approved the study, and the approval's number.")
    consent: Told = Field("", description="Informed consent, or its waiver.")


class OpenSpec(Section):
    """Funding, interests and what is shared."""

    funding: Told = Field("", description="Sources of funding and the role of the funders.")
    conflicts: Told = Field("", description="Conflicts of interest of all authors, or that there are none.")
    data: Told = Field("", description="Whether and where the data can be had.")
    code: Told = Field("", description="Where code beyond bidsml and analysis.toml can be had, and the model.")


class DiscussionSpec(Section):
    """What the authors make of the result."""

    interpretation: Told = Field("", description="What the results mean, also for fairness, beside earlier studies.")
    limitations: Told = Field("", description="Limits of the study and what they do to bias and generalisability.")
    failures: Told = Field("", description="What the people have in common whom the model gets wrong.")
    next_steps: Told = Field("", description="What should be studied next, for the model to be applicable elsewhere.")


class StudySpec(Section):
    """What software cannot know of a study."""

    title: Told = Field("", description="Title: model developed or evaluated, population, outcome, kind of method.")
    abstract: Told = Field("", description="Structured summary: design, methods, results, conclusions.")
    contact: Told = Field("", description="Who answers questions about the study and the model.")
    why: WhySpec = WhySpec()
    use: UseSpec = UseSpec()
    data: DataSpec = DataSpec()
    label: LabelSpec = LabelSpec()
    plan: PlanSpec = PlanSpec()
    ethics: EthicsSpec = EthicsSpec()
    open: OpenSpec = OpenSpec()
    discussion: DiscussionSpec = DiscussionSpec()

    def get(self, key: str) -> str:
        """Give the text of a key such as ``label.raters``; empty where nothing is told."""
        section, _, name = key.rpartition(".")
        text: str = getattr(getattr(self, section) if section else self, name)
        return text

    @property
    def told(self) -> dict[str, str]:
        """Every text that is not empty, by its key."""
        return {key: self.get(key) for key, _ in study_keys() if self.get(key)}


def not_applicable(text: str) -> str:
    """Give the reason of a text that begins with ``not applicable:``; empty for any other text.

    >>> not_applicable("Not applicable: the label is a birth date.")
    'the label is a birth date.'
    """
    found = _NOT_APPLICABLE.fullmatch(text)
    return found[1] if found else ""


def study_keys() -> Iterator[tuple[str, str]]:
    """Every key of study.toml with its description, in the order of the file."""
    for name, field in StudySpec.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from ((f"{name}.{key}", one.description or "") for key, one in inner.model_fields.items())
        else:
            yield name, field.description or ""


def find_study(given: Path | None, *, analysis: str, bids_dir: Path) -> Path | None:
    """Find study.toml: as given, else beside the analysis file, else in ``BIDS_DIR/code``; ``None`` without one.

    Raises
    ------
    MissingInputError
        The file that was given is not there.
    """
    if given is not None:
        path = given / STUDY_FILE if given.is_dir() else given
        if not path.is_file():
            raise MissingInputError(
                f"there is no study file {path}", hint="check --study; `bidsml schema --study-template` prints one"
            )
        return path
    place = Path(analysis)
    beside = (place if place.is_dir() else place.parent) / STUDY_FILE
    if place.exists() and beside.is_file():
        return beside
    path = bids_dir / "code" / STUDY_FILE
    return path if path.is_file() else None


def load_study(path: Path) -> StudySpec:
    """Load and check a study.toml.

    Raises
    ------
    AnalysisFileError
        The file is not TOML, has an unknown key or a wrong type, or a text tells nothing; the message gives the line.
    """
    text, content = read_toml(path)
    try:
        return StudySpec.model_validate(content)
    except ValidationError as error:
        message = explain(error, path=path, text=text, model=StudySpec)
        raise AnalysisFileError(message, hint="`bidsml schema --study` prints every key") from error


def study_schema() -> dict[str, Any]:
    """JSON Schema of study.toml (draft 2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **StudySpec.model_json_schema()}


_HEAD = """\
# study.toml: what bidsml cannot know about a study, for its reports and reporting checklists (TRIPOD+AI, CLAIM).
# Put it into BIDS_DIR/code/, or beside the analysis file, or name it with --study.
# Every text is optional; what is empty stands as MISSING in the checklists. Write sentences, not "yes". Where a point
# doesn't apply, write "not applicable: " and the reason. It is all published: name no patient and no scan date.
"""


def study_template() -> str:
    """Write an empty study.toml with what each key is for; it loads."""
    lines = [_HEAD]
    section = ""
    for key, description in study_keys():
        table, _, name = key.rpartition(".")
        if table != section:
            section = table
            lines.append(f"\n[{table}]")
        lines += [f"# {description}", f'{name} = ""']
    return "\n".join(lines) + "\n"
