"""What a result shows for an item of a checklist, and words that several items share."""

from dataclasses import dataclass

from bidsml.records import Result
from bidsml.report.lookup import class_counts, name_block, read_spec
from bidsml.report.wording import listing, name_estimator


@dataclass(frozen=True)
class Fact:
    """What a result shows, and the part of the report that shows it.

    ``excuse`` says why the item doesn't apply, ``lack`` why nothing is shown although it does.
    """

    text: str = ""
    anchor: str = ""
    excuse: str = ""
    lack: str = ""


def say_blocks(result: Result) -> str:
    """Name what the model learns from."""
    return listing([name_block(block) for block in result.blocks])


def say_estimators(result: Result) -> str:
    """Name the estimators."""
    return listing([name_estimator(estimator.name) for estimator in read_spec(result).estimators])


def say_classes(result: Result) -> str:
    """Count the people of each class."""
    cohort = result.cohort
    return listing([f"{n} {name}" for n, name in zip(class_counts(cohort), cohort.classes, strict=True)])


def is_linear(result: Result) -> bool:
    """Say whether every estimator has one solution, whatever its fit starts from."""
    kinds = {estimator.kind for estimator in read_spec(result).estimators}
    return not kinds & {"forest", "boosting", "stack"}


def has_calibration(result: Result) -> bool:
    """Say whether there is a calibration curve."""
    return any(curve.n.size for curve in result.calibration)


def say_span(sizes: list[int]) -> str:
    """Write the smallest and the largest of some numbers."""
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"
