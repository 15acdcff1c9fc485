"""What the rooms hand on: frozen records, no behaviour beyond small derived values.

Missing numbers are NaN. Participant labels are stored without ``sub-``. Row order is always that of
``participant_id``, sorted as text.
"""

from bidsml.records.base import FloatArray, IntArray, Model, Provenance, ScanKind, Task
from bidsml.records.group import (
    Attrition,
    Cohort,
    CVResult,
    FeatureBlock,
    FeatureSet,
    Fold,
    PerformanceRow,
    PermutationNull,
    Result,
    Study,
    Weights,
)
from bidsml.records.participant import Atlas, FeatureVector, ParticipantResult, Scan, ScanData, ScanQC

__all__ = [
    "Atlas",
    "Attrition",
    "CVResult",
    "Cohort",
    "FeatureBlock",
    "FeatureSet",
    "FeatureVector",
    "FloatArray",
    "Fold",
    "IntArray",
    "Model",
    "ParticipantResult",
    "PerformanceRow",
    "PermutationNull",
    "Provenance",
    "Result",
    "Scan",
    "ScanData",
    "ScanKind",
    "ScanQC",
    "Study",
    "Task",
    "Weights",
]
