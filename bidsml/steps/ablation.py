"""Steps that ask what each block of features adds."""

import json
from pathlib import Path

from bidsml.bids.store import read_record, write_record
from bidsml.learn.ablation import cross_validate_arm
from bidsml.records import Fold, Study
from bidsml.spec import read_spec


def cross_validate_blocks(
    study: Path, folds: Path, analysis: Path, blocks: str, design: str, seed: int, *, out_dir: Path
) -> Path:
    """Cross-validate the first estimator's biomarker on some of its blocks.

    Parameters
    ----------
    blocks
        JSON array of the blocks' names.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.AblationArm`.
    """
    content = read_record(Study, study)
    arm = cross_validate_arm(
        content.features,
        content.cohort,
        tuple(fold for fold in read_record(tuple[Fold, ...], folds) if fold.design == design),
        spec=read_spec(analysis),
        blocks=tuple(json.loads(blocks)),
        seed=seed,
    )
    return write_record(out_dir / "arm.npz", arm)
