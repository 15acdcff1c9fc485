"""What the headline leaves open: the step that trains on fewer people, and calibration, utility and subgroups."""

from dataclasses import replace
from pathlib import Path

from bidsml.bids.store import read_record, write_record
from bidsml.learn.ablation import judge_blocks
from bidsml.learn.calibration import calibrate
from bidsml.learn.curve import learn_curve
from bidsml.learn.ranking import rank_curves
from bidsml.learn.subgroups import judge_left_out, judge_subgroups
from bidsml.learn.utility import weigh_utility
from bidsml.records import AblationArm, BlockEffect, CVResult, Fold, LearningCurve, Result, Study
from bidsml.spec import read_spec


def learning_curve_step(study: Path, folds: Path, cv: Path, analysis: Path, seed: int, *, out_dir: Path) -> Path:
    """Make the learning curve of the first estimator's biomarker on the default design.

    Parameters
    ----------
    cv
        Record of that biomarker's :class:`~bidsml.records.CVResult`: what its folds chose, and the last point.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.LearningCurve`.
    """
    spec = read_spec(analysis)
    content = read_record(Study, study)
    full = read_record(CVResult, cv)
    curve = learn_curve(
        content.features,
        content.cohort,
        [fold for fold in read_record(tuple[Fold, ...], folds) if fold.design == full.design],
        spec=spec,
        estimator=next(entry for entry in spec.estimators if entry.name == full.estimator),
        full=full,
        seed=seed,
    )
    return write_record(out_dir / "curve.npz", curve)


def evaluate(result: Path, curve: Path, arms: list[Path], analysis: Path, seed: int, *, out_dir: Path) -> Path:
    """Add the learning curve, calibration, utility, and the first biomarker's curves, subgroups and blocks.

    Parameters
    ----------
    result
        Record of the :class:`~bidsml.records.Result`; the returned path is another.
    curve
        Record of the :class:`~bidsml.records.LearningCurve`.
    arms
        Records of the :class:`~bidsml.records.AblationArm`, the first biomarker on some of its blocks; may be none.
    """
    content = read_record(Result, result)
    first = content.cv[0]
    folds = [fold for fold in content.folds if fold.design == first.design]
    spec = read_spec(analysis)
    subgroups = judge_subgroups(first, folds, content.cohort, spec=spec, seed=seed)
    left_out = judge_left_out(content.cv, content.folds, content.cohort, spec=spec, seed=seed)
    parts = [read_record(AblationArm, arm) for arm in arms]
    added: tuple[BlockEffect, ...] = ()
    if parts:
        added = judge_blocks(first, parts, folds, content.cohort, blocks=content.blocks, spec=spec, seed=seed)
    evaluated = replace(
        content,
        calibration=calibrate(content.cv, content.folds, content.cohort),
        utility=weigh_utility(content.cv, content.folds, content.cohort),
        learning_curves=(read_record(LearningCurve, curve),),
        subgroups=(*subgroups, *left_out),
        blocks_added=added,
        ranking=rank_curves(content.cv, content.folds, content.cohort, seed=seed),
    )
    return write_record(out_dir / "result.npz", evaluated)
