"""The analysis file's model. Field descriptions are the reference documentation and the JSON Schema."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bidsml.spec.feature import FeatureSpec
from bidsml.spec.fusion import FusionSpec
from bidsml.spec.normative import NormativeSpec, check_normative
from bidsml.spec.nuisance import NuisanceSpec
from bidsml.spec.preprocess import PreprocessSpec
from bidsml.spec.report import ReportSpec
from bidsml.spec.section import Name, Section, Text, column_name
from bidsml.spec.task import TaskSpec

Scalar = bool | int | float | str | None


class TargetSpec(Section):
    """What is predicted."""

    column: Text = Field(
        description="Column of participants.tsv, or FILE:column with FILE relative to the dataset, "
        "e.g. phenotype/asrs.tsv:total. {NAME} in FILE stands for the folder given with --derivatives NAME=PATH."
    )
    task: Literal["classification", "regression"] = Field(
        "classification", description="Whether the column holds classes or numbers."
    )
    positive: str | None = Field(
        None,
        description="Binary classification: the class whose probability is predicted. Default: the last when sorted.",
    )
    classes: tuple[str, ...] = Field(
        (), description="Classification: analyse only these values of the column. Default: all."
    )

    @model_validator(mode="after")
    def _classes_are_for_classification(self) -> "TargetSpec":
        if self.task == "regression" and (self.positive is not None or self.classes):
            raise ValueError("positive and classes have no meaning when task is 'regression'")
        if self.classes and self.positive is not None and self.positive not in self.classes:
            raise ValueError(f"positive = {self.positive!r} is not among classes = {list(self.classes)}")
        return self


class CohortSpec(Section):
    """Who is analysed."""

    include: str | None = Field(
        None,
        description="Condition on the cohort's columns, e.g. \"age >= 18 and mean_fd < 0.5 and site not in ['A']\".",
    )
    group: Text = Field(
        "participant_id",
        description="Column of the units that are never split between training and test, e.g. family_id.",
    )
    site: str | None = Field(None, description="Column of the site or scanner: leave-site-out and permutation strata.")
    columns: tuple[str, ...] = Field((), description="Further columns, as FILE:column, that include refers to.")


class InputSpec(Section):
    """Which scans are read, and how several of one participant become one."""

    derivative: str | None = Field(
        None, description="Read scans only from this --derivatives NAME. Default: from all that are given."
    )
    kind: Literal["auto", "bold", "timeseries", "relmat", "raw"] = Field(
        "auto",
        description="Preprocessed BOLD, ready region time series, ready matrices, or raw BOLD that bidsml "
        "preprocesses. auto: the first that is found, raw only where no derivatives are given.",
    )
    tr_s: float | None = Field(None, gt=0, description="Repetition time in seconds, in place of what the sidecars say.")
    task: str | None = Field(None, description="BIDS task label of the scans. Default: all tasks.")
    space: str | None = Field(None, description="BIDS space label of the scans. Default: the only one there is.")
    combine: Literal["auto", "concatenate", "average"] = Field(
        "auto",
        description="Several scans of one participant: concatenate the cleaned signals, or average the features. "
        "auto concatenates signals and averages ready-made matrices.",
    )


class DenoiseSpec(Section):
    """How BOLD signals are cleaned. Used for BOLD and for ready time series with confounds; not for ready matrices."""

    strategy: str = Field("36p", description="A named set of confounds; `bidsml doctor` lists the names.")
    columns: tuple[str, ...] = Field((), description="Confound columns by name, in place of a strategy.")
    high_pass_hz: float = Field(0.008, ge=0, description="0: no high-pass filter.")
    low_pass_hz: float = Field(0.08, ge=0, description="0: no low-pass filter.")
    fd_censor_mm: float = Field(0.5, ge=0, description="Volumes that move more than this are left out. 0: none are.")
    min_minutes: float = Field(
        4.0, ge=0, description="A participant with less clean data than this fails quality control."
    )

    @model_validator(mode="after")
    def _band_is_ordered(self) -> "DenoiseSpec":
        if self.low_pass_hz and self.high_pass_hz >= self.low_pass_hz:
            raise ValueError(f"high_pass_hz = {self.high_pass_hz} must be below low_pass_hz = {self.low_pass_hz}")
        return self


class OuterSpec(Section):
    """How the participants are split into training and test."""

    kind: Literal["stratified", "leave-site-out", "leave-group-out", "leave-one-out", "fixed"] = Field(
        "stratified",
        description="What is left out: folds of people, sites, a column's groups, one unit, or what a column says.",
    )
    folds: int = Field(10, ge=2, le=1000, description="stratified only")
    repeats: int = Field(1, ge=1, le=1000, description="stratified only")
    column: str | None = Field(None, description="leave-group-out: the groups; fixed: a column of 'train' and 'test'.")

    @model_serializer(mode="wrap")
    def _only_what_the_kind_takes(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is written out must load again: keys without a meaning for the kind are refused when read.
        content: dict[str, Any] = serialize(self)
        unused = () if self.kind == "stratified" else ("folds", "repeats")
        return {key: value for key, value in content.items() if key not in unused}

    @model_validator(mode="after")
    def _column_goes_with_kind(self) -> "OuterSpec":
        needs = self.kind in ("leave-group-out", "fixed")
        if needs != (self.column is not None):
            raise ValueError(f"cv.outer.column {'is needed' if needs else 'has no meaning'} when kind is {self.kind!r}")
        unused = {"folds", "repeats"} & self.model_fields_set
        if self.kind != "stratified" and unused:
            raise ValueError(f"{' and '.join(sorted(unused))} have no meaning when cv.outer.kind is {self.kind!r}")
        return self


class InnerSpec(Section):
    """Folds of the training rows that pick hyper-parameters."""

    folds: int = Field(5, ge=2, le=100, description="Folds of each fold's training rows.")


class CVSpec(Section):
    """Cross-validation."""

    outer: OuterSpec = OuterSpec()
    inner: InnerSpec = InnerSpec()
    max_missing: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="A feature with a larger share of missing values among the training rows is dropped in that fold.",
    )


class EstimatorSpec(Section):
    """One model family."""

    kind: Text = Field(description="Name of the estimator; `bidsml doctor` lists them.")
    features: tuple[Text, ...] = Field(
        (),
        description="Names of the feature blocks it learns from. Default: all. One kind may be listed again with other "
        "blocks: p is corrected over all estimators and feature sets.",
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none", description="balanced: people of a rarer class weigh more, so that the classes weigh the same."
    )
    grid: dict[str, tuple[Scalar, ...]] | None = Field(
        None,
        description="Hyper-parameter grid for the inner folds, in scikit-learn's names. "
        "Default: the catalog's. {} tunes nothing.",
    )

    @property
    def name(self) -> str:
        """Its kind, and the feature blocks where it doesn't take all: ``ridge:connectome+phenotype``."""
        return ":".join([self.kind, "+".join(self.features)]).rstrip(":")


class InferenceSpec(Section):
    """How chance is judged."""

    permutations: int = Field(1000, ge=0, le=1_000_000, description="0 leaves the test out.")
    exchange: Literal["auto", "free", "within-site", "whole"] = Field(
        "auto",
        description="Which labels may be shuffled: all (free), those of one site (within-site), or whole units of "
        "equal size (whole). Always within the test folds. auto: within-site where a site column is named, whole "
        "where a group column is, else free.",
    )
    primary_metric: str = Field("auto", description="auto: roc_auc for classification, r2 for regression.")
    patterns: bool = Field(
        True,
        description="Test the patterns of linear models too, with the same draws: p of every feature, region and "
        "network, corrected by the maximum statistic.",
    )
    engine: Literal["auto", "fast", "general"] = Field(
        "auto",
        description="How the draws are fitted: fast solves all draws of linear models together; general refits one by "
        "one. auto: fast where it gives the same result.",
    )
    stop_after: int = Field(
        0,
        ge=0,
        description="Stop once this many draws reached the observed value (Besag and Clifford 1991); 0: all draws.",
    )
    tail: Literal["none", "pareto"] = Field(
        "none",
        description="pareto: estimate a p too small for the draws from a generalised Pareto tail "
        "(Knijnenburg 2009), reported beside the plain p.",
    )


class AnalysisSpec(Section):
    """One analysis: what is predicted from what, for whom, how it is validated and tested."""

    name: Name = Field(description="Name of the analysis: its folder and its report are called by it.")
    target: TargetSpec
    cohort: CohortSpec = CohortSpec()
    input: InputSpec = InputSpec()
    preprocess: PreprocessSpec = PreprocessSpec()
    denoise: DenoiseSpec = DenoiseSpec()
    task: TaskSpec = TaskSpec()
    features: tuple[FeatureSpec, ...] = Field(min_length=1)
    fusion: FusionSpec = FusionSpec()
    nuisance: NuisanceSpec = NuisanceSpec()
    normative: NormativeSpec | None = Field(
        None, description="Features as deviations from what is expected of reference people. Default: as they are."
    )
    cv: CVSpec = CVSpec()
    estimators: tuple[EstimatorSpec, ...] = Field((EstimatorSpec(kind="ridge"),), min_length=1)
    inference: InferenceSpec = InferenceSpec()
    report: ReportSpec = ReportSpec()

    @model_validator(mode="after")
    def _names_fit_together(self) -> "AnalysisSpec":
        estimators = [e.name for e in self.estimators]
        if len(set(estimators)) < len(estimators):
            raise ValueError("an estimator kind is listed twice; use one entry with a grid, or name other features")
        for name in (name for estimator in self.estimators for name in estimator.features):
            if name not in self.block_names:
                raise ValueError(f"an estimator names the features {name!r}; there are {list(self.block_names)}")
        if self.estimators[0].features:
            raise ValueError("the first estimator, whose model is frozen, takes all features: leave its features out")
        names = [f.name for f in self.features if f.name]
        if len(set(names)) < len(names):
            raise ValueError("two feature blocks have one name")
        labels = {"".join(filter(str.isalnum, name)).lower() for name in self.block_names}
        if len(labels) < len(self.features):
            raise ValueError(
                "the names of two feature blocks differ in case or hyphens only, which file names don't show"
            )
        if self.cv.outer.kind == "leave-site-out" and not self.cohort.site:
            raise ValueError("cv.outer.kind = 'leave-site-out' needs cohort.site")
        if self.inference.exchange == "within-site" and not self.cohort.site:
            raise ValueError("inference.exchange = 'within-site' needs cohort.site")
        return self

    @model_validator(mode="after")
    def _normative_fits(self) -> "AnalysisSpec":
        if self.normative is not None:
            check_normative(self)
        return self

    @model_validator(mode="after")
    def _nuisance_fits(self) -> "AnalysisSpec":
        target = column_name(self.target.column)
        for key in ("columns", "regress", "preserve"):
            if target in map(column_name, getattr(self.nuisance, key)):
                raise ValueError(f"nuisance.{key} names the target {target!r}: its labels would reach the test rows")
        if self.nuisance.harmonize == "none":
            return self
        if not self.cohort.site:
            raise ValueError(f"nuisance.harmonize = {self.nuisance.harmonize!r} needs cohort.site")
        if column_name(self.cohort.site) in map(column_name, self.nuisance.preserve):
            raise ValueError("nuisance.preserve names the site, which is what ComBat takes out")
        if self.nuisance.unseen_site == "error" and self.cv.outer.kind == "leave-site-out":
            raise ValueError("cv.outer.kind = 'leave-site-out' tests unseen sites, which nuisance.unseen_site refuses")
        return self

    @property
    def block_names(self) -> tuple[str, ...]:
        """One unique name per feature block: as given, else the kind, numbered when repeated."""
        names: list[str] = []
        for feature in self.features:
            base = feature.name or feature.kind.replace("_", "-")
            number = 1
            name = base
            while name in names:
                number += 1
                name = f"{base}-{number}"
            names.append(name)
        return tuple(names)

    @property
    def refuses_unseen_sites(self) -> bool:
        """Whether nobody of a site without training rows may be predicted."""
        return "error" in (self.nuisance.unseen_site, self.normative.unseen_site if self.normative else "")

    @property
    def primary_metric(self) -> str:
        """The metric of the headline and of the permutation test."""
        if self.inference.primary_metric != "auto":
            return self.inference.primary_metric
        return "roc_auc" if self.target.task == "classification" else "r2"


def read_spec(path: Path) -> AnalysisSpec:
    """Read an effective analysis that was written as JSON."""
    return AnalysisSpec.model_validate_json(path.read_text(encoding="utf-8"))


def referenced_columns(spec: AnalysisSpec) -> tuple[str, ...]:
    """Every column reference of the analysis, once: target, unit, site, nuisance, fixed split and the extra ones."""
    references = [spec.target.column, spec.cohort.group, spec.cohort.site, *spec.cohort.columns]
    references += [*spec.nuisance.baseline, *spec.nuisance.preserve, spec.cv.outer.column]
    references += spec.normative.columns if spec.normative else ()
    return tuple(dict.fromkeys(r for r in references if r and r != "participant_id"))


def _digest(content: Any) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def spec_digest(spec: AnalysisSpec) -> str:
    """SHA-256 of the effective analysis, independent of key order and formatting."""
    return _digest(spec.model_dump(mode="json"))


FEATURE_SECTIONS = ("input", "preprocess", "denoise", "task", "features")
"""Sections of an analysis that decide the participant level."""


def features_digest(spec: AnalysisSpec) -> str:
    """SHA-256 of what decides the participant level: input, denoising and features.

    Features made under one digest may be used by any analysis that shares it.
    """
    dump = spec.model_dump(mode="json")
    dump["block_names"] = spec.block_names
    return _digest({key: dump[key] for key in (*FEATURE_SECTIONS, "block_names")})


def analysis_schema() -> dict[str, Any]:
    """JSON Schema of analysis.toml (draft 2020-12)."""
    schema = AnalysisSpec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
