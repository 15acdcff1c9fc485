"""What the options of the command line do, seen from outside."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.store import read_record
from bidsml.records import FeatureVector


def features(place, label="01") -> FeatureVector:
    manifest = json.loads((place.output / f"sub-{label}" / f"sub-{label}_bidsml.json").read_text())
    (path,) = manifest["analyses"]["demo"]["features"].values()
    return read_record(FeatureVector, place.output / path)


def signals(place, label="01", **entities) -> list[np.ndarray]:
    found = sorted((place.output / f"sub-{label}").rglob("*_timeseries.tsv"))
    return [pd.read_csv(path, sep="\t", na_values="n/a").to_numpy() for path in found]


def fisher_z(values: np.ndarray) -> np.ndarray:
    matrix = np.corrcoef(values.T)
    return np.arctanh(matrix[np.triu_indices(len(matrix), k=1)])


# ------------------------------------------------------------------ what would run


@pytest.mark.parametrize("level", ["participant", "group"])
def test_dry_run_prints_the_plan_and_computes_nothing(published, level):
    before = {path: path.stat().st_mtime_ns for path in published.output.rglob("*")}
    ran = published.run(level, "--dry-run")
    assert ran.code == 0, ran.text
    assert re.search(r"inputs: \d+ files, \d+\.\d+ GB", ran.text)
    nodes = {"participant": "sub_01.read_0_0", "group": "assemble"}
    assert re.search(rf"nodes: \d+\n.*{nodes[level]} \(", ran.text, re.DOTALL)
    outputs = {"participant": "sub-01.html", "group": "group-demo.html"}
    assert outputs[level] in ran.text
    assert re.search(r"plugin Linear, 1 processes, [\d.]+ GB at most", ran.text)
    assert {path: path.stat().st_mtime_ns for path in published.output.rglob("*")} == before
    assert not published.work.exists()


def test_dry_run_before_anything(place):
    assert place.run("participant", "--dry-run").code == 0
    assert not place.output.exists()
    assert not place.work.exists()


def test_graph_is_drawn(place):
    assert place.run("participant", "--participant-label", "01", "--write-graph").code == 0
    drawn = list((place.output / "logs").glob("participant_demo_graph.*"))
    assert {path.suffix for path in drawn} & {".svg", ".dot"}
    assert any("publish" in path.read_text() for path in drawn)
    assert not list(Path().glob("*graph*.dot")), "nothing is drawn into the current folder"


def test_clean_workdir(place):
    assert place.run("participant", "--participant-label", "01", "--clean-workdir").code == 0
    assert not place.work.exists()
    assert (place.output / "sub-01.html").is_file()


def test_plugin_file(place, tmp_path):
    plugin = tmp_path / "plugin.yml"
    plugin.write_text("plugin: Linear\n")
    assert place.run("participant", "--participant-label", "01", "--use-plugin", str(plugin)).code == 0
    plugin.write_text("plugin: Liner\n")
    ran = place.run("participant", "--participant-label", "01", "--use-plugin", str(plugin))
    assert ran.code == 64
    assert "did you mean 'Linear'" in ran.text


def test_a_step_larger_than_the_memory_limit_runs_alone(place):
    ran = place.run("participant", "--participant-label", "01", "--nprocs", "2", "--mem-gb", "0.1")
    assert ran.code == 0, ran.text
    assert re.search(r"sub_01\.read_0_0 asks for 2 GB, --mem-gb is 0\.1: it runs alone", ran.text)


# ------------------------------------------------------------------ which scans


@pytest.fixture
def sessions(place):
    """One person with two sessions of a rest task, one of them also with two runs of another task."""
    source = place.dataset / "derivatives" / "fmriprep"
    destination = place.dataset / "derivatives" / "sessions"
    donors = {
        "ses-pre_task-rest": "01",
        "ses-post_task-rest": "02",
        "ses-post_task-movie_run-1": "03",
        "ses-post_task-movie_run-2": "04",
    }
    for entities, donor in donors.items():
        session = entities.partition("_")[0]
        for path in (source / f"sub-{donor}" / "func").iterdir():
            name = path.name.replace(f"sub-{donor}_task-rest", f"sub-01_{entities}")
            target = destination / "sub-01" / session / "func" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            if path.suffix == ".json" and "task-movie" in entities:
                content = json.loads(path.read_text())
                target.write_text(json.dumps(content | ({"TaskName": "movie"} if "TaskName" in content else {})))
    shutil.copyfile(source / "dataset_description.json", destination / "dataset_description.json")
    shutil.rmtree(source)
    destination.rename(source)
    return place


ONE = ("--participant-label", "01")


def test_two_sessions_are_concatenated_by_default(sessions):
    ran = sessions.run("participant", *ONE)
    assert ran.code == 0, ran.text
    assert "2 scans of 1 participant in fmriprep (task rest" in ran.text
    parts = signals(sessions)
    assert len(parts) == 2
    # The published signals have ten digits.
    np.testing.assert_allclose(features(sessions).values, fisher_z(np.concatenate(parts)), atol=1e-7)
    matrix = next((sessions.output / "sub-01" / "func").glob("*_relmat.dense.tsv")).name
    assert "ses-" not in matrix, "a matrix of both sessions is named after neither"


def test_two_sessions_averaged(sessions):
    assert sessions.run("participant", *ONE, "--set", "input.combine=average").code == 0
    each = [fisher_z(part) for part in signals(sessions)]
    np.testing.assert_allclose(features(sessions).values, np.mean(each, axis=0), atol=1e-7)


def test_one_session(sessions):
    assert sessions.run("participant", *ONE, "--session-label", "ses-post").code == 0
    (only,) = signals(sessions)
    np.testing.assert_allclose(features(sessions).values, fisher_z(only), atol=1e-7)
    published = [path.name for path in (sessions.output / "sub-01").rglob("*_timeseries.tsv")]
    assert published == [name for name in published if name.startswith("sub-01_ses-post_task-rest_")]


def test_task_and_runs(sessions):
    ran = sessions.run("participant", *ONE, "--set", "input={}", "--task-id", "task-movie")
    assert ran.code == 0, ran.text
    names = sorted(path.name for path in (sessions.output / "sub-01").rglob("*_timeseries.tsv"))
    assert [name.partition("_space")[0] for name in names] == [
        "sub-01_ses-post_task-movie_run-1",
        "sub-01_ses-post_task-movie_run-2",
    ]
    np.testing.assert_allclose(features(sessions).values, fisher_z(np.concatenate(signals(sessions))), atol=1e-7)


def test_filter_file(sessions, tmp_path):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"bold": {"session": "pre"}}))
    assert sessions.run("participant", *ONE, "--bids-filter-file", str(path)).code == 0
    (name,) = [path.name for path in (sessions.output / "sub-01").rglob("*_timeseries.tsv")]
    assert name.startswith("sub-01_ses-pre_")


# ------------------------------------------------------------------ where everyone stands


def status(place, bidsml):
    ran = bidsml("status", str(place.output), "--json")
    content = json.loads(ran.text)
    groups = [one["analysis"] for one in content["group"] if one["state"] == "done"]
    return ran.code, {one["participant_id"]: one for one in content["participants"]}, groups


def test_status_after_success(finished, bidsml):
    code, people, group = status(finished, bidsml)
    assert (code, group) == (0, ["demo"])
    assert {one["state"] for one in people.values()} == {"done"}
    assert len(people) == 12
    printed = bidsml("status", str(finished.output)).text
    assert re.search(r"demo\s+│?\s*12\s", printed)


def test_status_after_a_file_is_gone(published, bidsml):
    lost = next(published.output.glob("sub-07/func/*_relmat.dense.tsv"))
    lost.unlink()
    code, people, _ = status(published, bidsml)
    assert code == 1
    assert people["07"]["state"] == "failed"
    assert lost.name in people["07"]["reason"]
    assert bidsml("status", str(published.output)).code == 1


def test_status_of_someone_without_input(place, bidsml):
    shutil.rmtree(place.dataset / "derivatives" / "fmriprep" / "sub-03")
    keep = ("sub-01", "sub-03")
    table = pd.read_csv(place.dataset / "participants.tsv", sep="\t")
    table[table["participant_id"].isin(keep)].to_csv(place.dataset / "participants.tsv", sep="\t", index=False)
    for label in ("02", *(f"{number:02d}" for number in range(4, 13))):
        shutil.rmtree(place.dataset / "derivatives" / "fmriprep" / f"sub-{label}")
        shutil.rmtree(place.dataset / f"sub-{label}")
    ran = place.run("participant")
    assert ran.code == 0, ran.text
    assert "1 participants selected, 1 without matching input" in ran.text
    code, people, group = status(place, bidsml)
    assert (code, group) == (0, [])
    assert {label: one["state"] for label, one in people.items()} == {"01": "done", "03": "no-input"}


# ------------------------------------------------------------------ the rest


def test_an_index_is_kept_and_used_again(place, tmp_path):
    words = ("--participant-label", "01", "--bids-database-dir", str(tmp_path / "index"), "--dry-run")
    first = place.run("participant", *words)
    assert first.code == 0, first.text
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "index").rglob("*") if path.is_file()}
    assert kept
    second = place.run("participant", *words)
    assert second.text.partition("plugin")[0] == first.text.partition("plugin")[0]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_stop_on_first_crash(place, bidsml):
    bold = next(path for path in place.scan_files("01") if path.name.endswith("bold.nii.gz"))
    bold.write_bytes(bold.read_bytes()[:1000])
    words = ("--participant-label", "01", "02")
    ran = place.run("participant", *words, "--stop-on-first-crash")
    assert ran.code == 1, ran.text
    assert bold.name in ran.text
    assert not (place.output / "sub-02" / "sub-02_bidsml.json").exists()
    _, people, _ = status(place, bidsml)
    assert [people[label]["state"] for label in ("01", "02")] == ["failed", "failed"]
    assert "not finished" in people["02"]["reason"]
    assert place.run("participant", *words).code == 1
    assert (place.output / "sub-02" / "sub-02_bidsml.json").exists()


@pytest.mark.slow
def test_the_seed_decides_folds_and_draws(published, finished):
    assert published.run("group", "--random-seed", "7").code == 0
    for name in ("folds.tsv", "permutations.npz"):
        assert (published.group / name).read_bytes() != (finished.group / name).read_bytes()
    assert (published.group / "cohort.tsv").read_bytes() == (finished.group / "cohort.tsv").read_bytes()


def test_log_is_json_lines_and_the_status_record_agrees(finished):
    logs = finished.output / "logs"
    lines = (logs / "participant_analysis-demo.jsonl").read_text().splitlines()
    assert all({"time", "level", "logger", "message"} <= set(json.loads(line)) for line in lines)
    record = json.loads((logs / "participant_analysis-demo_status.json").read_text())
    assert (record["exit_code"], len(record["done"]), record["failed"]) == (0, 12, {})
    assert json.loads((logs / "group_analysis-demo_status.json").read_text())["report"] == "group-demo.html"
