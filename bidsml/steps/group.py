"""Steps of the group: assemble the cohort, split, cross-validate, permute, gather, publish."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bidsml.atlases import load_atlas
from bidsml.bids.manifest import list_manifests
from bidsml.bids.participants import read_participants
from bidsml.bids.references import is_per_participant
from bidsml.bids.store import read_record, write_json, write_record
from bidsml.bids.tables import read_columns
from bidsml.errors import BidsmlError, DataError
from bidsml.learn.cohort import build_cohort
from bidsml.learn.crossval import cross_validate
from bidsml.learn.leakage import refuse_leakage
from bidsml.learn.performance import summarise_performance
from bidsml.learn.permutation import correct_family, merge_nulls, permute
from bidsml.learn.splits import design_warnings, plan_folds
from bidsml.learn.weights import summarise_weights
from bidsml.records import (
    Atlas,
    Cohort,
    CVResult,
    FeatureBlock,
    FeatureSet,
    FeatureVector,
    Fold,
    Model,
    PermutationNull,
    Provenance,
    Result,
    Study,
)
from bidsml.spec import AnalysisSpec, referenced_columns

logger = logging.getLogger(__name__)

QC_COLUMNS = ("mean_fd", "minutes_kept", "coverage")


def assemble_study(
    analysis: Path, output: str, bids_dir: str, derivatives: str, participants: str, failed: str, *, out_dir: Path
) -> Path:
    """Join the published features with the participants' columns.

    Parameters
    ----------
    analysis
        The effective analysis as JSON.
    derivatives
        JSON object: folder by derivative name.
    participants
        JSON array of the labels that are considered.
    failed
        JSON object: why a participant has no features, by label.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Study`.
    """
    spec = _spec(analysis)
    cohort = load_cohort(
        spec,
        output=Path(output),
        bids_dir=Path(bids_dir),
        derivatives={name: Path(folder) for name, folder in json.loads(derivatives).items()},
        participants=json.loads(participants),
        failed=json.loads(failed),
    )
    manifests = list_manifests(Path(output))
    vectors = []
    for label in cohort.participant_id:
        records = manifests[label].analyses[spec.name].features
        vectors.append([read_record(FeatureVector, Path(output) / records[block]) for block in spec.block_names])
    return write_record(out_dir / "study.npz", Study(cohort, stack_features(vectors, cohort.participant_id, spec=spec)))


def load_cohort(
    spec: AnalysisSpec,
    *,
    output: Path,
    bids_dir: Path,
    derivatives: Mapping[str, Path],
    participants: Collection[str],
    failed: Mapping[str, str],
) -> Cohort:
    """Decide who is analysed, from the manifests and the tables alone: no feature is read.

    Parameters
    ----------
    participants
        Labels that are considered.
    failed
        Why a participant has no features, by label.
    """
    reasons = dict(failed)
    quality: dict[str, Mapping[str, Any]] = {}
    for label, manifest in list_manifests(output).items():
        entry = manifest.analyses.get(spec.name)
        if entry is None or label not in participants or label in reasons:
            continue
        if entry.qc.get("verdict") == "fail":
            reasons[label] = "quality control: " + "; ".join(entry.qc.get("reasons", []))
        else:
            quality[label] = entry.qc
    table = read_participants(bids_dir)
    table = table[table["participant_id"].isin(participants)].reset_index(drop=True)
    for column in QC_COLUMNS:
        if column not in table:
            measured = [quality.get(label, {}).get(column) for label in table["participant_id"]]
            table[column] = [None if value is None else repr(value) for value in measured]
    table = read_columns(referenced_columns(spec), table, bids_dir=bids_dir, derivatives=derivatives)
    return build_cohort(table, spec, available=frozenset(quality), failed=reasons)


def stack_features(
    vectors: Sequence[Sequence[FeatureVector]], participants: tuple[str, ...], *, spec: AnalysisSpec
) -> FeatureSet:
    """Lay blocks side by side, every participant's values under the same names.

    Parameters
    ----------
    vectors
        For each participant one vector per ``[[features]]`` block, in the order of the analysis.

    Returns
    -------
    FeatureSet
        Names of a block that comes from one file per participant are the union, NaN where a participant has none.

    Raises
    ------
    DataError
        Participants differ in the names of any other block.
    """
    blocks: list[FeatureBlock] = []
    names: list[str] = []
    columns: list[np.ndarray] = []
    for index, (feature, first) in enumerate(zip(spec.features, vectors[0], strict=True)):
        mine = [vector[index] for vector in vectors]
        own = _union(mine) if is_per_participant(feature.file or "") else _shared_names(mine, participants)
        start = len(names)
        prefix = f"{first.block}:" if len(vectors[0]) > 1 else ""
        names += [prefix + name for name in own]
        columns.append(np.stack([_aligned(vector, own) for vector in mine]))
        blocks.append(
            FeatureBlock(
                first.block, first.kind, first.measure, first.layout, start, len(names), first.nodes, first.atlas
            )
        )
    return FeatureSet(participants, tuple(names), np.concatenate(columns, axis=1), tuple(blocks))


def _union(vectors: Sequence[FeatureVector]) -> tuple[str, ...]:
    """Names in the order in which the participants, sorted, bring them: their own files may differ in columns."""
    return tuple(dict.fromkeys(name for vector in vectors for name in vector.names))


def _shared_names(vectors: Sequence[FeatureVector], participants: Sequence[str]) -> tuple[str, ...]:
    """Names that every participant must have in the same order."""
    first = vectors[0]
    for label, vector in zip(participants, vectors, strict=True):
        if vector.names != first.names:
            raise DataError(
                f"block {first.block!r}: sub-{label} has {len(vector.names)} features that are not those of "
                f"sub-{participants[0]} ({len(first.names)})",
                hint="run the participant level again for both, with one analysis and one bidsml version",
            )
    return first.names


def _aligned(vector: FeatureVector, names: tuple[str, ...]) -> np.ndarray:
    """Values in the order of ``names``, NaN where the participant has none."""
    if vector.names == names:
        return vector.values
    place = {name: number for number, name in enumerate(names)}
    values = np.full(len(names), np.nan)
    values[[place[name] for name in vector.names]] = vector.values
    return values


def split(study: Path, analysis: Path, seed: int, *, out_dir: Path) -> Path:
    """Draw the folds of every design once. Returns the record of a tuple of :class:`~bidsml.records.Fold`."""
    spec = _spec(analysis)
    cohort = read_record(Study, study).cohort
    return write_record(out_dir / "folds.npz", plan_folds(cohort, spec, seed=seed))


def audit(study: Path, *, out_dir: Path) -> list[Path]:
    """Refuse leakage that can be seen before learning; keep what is only a warning.

    Returns
    -------
    list of Path
        One JSON file of warnings; a list, so that what learns can depend on it.
    """
    content = read_record(Study, study)
    warnings = list(refuse_leakage(content.features, content.cohort))
    return [write_json(out_dir / "warnings.json", {"warnings": warnings})]


def cross_validate_model(
    study: Path,
    folds: Path,
    analysis: Path,
    estimator: int,
    model: str,
    design: str,
    seed: int,
    *,
    out_dir: Path,
) -> Path:
    """Cross-validate one model on one design. Returns the record of a :class:`~bidsml.records.CVResult`."""
    spec = _spec(analysis)
    content = read_record(Study, study)
    which: Model = next(m for m in ("biomarker", "nuisance", "nuisance+biomarker", "majority") if m == model)
    result = cross_validate(
        content.features,
        content.cohort,
        _folds(folds, design),
        spec=spec,
        estimator=spec.estimators[estimator],
        model=which,
        seed=seed,
    )
    return write_record(out_dir / "cv.npz", result)


def permute_chunk(
    study: Path,
    folds: Path,
    analysis: Path,
    estimator: int,
    design: str,
    first_draw: int,
    n_draws: int,
    seed: int,
    *,
    out_dir: Path,
) -> Path:
    """Refit on shuffled labels, for a chunk of the draws. Returns the record of a ``PermutationNull``."""
    spec = _spec(analysis)
    content = read_record(Study, study)
    null = permute(
        content.features,
        content.cohort,
        _folds(folds, design),
        spec=spec,
        estimator=spec.estimators[estimator],
        first_draw=first_draw,
        n_draws=n_draws,
        seed=seed,
    )
    return write_record(out_dir / "null.npz", null)


def gather_result(
    study: Path,
    folds: Path,
    audited: list[Path],
    cv: list[Path],
    nulls: list[Path],
    analysis: Path,
    atlases: str,
    provenance: Path,
    seed: int,
    *,
    out_dir: Path,
) -> Path:
    """Bring all parts together in one :class:`~bidsml.records.Result`.

    Parameters
    ----------
    atlases
        JSON array: names or places of the atlases that the feature blocks name.
    """
    spec = _spec(analysis)
    content = read_record(Study, study)
    plan = read_record(tuple[Fold, ...], folds)
    results = tuple(read_record(CVResult, path) for path in cv)
    merged = _merge([read_record(PermutationNull, path) for path in nulls])
    performance = summarise_performance(results, merged, plan, content.cohort, spec=spec, seed=seed)
    biomarkers = [r for r in results if r.model == "biomarker" and r.design == results[0].design]
    weights = [summarise_weights(result, content.features, content.cohort) for result in biomarkers]
    found = json.loads(audited[0].read_text(encoding="utf-8"))["warnings"]
    result = Result(
        analysis=spec.name,
        task=spec.target.task,
        primary_metric=spec.primary_metric,
        spec=spec.model_dump(mode="json"),
        cohort=content.cohort,
        blocks=content.features.blocks,
        folds=plan,
        cv=results,
        nulls=merged,
        performance=performance,
        weights=tuple(w for w in weights if w is not None),
        atlases=_atlases(json.loads(atlases)),
        provenance=read_record(Provenance, provenance),
        warnings=(*found, *design_warnings(plan, content.cohort)),
    )
    return write_record(out_dir / "result.npz", result)


def _merge(parts: list[PermutationNull]) -> tuple[PermutationNull, ...]:
    """Chunks of one estimator and design become one null; then the family-wise correction, per design."""
    groups: dict[tuple[str, str], list[PermutationNull]] = {}
    for part in parts:
        groups.setdefault((part.design, part.estimator), []).append(part)
    designs: dict[str, list[PermutationNull]] = {}
    for (design, _), chunks in groups.items():
        designs.setdefault(design, []).append(merge_nulls(sorted(chunks, key=lambda part: part.first_draw)))
    return tuple(null for family in designs.values() for null in correct_family(family))


def _atlases(names: Sequence[str]) -> tuple[Atlas, ...]:
    """Load the atlases for display; a ready matrix may name one that only its maker has."""
    found = []
    for name in names:
        try:
            found.append(load_atlas(name))
        except BidsmlError as error:
            # Only coordinates for display are lost: the region names travel with the features.
            logger.info("no atlas %s for display: %s", name, error.message)
    return tuple(found)


def _spec(analysis: Path) -> AnalysisSpec:
    return AnalysisSpec.model_validate_json(analysis.read_text(encoding="utf-8"))


def _folds(path: Path, design: str) -> tuple[Fold, ...]:
    return tuple(fold for fold in read_record(tuple[Fold, ...], path) if fold.design == design)
