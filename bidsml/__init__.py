"""Honest brain biomarkers from BIDS datasets."""

__version__ = "0.1.0"
