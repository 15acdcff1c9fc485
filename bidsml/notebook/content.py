"""An analysis as a notebook has it: a table of settings, checked, with errors that name the arguments."""

from collections.abc import Mapping
from typing import Any

import pydantic_core

from bidsml.errors import AnalysisFileError
from bidsml.spec import AnalysisSpec

_ARGUMENTS = {
    "target.task": "task",
    "cv.outer.kind": "design",
    "cv.outer.folds": "folds",
    "cv.outer.repeats": "repeats",
    "cv.inner.folds": "inner_folds",
    "inference.primary_metric": "metric",
    "inference.permutations": "n_permutations",
}
_COHORT = {"cohort.site": "site=", "cohort.group": "groups="}
_SCHEMA = "`bidsml schema` prints what each key takes"


def read_content(content: Mapping[str, Any]) -> AnalysisSpec:
    """Read an effective analysis, as records hold it.

    Raises
    ------
    AnalysisFileError
        A value doesn't fit its key, or two don't go together.
    """
    # JSON mode lets arrays fill tuples while numbers and texts stay strictly apart.
    try:
        return AnalysisSpec.model_validate_json(pydantic_core.to_json(dict(content)))
    except pydantic_core.PydanticSerializationError as error:
        raise AnalysisFileError(f"an analysis holds texts and numbers: {error}", hint=_SCHEMA) from error
    except pydantic_core.ValidationError as error:
        message = "\n".join(map(_explain, error.errors(include_url=False)))
        named = [f"{key} is make_study's {argument}" for key, argument in _COHORT.items() if key in message]
        raise AnalysisFileError(message, hint="; ".join([*named, _SCHEMA])) from error


def _explain(problem: Mapping[str, Any]) -> str:
    """Say what is wrong with a value, by the argument's name where there is one."""
    key = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    name = f"{_ARGUMENTS[key]} ({key})" if key in _ARGUMENTS else key
    return f"{name}: {message}, found {problem['input']!r}"
