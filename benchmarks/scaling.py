"""Time the learning steps of the group level as the number of people grows, one thread, each in its own process.

python benchmarks/scaling.py [--people 1000 3000 10000] [--features table connectome] [--draws 128]

Features are Gaussian, half of the people are patients, 10 folds, ridge with its usual grid tuned in inner folds, in
every draw. ``table`` has 100 features, ``connectome`` 6,105 (111 regions).
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import measure

from bidsml.bids.store import write_record
from bidsml.learn.cohort import build_cohort
from bidsml.records import FeatureBlock, FeatureSet, Study
from bidsml.spec import AnalysisSpec
from bidsml.steps.curves import learning_curve_step
from bidsml.steps.freezing import freeze_model
from bidsml.steps.group import audit, cross_validate_model, permute_chunk, split

N_FEATURES = {"table": 100, "connectome": 6105}
LAYOUTS = {"table": "vector", "connectome": "edges"}


def write_study(folder, n_people, kind):
    """A study of people with an effect in every tenth feature; its record and the analysis."""
    rng = np.random.default_rng(0)
    n_features = N_FEATURES[kind]
    values = rng.standard_normal((n_people, n_features))
    patient = np.arange(n_people) % 2
    values[:, ::10] += 0.1 * patient[:, None]
    labels = tuple(f"{number:06d}" for number in range(n_people))
    feature = {"kind": kind, **({"file": "phenotype/x.tsv"} if kind == "table" else {"atlas": "power2011"})}
    spec = AnalysisSpec.model_validate_json(
        json.dumps(
            {
                "name": "scaling",
                "target": {"column": "diagnosis", "positive": "patient"},
                "features": [feature],
                "cv": {"outer": {"kind": "stratified", "folds": 10, "repeats": 1}, "inner": {"folds": 5}},
                "estimators": [{"kind": "ridge"}],
                "inference": {"permutations": 0},
            }
        )
    )
    table = pd.DataFrame({"participant_id": labels, "diagnosis": np.array(["control", "patient"])[patient]})
    cohort = build_cohort(table, spec, available=labels)
    block = FeatureBlock(spec.block_names[0], kind, "", LAYOUTS[kind], 0, n_features)
    names = tuple(f"f{number}" for number in range(n_features))
    study = write_record(
        folder / "study.npz", Study(cohort, FeatureSet(cohort.participant_id, names, values, (block,)))
    )
    analysis = folder / "analysis.json"
    analysis.write_text(spec.model_dump_json(), encoding="utf-8")
    return study, analysis


def run(folder, n_people, kind, n_draws):
    """All learning steps on one size."""
    study, analysis = write_study(folder, n_people, kind)
    history = folder / "history.json"
    history.write_text('{"texts": {}}', encoding="utf-8")
    common = {"study": study, "analysis": analysis, "seed": 0}
    folds, _ = measure(split, folder, **common)
    common["folds"] = folds
    measure(audit, folder, study=study, folds=folds, history=history)
    fitted = {**common, "estimator": 0, "design": "stratified"}
    cv, _ = measure(cross_validate_model, folder, **fitted, model="biomarker")
    _, seconds = measure(permute_chunk, folder, **fitted, draws=json.dumps([0, n_draws]), patterns=True, shards="")
    measure(freeze_model, folder, **common, dataset="scaling")
    measure(learning_curve_step, folder, **common, cv=cv)
    print(f"\n{1000 * seconds / n_draws:.0f} ms a draw over {n_draws} draws, what is done once included\n", flush=True)


def main():
    """Print a table per size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--features", nargs="+", default=list(N_FEATURES), choices=list(N_FEATURES))
    parser.add_argument("--draws", type=int, default=128)
    options = parser.parse_args()
    # The processes that measure inherit it.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    for kind in options.features:
        for n_people in options.people:
            print(f"## {kind}, {N_FEATURES[kind]:,} features, {n_people:,} people\n")
            print("| step | CPU s | peak GB |\n|---|---|---|")
            with tempfile.TemporaryDirectory() as folder:
                run(Path(folder), n_people, kind, options.draws)


if __name__ == "__main__":
    main()
