"""Sections of the participant page, one file each."""

from bidsml.report.participant import about, coverage, denoising, features, inputs, methods, motion, verdict

__all__ = ["about", "coverage", "denoising", "features", "inputs", "methods", "motion", "verdict"]
