"""Sections of the participant page, one file each."""

from bidsml.report.participant import (
    about,
    alignment,
    anatomy,
    coverage,
    denoising,
    errors,
    features,
    inputs,
    methods,
    motion,
    rating,
    runs,
    verdict,
)

__all__ = [
    "about",
    "alignment",
    "anatomy",
    "coverage",
    "denoising",
    "errors",
    "features",
    "inputs",
    "methods",
    "motion",
    "rating",
    "runs",
    "verdict",
]
