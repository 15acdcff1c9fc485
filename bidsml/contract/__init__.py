"""What every entry of the catalogs must keep to: one set of checks for bidsml's own and for those of other packages.

``bidsml check-plugin`` runs them for who extends bidsml, and bidsml's tests for its own catalogs.
"""

from bidsml.contract.check import BrokenContractError, Check, run_checks

__all__ = ["BrokenContractError", "Check", "run_checks"]
