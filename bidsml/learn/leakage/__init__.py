"""The leakage audit."""

from bidsml.learn.leakage.targets import refuse_leakage

__all__ = ["refuse_leakage"]
