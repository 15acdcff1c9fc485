"""What other packages add, run as an analysis runs it: under Nipype, on simulated people."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bidsml.app.provenance import plugin_versions
from bidsml.app.run import run
from bidsml.bids.manifest import list_manifests
from bidsml.bids.store import read_record, write_record, write_text
from bidsml.contract.check import require
from bidsml.contract.people import simulate_scan
from bidsml.features import FeatureKind
from bidsml.graph.node import make_node
from bidsml.notebook import make_study
from bidsml.records import CVResult, FeatureVector, Study
from bidsml.simulate import CohortDesign, simulate_cohort
from bidsml.spec import FeatureSpec, RunOptions, load_analysis
from bidsml.steps.group import cross_validate_model, split
from bidsml.steps.participant import extract_features

_BLOCK = "checked"
# What the simulated cohort offers without preprocessing.
_OFFERED = frozenset({"signals", "unfiltered"})


def run_feature_kind(kind: FeatureKind, folder: Path) -> str:
    """Run the participant level with an installed kind on two simulated people.

    A kind that needs what the cohort doesn't offer is run as a node, on simulated data.

    Returns
    -------
    str
        What was made.
    """
    if not kind.needs & _OFFERED:
        return _run_node(kind, folder)
    cohort = CohortDesign(n_participants=2, n_volumes=130, resolution_mm=10)
    dataset = simulate_cohort(folder / "dataset", cohort)
    lines = ['name = "check"', "[target]", 'column = "diagnosis"', "[[features]]", f'kind = "{kind.name}"']
    lines += [f'name = "{_BLOCK}"', *(['atlas = "{atlas}"'] if "atlas" in kind.keys else [])]
    analysis = write_text(folder / "analysis.toml", "\n".join(lines) + "\n")
    options = RunOptions(
        bids_dir=dataset,
        output_dir=folder / "derivatives",
        level="participant",
        work_dir=folder / "work",
        derivatives={name: dataset / "derivatives" / name for name in ("fmriprep", "atlas")},
        command=("bidsml", "check-plugin"),
    )
    said = io.StringIO()
    status = run(str(analysis), [], options, console=Console(file=said, soft_wrap=True))
    require(status.exit_code == 0, f"the participant level failed: {'; '.join(status.failed.values())}")
    found = []
    for manifest in list_manifests(options.output_dir).values():
        entry = manifest.analyses["check"]
        found.append(read_record(FeatureVector, options.output_dir / entry.features[_BLOCK]))
        named = entry.provenance.plugins if entry.provenance else {}
        require(dict(named) == plugin_versions(load_analysis(str(analysis))), "the manifest doesn't name the package")
    require(found[0].names == found[1].names, "two people have features of other names")
    known = [int(np.isfinite(vector.values).sum()) for vector in found]
    require(all(known), "every value of a person is missing")
    return f"two people, {len(found[0].names)} features each"


def _run_node(kind: FeatureKind, folder: Path) -> str:
    need = sorted(kind.needs)[0]
    data = write_record(folder / "scan_data.npz", simulate_scan(need, person=0))
    feature = FeatureSpec(kind=kind.name).model_dump_json()
    made = _run(extract_features, folder, scan_data=[str(data)], feature=feature, block=_BLOCK, combine="auto")
    return f"one person's {need}, {len(read_record(FeatureVector, made).names)} features"


def run_estimator_kind(name: str, tasks: frozenset[str], folder: Path) -> str:
    """Cross-validate an installed estimator under Nipype, for every task, on 40 simulated people."""
    told = []
    for task in sorted(tasks):
        place = folder / task
        rng = np.random.default_rng(0)
        features = rng.standard_normal((40, 5))
        target: Any = features[:, 0] + 0.3 * rng.standard_normal(40)
        if task == "classification":
            target = np.where(target > np.median(target), "b", "a")
        study = make_study(features, target, task=task)
        spec = study.spec.model_dump(mode="json")
        spec["estimators"] = [{"kind": name}]
        spec["cv"] = {"outer": {"kind": "stratified", "folds": 4}, "inner": {"folds": 3}}
        analysis = write_text(place / "analysis.json", json.dumps(spec))
        record = write_record(place / "study.npz", Study(study.cohort, study.features))
        folds = _run(split, place, study=str(record), analysis=str(analysis), seed=0)
        design = {"model": "biomarker", "design": "stratified"}
        inputs = {"study": str(record), "folds": str(folds), "analysis": str(analysis), "estimator": 0, "seed": 0}
        result = read_record(CVResult, _run(cross_validate_model, place, **inputs, **design))
        metric = "roc_auc" if task == "classification" else "r2"
        told.append(f"{task}: {metric} {float(np.mean(result.fold_metrics[metric])):.2f}")
    return ", ".join(told)


def _run(step: Callable[..., Path | list[Path]], folder: Path, **inputs: Any) -> Path:
    """Run one step as a node."""
    node = make_node(step, step.__name__, mem_gb=1.0)
    node.base_dir = str(folder / "work")
    node.inputs.trait_set(**inputs)
    here = os.getcwd()
    try:
        made = node.run().outputs.out
    finally:
        os.chdir(here)
    return Path(made)
