"""Both levels on a simulated cohort: what is written is complete, valid BIDS, and agrees with itself."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bidsml.bids.store import sha256_file
from bidsml.spec import load_analysis


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False, dtype={"participant_id": str})


@pytest.fixture(scope="module")
def tables(finished):
    return {path.stem: table(path) for path in finished.group.glob("*.tsv")}


DOCUMENTED = {
    "cohort": ["participant_id", "included", "gate", "reason", "label"],
    "folds": ["participant_id", "design", "repeat", "fold", "name", "role", "inner_fold"],
    "predictions": ["participant_id", "estimator", "model", "design", "repeat", "observed", "predicted", "score"],
    "weights": [
        "estimator", "output", "feature", "weight", "pattern", "stability", "correlation", "z", "p_corrected",
    ],
    "leakage": ["check", "status", "evidence", "advice", "severity"],
}  # fmt: skip
PERFORMANCE = {
    "estimator", "model", "design", "metric", "estimate", "low", "high", "interval", "p", "p_floor", "p_method", "n",
    "note",
}  # fmt: skip


def test_every_documented_file_is_there(finished):
    names = {path.relative_to(finished.output).as_posix() for path in finished.output.rglob("*") if path.is_file()}
    expected = {"dataset_description.json", ".bidsignore", "README", "participants.tsv", "group-demo.html"}
    expected |= {f"sub-{number:02d}.html" for number in range(1, 13)}
    expected |= {f"sub-{number:02d}/sub-{number:02d}_bidsml.json" for number in range(1, 13)}
    group = ["analysis.toml", "run.json", "cohort.tsv", "folds.tsv", "predictions.tsv", "performance.tsv",
             "performance.json", "permutations.npz", "weights.tsv", "leakage.tsv", "leakage.json"]  # fmt: skip
    expected |= {f"group/demo/{name}" for name in group} | {"phenotype/demo.tsv", "phenotype/demo.json"}
    assert not expected - names
    assert not [name for name in names if name.endswith(".tmp")]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_columns(tables, name):
    assert list(tables[name]) == DOCUMENTED[name]


def test_performance_has_its_columns(tables):
    assert set(tables["performance"]) == PERFORMANCE


def test_every_column_of_the_group_s_tables_is_described(finished):
    listed = sorted(finished.group.glob("*.tsv"))
    assert {"cohort", "folds", "predictions", "calibration", "learning_curve"} <= {path.stem for path in listed}
    for path in listed:
        described = json.loads(path.with_suffix(".json").read_text())
        missing = [name for name in table(path) if not described.get(name, {}).get("Description")]
        assert missing == [], path.name


def test_everyone_is_accounted_for(finished, tables):
    cohort = tables["cohort"]
    listed = table(finished.dataset / "participants.tsv")
    assert cohort["participant_id"].tolist() == sorted(listed["participant_id"])
    inside = cohort[cohort["included"] == "yes"]
    assert set(inside["participant_id"]) == set(table(finished.output / "participants.tsv")["participant_id"])
    diagnosis = dict(zip(listed["participant_id"], listed["diagnosis"], strict=True))
    assert all(diagnosis[row.participant_id] == row.label for row in inside.itertuples())


def test_nobody_is_in_training_and_test_of_one_fold(tables):
    for _, fold in tables["folds"].groupby(["design", "repeat", "fold"]):
        assert not fold["participant_id"].duplicated().any()
        assert set(fold["role"]) == {"train", "test"}
        assert fold.loc[fold["role"] == "train", "inner_fold"].notna().all()


def test_everyone_is_tested_once_in_each_repeat(tables):
    tested = tables["folds"].query("role == 'test'")
    everyone = set(tables["cohort"]["participant_id"])
    for _, repeat in tested.groupby(["design", "repeat"]):
        assert sorted(repeat["participant_id"]) == sorted(everyone)


def test_predictions_are_of_the_test_rows(tables):
    tested = tables["folds"].query("role == 'test'")
    key = ["design", "repeat", "participant_id"]
    expected = set(tested[key].itertuples(index=False, name=None))
    for _, one in tables["predictions"].groupby(["estimator", "model"]):
        assert set(one[key].itertuples(index=False, name=None)) == expected
        assert len(one) == len(expected)


def repeat_aucs(tables, *, design="stratified", model="biomarker"):
    """AUC of each repeat's test rows, recomputed from the published predictions by scikit-learn."""
    mine = tables["predictions"].query("design == @design and model == @model")
    return [roc_auc_score(rows["observed"] == "patient", rows["score"]) for _, rows in mine.groupby("repeat")]


@pytest.mark.parametrize("design", ["stratified", "leave-site-out"])
@pytest.mark.parametrize("model", ["biomarker", "nuisance", "nuisance+biomarker"])
def test_auc_is_what_scikit_learn_makes_of_the_predictions(tables, design, model):
    row = tables["performance"].query("design == @design and model == @model and metric == 'roc_auc'").iloc[0]
    # Fewer than five folds are pooled. Both tables are printed with ten digits; AUC depends on ranks alone.
    assert row["estimate"] == pytest.approx(np.mean(repeat_aucs(tables, design=design, model=model)), abs=1e-9)


def test_p_is_what_the_published_draws_give(finished, tables):
    archive = np.load(finished.group / "permutations.npz", allow_pickle=False)
    assert archive["null"].shape == (2, 19)
    for test in range(2):
        observed, null, design = archive["observed"][test], archive["null"][test], str(archive["design"][test])
        p = (1 + np.sum(null >= observed - 1e-12)) / (1 + null.size)
        rows = tables["performance"].query("design == @design and model == 'biomarker' and metric == 'roc_auc'")
        assert archive["p"][test] == pytest.approx(p)
        assert rows["p"].iloc[0] == pytest.approx(p)
        assert rows["p_floor"].iloc[0] == pytest.approx(1 / 20)
        # The draws are of the first repeat.
        assert observed == pytest.approx(repeat_aucs(tables, design=design)[0], abs=1e-9)


def test_the_majority_baseline_is_at_chance(tables):
    rows = tables["performance"].query("model == 'majority' and metric in ['roc_auc', 'balanced_accuracy']")
    assert len(rows)
    np.testing.assert_allclose(rows["estimate"], 0.5)


def test_differences_are_differences(tables):
    rows = tables["performance"].query("metric == 'roc_auc' and design == 'stratified'")
    by_model = rows.groupby("model")["estimate"].first()
    difference = next(name for name in by_model.index if name.startswith("biomarker - nuisance"))
    assert by_model[difference] == pytest.approx(by_model["biomarker"] - by_model["nuisance"], abs=1e-9)


def test_phenotype_table_is_the_first_repeat_and_the_mean_score(finished, tables):
    phenotype = table(finished.output / "phenotype" / "demo.tsv").set_index("participant_id")
    mine = tables["predictions"].query("model == 'biomarker' and design == 'stratified'")
    np.testing.assert_allclose(phenotype["score"], mine.groupby("participant_id")["score"].mean(), rtol=1e-8)
    first = mine.query("repeat == 0").set_index("participant_id")["predicted"]
    assert phenotype["predicted"].equals(first.reindex(phenotype.index))
    described = json.loads((finished.output / "phenotype" / "demo.json").read_text())
    assert set(phenotype.reset_index()) <= set(described)


def test_weights_name_the_edges_of_the_matrix(finished, tables):
    nodes = table(next(finished.output.glob("sub-01/func/*_nodeindices.tsv")))["name"].tolist()
    pairs = {f"{a}--{b}" for i, a in enumerate(nodes) for b in nodes[i + 1 :]}
    assert set(tables["weights"]["feature"]) == pairs
    assert tables["weights"]["stability"].between(0, 1).all()


def test_published_matrix_is_the_correlation_of_the_published_signals(finished):
    for label in ("01", "12"):
        func = finished.output / f"sub-{label}" / "func"
        signals = table(next(func.glob("*_timeseries.tsv")))
        matrix = np.loadtxt(next(func.glob("*_relmat.dense.tsv")), delimiter="\t", converters=_number)
        off = ~np.eye(len(matrix), dtype=bool)
        # Ten digits each.
        np.testing.assert_allclose(matrix[off], np.corrcoef(signals.T)[off], atol=1e-7)


def _number(text: str) -> float:
    return np.nan if text == "n/a" else float(text)


def test_manifests_say_what_is_on_disk(finished):
    for path in finished.output.glob("sub-*/sub-*_bidsml.json"):
        files = json.loads(path.read_text())["analyses"]["demo"]["files"]
        assert all(sha256_file(finished.output / name) == digest for name, digest in files.items())
        label = path.parent.name
        own = {p.relative_to(finished.output).as_posix() for p in finished.output.glob(f"{label}/**/*") if p.is_file()}
        assert own - {path.relative_to(finished.output).as_posix()} <= set(files)


def test_effective_analysis_loads_to_itself(finished):
    effective = load_analysis(str(finished.group / "analysis.toml"))
    from_words = load_analysis("demo", overrides=[w for w in finished.words("group") if "=" in w and "/" not in w])
    assert effective == from_words


def test_run_json_tells_the_circumstances(finished):
    run = json.loads((finished.group / "run.json").read_text())
    assert run["Command"] == ["bidsml", *finished.words("group")]
    assert run["RandomSeed"] == 0
    assert {"python", "nilearn", "scikit-learn"} <= set(run["Packages"])


def test_quality_columns_come_from_the_scans(finished):
    found = table(finished.output / "participants.tsv").set_index("participant_id")
    confounds = next((finished.dataset / "derivatives/fmriprep/sub-03/func").glob("*_desc-confounds_timeseries.tsv"))
    fd = table(confounds)["framewise_displacement"]
    manifest = json.loads((finished.output / "sub-03" / "sub-03_bidsml.json").read_text())
    qc = manifest["analyses"]["demo"]["qc"]
    assert qc["mean_fd"] == pytest.approx(fd.mean(), rel=1e-6)
    assert qc["minutes_kept"] == pytest.approx((fd.fillna(0) <= 0.5).sum() * 2 / 60)
    # The dataset's own column of that name wins, so that a published value is never replaced silently.
    own = table(finished.dataset / "participants.tsv").set_index("participant_id")
    assert found.loc["sub-03", "mean_fd"] == own.loc["sub-03", "mean_fd"]


# ------------------------------------------------------------------ valid BIDS


def validate(folder: Path) -> dict:
    validator = Path(sys.executable).with_name("bids-validator-deno")
    if not validator.exists():
        pytest.skip("bids-validator-deno is not installed beside this Python")
    done = subprocess.run(
        [str(validator), "--format", "json", str(folder)], capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout)


def errors(report: dict) -> list[tuple[str, str]]:
    issues = report["issues"]["issues"]
    return [(i["code"], i.get("location", "")) for i in issues if i["severity"] == "error"]


def test_the_output_is_valid_bids(finished):
    assert errors(validate(finished.output)) == []


def test_the_simulated_dataset_is_valid_bids(cohort):
    assert errors(validate(cohort)) == []


def test_the_simulated_derivatives_are_valid_bids(cohort):
    assert errors(validate(cohort / "derivatives" / "fmriprep")) == []


def test_bidsignore_hides_nothing_that_bids_defines(finished, tmp_path):
    # A copy of what BIDS defines, without .bidsignore, must be just as valid: nothing wrong hides behind it.
    defined = ("dataset_description.json", "README", "participants.tsv", "participants.json", "phenotype")
    for number in range(1, 13):
        (tmp_path / f"sub-{number:02d}").mkdir()  # the validator asks for a folder of every participant listed
        (tmp_path / f"sub-{number:02d}" / "func").mkdir()
    for name in defined:
        source = finished.output / name
        if source.is_dir():
            (tmp_path / name).mkdir()
            for path in source.iterdir():
                (tmp_path / name / path.name).write_bytes(path.read_bytes())
        elif source.exists():
            (tmp_path / name).write_bytes(source.read_bytes())
    assert errors(validate(tmp_path)) == []
    ignored = (finished.output / ".bidsignore").read_text().split()
    hidden = [name for name in defined if any(Path(name).match(pattern) for pattern in ignored)]
    assert hidden == []
