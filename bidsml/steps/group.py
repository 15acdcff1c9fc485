"""Steps of the group that learn: split, audit, cross-validate, permute, gather."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from bidsml import __version__
from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.extension import ESTIMATORS, used_plugins
from bidsml.learn.check import override_warnings
from bidsml.learn.crossval import cross_validate
from bidsml.learn.leakage import audit as audit_leakage
from bidsml.learn.nulls import correct_family, finish_null, merge_nulls
from bidsml.learn.performance import summarise_performance
from bidsml.learn.permutation import permute
from bidsml.learn.splits import design_warnings, plan_folds
from bidsml.learn.weights import summarise_weights
from bidsml.learn.zscores import score_deviations
from bidsml.records import CVResult, Fold, LeakageCheck, Model, PermutationNull, Provenance, Result, Study
from bidsml.spec import InferenceSpec, read_spec
from bidsml.steps.assembly import load_atlases

logger = logging.getLogger(__name__)


def split(study: Path, analysis: Path, seed: int, *, out_dir: Path) -> Path:
    """Draw the folds of every design once. Returns the record of a tuple of :class:`~bidsml.records.Fold`."""
    spec = read_spec(analysis)
    cohort = read_record(Study, study).cohort
    return write_record(out_dir / "folds.npz", plan_folds(cohort, spec, seed=seed))


def audit(study: Path, folds: Path, history: Path, *, out_dir: Path) -> list[Path]:
    """Refuse leakage that can be seen before learning; keep what every check found.

    Parameters
    ----------
    history
        JSON object: ``texts`` of the input's own files, by place.

    Returns
    -------
    list of Path
        One record of a tuple of :class:`~bidsml.records.LeakageCheck`; a list, so that what learns can depend on it.
    """
    content = read_record(Study, study)
    texts = json.loads(history.read_text(encoding="utf-8"))["texts"]
    checks = audit_leakage(content.features, content.cohort, read_record(tuple[Fold, ...], folds), history=texts)
    return [write_record(out_dir / "leakage.npz", checks)]


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
    spec = read_spec(analysis)
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
    draws: str,
    patterns: bool,
    seed: int,
    shards: str,
    *,
    out_dir: Path,
) -> Path:
    """Refit on shuffled labels, for a chunk of the draws. Returns the record of a ``PermutationNull``.

    Parameters
    ----------
    draws
        JSON of the first draw and how many: ``[128, 64]``.
    patterns
        Also follow the patterns of a linear model, draw by draw.
    shards
        Folder in which jobs leave their chunks for each other; what is there is not drawn again. Empty: none.
    """
    spec = read_spec(analysis)
    inputs = [*map(sha256_file, (study, folds, analysis)), __version__]
    inputs += [plugin.digest() for plugin in used_plugins({ESTIMATORS: {spec.estimators[estimator].kind}})]
    shared = _shared_chunk(shards, [*inputs, estimator, design, draws, patterns, seed])
    if shared is not None and shared.is_file():
        logger.info("chunk %s was drawn by another job", shared.name)
        return write_record(out_dir / "null.npz", read_record(PermutationNull, shared))
    content = read_record(Study, study)
    first_draw, n_draws = json.loads(draws)
    null = permute(
        content.features,
        content.cohort,
        _folds(folds, design),
        spec=spec,
        estimator=spec.estimators[estimator],
        first_draw=first_draw,
        n_draws=n_draws,
        seed=seed,
        patterns=patterns,
    )
    if shared is not None:
        write_record(shared, null)
    return write_record(out_dir / "null.npz", null)


def _shared_chunk(folder: str, inputs: Sequence[object]) -> Path | None:
    """Where a chunk stands that was drawn from the same inputs."""
    if not folder:
        return None
    digest = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
    return Path(folder) / f"chunk-{digest[:32]}.npz"


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
        JSON object: name or place of every atlas of the analysis, by the name that the analysis gives it.
    """
    spec = read_spec(analysis)
    content = read_record(Study, study)
    plan = read_record(tuple[Fold, ...], folds)
    results = tuple(read_record(CVResult, path) for path in cv)
    merged = _merge([read_record(PermutationNull, path) for path in nulls], spec.inference)
    performance = summarise_performance(results, merged, plan, content.cohort, spec=spec, seed=seed)
    biomarkers = [r for r in results if r.model == "biomarker" and r.design == results[0].design]
    weights = [summarise_weights(result, content.features, content.cohort) for result in biomarkers]
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
        atlases=tuple(load_atlases(json.loads(atlases)).values()),
        provenance=read_record(Provenance, provenance),
        warnings=(*override_warnings(spec), *design_warnings(plan, content.cohort, spec)),
        leakage=read_record(tuple[LeakageCheck, ...], audited[0]),
        deviations=score_deviations(content.features, content.cohort, plan, spec=spec),
    )
    return write_record(out_dir / "result.npz", result)


def _merge(parts: list[PermutationNull], inference: InferenceSpec) -> tuple[PermutationNull, ...]:
    """Chunks of one estimator and design become one null; then the family-wise correction, per design."""
    groups: dict[tuple[str, str], list[PermutationNull]] = {}
    for part in parts:
        groups.setdefault((part.design, part.estimator), []).append(part)
    designs: dict[str, list[PermutationNull]] = {}
    for (design, _), chunks in groups.items():
        designs.setdefault(design, []).append(merge_nulls(sorted(chunks, key=lambda part: part.first_draw)))
    return tuple(finish_null(null, inference) for family in designs.values() for null in correct_family(family))


def _folds(path: Path, design: str) -> tuple[Fold, ...]:
    return tuple(fold for fold in read_record(tuple[Fold, ...], path) if fold.design == design)
