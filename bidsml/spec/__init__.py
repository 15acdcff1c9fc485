"""What the user wishes: the science (``AnalysisSpec``) and the circumstances (``RunOptions``), both frozen."""

from bidsml.spec.analysis import (
    FEATURE_SECTIONS,
    AnalysisSpec,
    CohortSpec,
    CVSpec,
    DenoiseSpec,
    EstimatorSpec,
    InferenceSpec,
    InnerSpec,
    InputSpec,
    OuterSpec,
    TargetSpec,
    analysis_schema,
    features_digest,
    read_spec,
    referenced_columns,
    spec_digest,
)
from bidsml.spec.feature import FeatureSpec, SeedSpec
from bidsml.spec.fusion import FusionSpec
from bidsml.spec.loading import list_ready_made, load_analysis, ready_made_folder
from bidsml.spec.normative import NormativeSpec
from bidsml.spec.nuisance import NuisanceSpec
from bidsml.spec.options import RunOptions
from bidsml.spec.preprocess import PreprocessSpec
from bidsml.spec.report import ReportSpec
from bidsml.spec.section import column_name
from bidsml.spec.study import StudySpec, find_study, load_study, not_applicable, study_schema, study_template
from bidsml.spec.task import TaskSpec

__all__ = [
    "FEATURE_SECTIONS",
    "AnalysisSpec",
    "CVSpec",
    "CohortSpec",
    "DenoiseSpec",
    "EstimatorSpec",
    "FeatureSpec",
    "FusionSpec",
    "InferenceSpec",
    "InnerSpec",
    "InputSpec",
    "NormativeSpec",
    "NuisanceSpec",
    "OuterSpec",
    "PreprocessSpec",
    "ReportSpec",
    "RunOptions",
    "SeedSpec",
    "StudySpec",
    "TargetSpec",
    "TaskSpec",
    "analysis_schema",
    "column_name",
    "features_digest",
    "find_study",
    "list_ready_made",
    "load_analysis",
    "load_study",
    "not_applicable",
    "read_spec",
    "ready_made_folder",
    "referenced_columns",
    "spec_digest",
    "study_schema",
    "study_template",
]
