"""Sections of the group page, one file each."""

from bidsml.report.group import (
    answer,
    baselines,
    cohort,
    design,
    discrimination,
    flow,
    leakage,
    methods,
    null,
    performance,
    provenance,
    sites,
    warnings,
    weights,
)

__all__ = [
    "answer",
    "baselines",
    "cohort",
    "design",
    "discrimination",
    "flow",
    "leakage",
    "methods",
    "null",
    "performance",
    "provenance",
    "sites",
    "warnings",
    "weights",
]
