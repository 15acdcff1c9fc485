"""Sections of the dataset page, one file each."""

from bidsml.report.dataset import about, analyses, errors, mosaic, participants, standing

__all__ = ["about", "analyses", "errors", "mosaic", "participants", "standing"]
