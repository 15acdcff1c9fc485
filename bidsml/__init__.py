"""Honest brain biomarkers from BIDS datasets.

In a notebook::

    from bidsml import load_study, cross_validate, permutation_test

    study = load_study("derivatives/bidsml")
    test = permutation_test(cross_validate(study))
    test.pvalue
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Imported when first asked for: the command line must answer at once.
_HOMES = {
    "ComBat": "bidsml.learn.harmonise",
    "CrossValidation": "bidsml.notebook",
    "MedianImputer": "bidsml.learn.preparation",
    "NuisanceRegression": "bidsml.learn.nuisance",
    "PermutationTest": "bidsml.notebook",
    "Study": "bidsml.notebook",
    "TangentSpace": "bidsml.learn.embedding",
    "UsableFeatures": "bidsml.learn.preparation",
    "cross_validate": "bidsml.notebook",
    "load_study": "bidsml.notebook",
    "make_study": "bidsml.notebook",
    "permutation_test": "bidsml.notebook",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the names of a table of texts


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bidsml' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
