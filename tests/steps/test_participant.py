"""Steps of one participant, called as the plain functions they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.manifest import manifest_path, read_manifest, verify_manifest
from bidsml.bids.store import read_record, sha256_file, write_record, write_text
from bidsml.errors import AnalysisFileError
from bidsml.records import AnatomicalQC, FeatureVector, FunctionalQC, Preprocessing, Provenance, Scan, ScanData
from bidsml.spec import DenoiseSpec, FeatureSpec, PreprocessSpec, TaskSpec
from bidsml.steps.participant import extract_features, publish_participant, read_row

REGIONS = ("A", "B", "C")


def scan(number: int, kind="timeseries") -> Scan:
    entities = {"task": "rest", "run": str(number)}
    return Scan("01", kind, Path(f"sub-01_run-{number}.tsv"), entities=entities)


def signals(number: int, *, lost: int | None = None) -> ScanData:
    values = np.random.default_rng(number).standard_normal((60, 3))
    missing = {}
    if lost is not None:
        values[:, lost] = np.nan
        missing = {REGIONS[lost]: f"constant in run {number}"}
    return ScanData(scan(number), regions=REGIONS, signals=values, missing=missing, atlas="boxes", tr_s=2.0)


def ready(number: int) -> ScanData:
    matrix = np.corrcoef(np.random.default_rng(number).standard_normal((60, 3)).T)
    return ScanData(scan(number, "relmat"), regions=REGIONS, matrix=matrix, atlas="boxes")


def extract(tmp_path, data, *, combine="auto", **feature) -> FeatureVector:
    paths = [write_record(tmp_path / f"data{number}.npz", one) for number, one in enumerate(data)]
    options = FeatureSpec(kind="connectome", **feature).model_dump_json()
    return read_record(
        FeatureVector, extract_features(paths, options, feature.get("name", "edges"), combine, out_dir=tmp_path)
    )


def z(matrix: np.ndarray) -> np.ndarray:
    return np.arctanh(matrix[np.triu_indices(3, k=1)])


def test_scans_are_concatenated_or_averaged(tmp_path):
    data = [signals(1), signals(2)]
    joined = np.concatenate([one.signals for one in data])
    np.testing.assert_allclose(extract(tmp_path, data).values, z(np.corrcoef(joined.T)))
    each = [z(np.corrcoef(one.signals.T)) for one in data]
    np.testing.assert_allclose(extract(tmp_path, data, combine="average").values, np.mean(each, axis=0))


def test_an_average_uses_the_scans_that_have_a_region(tmp_path):
    data = [signals(1), signals(2, lost=2)]
    found = extract(tmp_path, data, combine="average")
    first, second = (z(np.corrcoef(one.signals.T)) for one in (data[0], signals(2)))
    np.testing.assert_allclose(found.values, [(first[0] + second[0]) / 2, first[1], first[2]])
    assert not found.missing
    lost = extract(tmp_path, [signals(1, lost=2), signals(2, lost=2)], combine="average")
    np.testing.assert_array_equal(np.isnan(lost.values), [False, True, True])
    assert set(lost.missing) == {"C"}


def test_ready_matrices_are_averaged_and_never_concatenated(tmp_path):
    data = [ready(1), ready(2)]
    np.testing.assert_allclose(extract(tmp_path, data).values, np.mean([z(one.matrix) for one in data], axis=0))
    with pytest.raises(AnalysisFileError, match="cannot be concatenated"):
        extract(tmp_path, data, combine="concatenate")


def test_the_target_is_left_out_of_a_row(tmp_path):
    (tmp_path / "t.tsv").write_text("participant_id\tdiagnosis\tage\nsub-01\tpatient\t30\nsub-02\tcontrol\tn/a\n")
    (tmp_path / "participants.tsv").write_text("participant_id\nsub-01\nsub-02\n")
    feature = FeatureSpec(kind="table", file="t.tsv").model_dump_json()
    rows = {}
    for label in ("01", "02"):
        record = write_record(tmp_path / "scan.npz", Scan(label, "table", tmp_path / "participants.tsv"))
        made = read_row(record, feature, str(tmp_path), "{}", '["diagnosis"]', out_dir=tmp_path)
        rows[label] = read_record(ScanData, made)
    assert rows["01"].table == {"age": 30.0}
    assert np.isnan(rows["02"].table["age"])
    assert rows["02"].missing == {"age": "n/a in the table"}


@pytest.fixture
def publish(tmp_path):
    """Publish connectomes of two scans under an analysis name; give the output folder."""

    def run(analysis: str, *features: dict, preprocessing: Preprocessing | None = None) -> Path:
        work = tmp_path / f"work-{analysis}"
        data = [write_record(work / f"{number}.npz", signals(number, lost=0)) for number in (1, 2)]
        vectors = []
        for feature in features:
            options = FeatureSpec(kind="connectome", **feature).model_dump_json()
            folder = work / feature["name"]
            vectors.append(extract_features(data, options, feature["name"], "auto", out_dir=folder))
        provenance = write_record(work / "provenance.npz", Provenance("0", {}, 0, "general", (), "d"))
        sections = {"preprocess": PreprocessSpec(), "denoise": DenoiseSpec(), "task": TaskSpec()}
        settings = json.dumps({name: section.model_dump(mode="json") for name, section in sections.items()})
        made = [write_record(work / "preprocessing.npz", preprocessing)] if preprocessing else []
        publish_participant(
            data, vectors, analysis, settings, "digest", provenance, made, str(tmp_path / "out"), out_dir=work
        )  # fmt: skip
        return tmp_path / "out"

    return run


def test_what_is_published_reads_back(publish):
    out = publish("demo", {"name": "edges"})
    (path,) = out.rglob("*_relmat.dense.tsv")
    assert path.name == "sub-01_task-rest_atlas-boxes_meas-pearsoncorrelation_relmat.dense.tsv"
    matrix = pd.read_csv(path, sep="\t", header=None, na_values="n/a", keep_default_na=False).to_numpy()
    both = np.concatenate([signals(1).signals, signals(2).signals])
    np.testing.assert_allclose(matrix[1, 2], np.corrcoef(both[:, 1], both[:, 2])[0, 1], rtol=1e-9)
    assert np.isnan(matrix[0]).all()
    sidecar = json.loads(path.with_name(path.name.replace(".dense.tsv", ".json")).read_text())
    assert set(sidecar["MissingNodes"]) == {"A"}
    (nodes,) = out.rglob("*_nodeindices.tsv")
    assert sidecar["NodeFiles"] == [f"bids::{nodes.relative_to(out).as_posix()}"]
    assert pd.read_csv(nodes, sep="\t")["name"].tolist() == list(REGIONS)


def test_the_manifest_lists_every_file(publish):
    out = publish("demo", {"name": "edges"}, {"name": "partial", "measure": "partial"})
    manifest = read_manifest(manifest_path(out, "01"))
    assert verify_manifest(out, manifest, "demo") == []
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written - set(manifest.analyses["demo"].files) == {"sub-01/sub-01_bidsml.json"}
    assert manifest.analyses["demo"].qc["coverage"] == pytest.approx(1 / 3), "one edge of three is there"


def test_what_was_preprocessed_is_listed_and_shown(publish, tmp_path):
    """Files of a sibling step are in the manifest, so that a missing one is noticed."""
    image = write_text(tmp_path / "out" / "sub-01" / "func" / "image.txt", "voxels")
    files = {"sub-01/func/image.txt": sha256_file(image)}
    qc = AnatomicalQC("sub-01", (1.0, 1.0, 1.0), 1, "MNI152NLin2009aSym", 1400, 650, 480, 270, 0.97, 0.9)
    out = publish("demo", {"name": "edges"}, preprocessing=Preprocessing(files=files, anatomical=(qc,)))
    manifest = read_manifest(manifest_path(out, "01"))
    assert files.items() <= manifest.analyses["demo"].files.items()
    assert verify_manifest(out, manifest, "demo") == []
    image.unlink()
    assert verify_manifest(out, manifest, "demo") == ["sub-01/func/image.txt is missing"]
    assert "overlap with MNI152NLin2009aSym" in (out / "sub-01.html").read_text()


def test_a_t1w_that_lies_elsewhere_fails_the_participant(publish):
    """Signals alone have nothing against them: it is the preprocessing that is judged."""
    qc = AnatomicalQC("sub-01", (1.0, 1.0, 1.0), 1, "MNI152NLin2009aSym", 1400, 650, 480, 270, 0.5, 0.1)
    right = replace(qc, template_dice=0.97, template_correlation=0.7)
    passed = publish("good", {"name": "edges"}, preprocessing=Preprocessing(anatomical=(right,)))
    failed = publish("bad", {"name": "edges"}, preprocessing=Preprocessing(anatomical=(qc,)))
    analyses = read_manifest(manifest_path(failed, "01")).analyses
    assert passed == failed and analyses["good"].qc["verdict"] == "pass"
    assert analyses["bad"].qc["verdict"] == "fail" and "Dice 0.50" in analyses["bad"].qc["reasons"][0]
    assert "Fail: not used" in (failed / "sub-01.html").read_text()


def test_a_task_s_motion_is_that_of_its_raw_runs(tmp_path):
    run = FunctionalQC(
        "01", "sub-01 task-a", 2.0, 20, 0, 5, True, "T1w", 1.1, 1.2, 0.98, 50.0, np.zeros((20, 6)),
        np.append(np.nan, np.full(19, 0.25)), np.ones(20),
    )  # fmt: skip
    bold = Scan("01", "bold", Path("sub-01_task-a_bold.nii.gz"), entities={"task": "a", "space": "X"}, tr_s=2.0)
    effects = {"a-b": np.arange(3.0)}
    data = ScanData(bold, regions=REGIONS, contrasts=effects, contrasts_z=effects, atlas="boxes", tr_s=2.0)
    paths = [write_record(tmp_path / "data.npz", data)]
    options = FeatureSpec(kind="task_contrast", atlas="boxes").model_dump_json()
    sections = {"preprocess": PreprocessSpec(), "denoise": DenoiseSpec(), "task": TaskSpec(contrasts={"a-b": "a - b"})}
    settings = json.dumps({name: section.model_dump(mode="json") for name, section in sections.items()})
    publish_participant(
        paths, [extract_features(paths, options, "task", "auto", out_dir=tmp_path)], "demo", settings, "digest",
        write_record(tmp_path / "provenance.npz", Provenance("0", {}, 0, "general", (), "d")),
        [write_record(tmp_path / "preprocessing.npz", Preprocessing(functional=(run,)))], str(tmp_path / "out"),
        out_dir=tmp_path,
    )  # fmt: skip
    qc = read_manifest(manifest_path(tmp_path / "out", "01")).analyses["demo"].qc
    assert qc["mean_fd"] == pytest.approx(0.25) and qc["verdict"] == "pass" and qc["reasons"] == []
    html = (tmp_path / "out" / "sub-01.html").read_text()
    assert "a-b (a - b)" in html and "brought to the template X by one" in html


def test_two_blocks_of_one_measure_have_files_of_their_own(publish):
    out = publish("demo", {"name": "one"}, {"name": "two"})
    names = sorted(path.name for path in out.rglob("*_relmat.dense.tsv"))
    assert ["desc-one" in names[0], "desc-two" in names[1]] == [True, True]


def test_publishing_twice_gives_the_same_bytes(publish):
    first = {path: sha256_file(path) for path in publish("demo", {"name": "edges"}).rglob("*") if path.is_file()}
    second = {path: sha256_file(path) for path in publish("demo", {"name": "edges"}).rglob("*") if path.is_file()}
    assert first == second


def test_markup_in_names_is_escaped(publish, monkeypatch):
    monkeypatch.setitem(globals(), "REGIONS", ("<script>alert(1)</script>", "B", "C"))
    out = publish("demo", {"name": "edges"})
    page = (out / "sub-01.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
