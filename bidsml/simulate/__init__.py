"""Simulated data with known truth: a cohort of derivatives, heads, BOLD runs, and raw BIDS datasets."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bidsml.simulate.cohort import CohortDesign, parcellate, planted_regions, simulate_cohort

__all__ = ["CohortDesign", "parcellate", "planted_regions", "simulate_cohort"]


def __getattr__(name: str) -> Any:
    # On first use: reading this package must not load nilearn (PEP 562).
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bidsml.simulate import cohort

    return getattr(cohort, name)
