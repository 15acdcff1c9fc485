"""What the rooms hand on: frozen records, no behaviour beyond small derived values.

Missing numbers are NaN. Participant labels are stored without ``sub-``. Row order is always that of
``participant_id``, sorted as text.
"""

from bidsml.records.ablation import AblationArm, BlockEffect
from bidsml.records.anatomical import PLAUSIBLE_BRAIN_ML, AnatomicalQC
from bidsml.records.base import FloatArray, InputChoice, IntArray, Model, Provenance, ScanKind, Task
from bidsml.records.dataset import (
    AnalysisEntry,
    AnalysisSummary,
    Dataset,
    FailedParticipant,
    Failure,
    Overview,
    ParticipantEntry,
    Standing,
)
from bidsml.records.evaluation import CalibrationCurve, LearningCurve, RankingCurve, SubgroupRow, Utility
from bidsml.records.frozen import (
    MODEL_SCHEMA,
    ExternalResult,
    Freezing,
    FrozenModel,
    ModelCard,
    Newcomers,
    NormativeCard,
    NuisanceColumn,
    TrainingPeople,
)
from bidsml.records.functional import FunctionalQC, RunPreparation, RunRegistration
from bidsml.records.group import (
    Attrition,
    Cohort,
    CVResult,
    FeatureBlock,
    FeatureSet,
    Fold,
    LeakageCheck,
    PatternLevel,
    PatternNull,
    PerformanceRow,
    PermutationNull,
    Study,
    Weights,
)
from bidsml.records.maps import WeightMap
from bidsml.records.normative import Deviations
from bidsml.records.participant import (
    Atlas,
    FeatureVector,
    ParticipantResult,
    Scan,
    ScanData,
    ScanQC,
    one_per_scan,
)
from bidsml.records.preprocessed import Preprocessing, PublishedFiles
from bidsml.records.raw import RawBold, RawSession
from bidsml.records.result import Result
from bidsml.records.views import AlignmentView, AnatomyView

__all__ = [
    "MODEL_SCHEMA",
    "PLAUSIBLE_BRAIN_ML",
    "AblationArm",
    "AlignmentView",
    "AnalysisEntry",
    "AnalysisSummary",
    "AnatomicalQC",
    "AnatomyView",
    "Atlas",
    "Attrition",
    "BlockEffect",
    "CVResult",
    "CalibrationCurve",
    "Cohort",
    "Dataset",
    "Deviations",
    "ExternalResult",
    "FailedParticipant",
    "Failure",
    "FeatureBlock",
    "FeatureSet",
    "FeatureVector",
    "FloatArray",
    "Fold",
    "Freezing",
    "FrozenModel",
    "FunctionalQC",
    "InputChoice",
    "IntArray",
    "LeakageCheck",
    "LearningCurve",
    "Model",
    "ModelCard",
    "Newcomers",
    "NormativeCard",
    "NuisanceColumn",
    "Overview",
    "ParticipantEntry",
    "ParticipantResult",
    "PatternLevel",
    "PatternNull",
    "PerformanceRow",
    "PermutationNull",
    "Preprocessing",
    "Provenance",
    "PublishedFiles",
    "RankingCurve",
    "RawBold",
    "RawSession",
    "Result",
    "RunPreparation",
    "RunRegistration",
    "Scan",
    "ScanData",
    "ScanKind",
    "ScanQC",
    "Standing",
    "Study",
    "SubgroupRow",
    "Task",
    "TrainingPeople",
    "Utility",
    "WeightMap",
    "Weights",
    "one_per_scan",
]
