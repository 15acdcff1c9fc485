"""What ran, in words that hold anywhere: no place, no time, no machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bidsml.app.provenance import (
    canonical_command,
    combined_digest,
    effective_toml,
    file_digest,
    input_digests,
    make_provenance,
    manifests_digest,
    package_versions,
    run_record,
)
from bidsml.bids.manifest import Entry, Manifest
from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.records import InputChoice, Provenance
from bidsml.spec import AnalysisSpec, RunOptions, list_ready_made, load_analysis, spec_digest

OUTER = [
    {"kind": "stratified", "folds": 4, "repeats": 3},
    {"kind": "leave-site-out"},
    {"kind": "leave-one-out"},
    {"kind": "leave-group-out", "column": "wave"},
    {"kind": "fixed", "column": "part"},
]


def options(tmp_path, **more) -> RunOptions:
    return RunOptions(tmp_path / "in", tmp_path / "out", "group", tmp_path / "work", **more)


@pytest.mark.parametrize("name", list_ready_made())
def test_the_effective_analysis_loads_to_itself(name, tmp_path):
    spec = load_analysis(name)
    path = tmp_path / "analysis.toml"
    path.write_text(effective_toml(spec))
    assert load_analysis(str(path)) == spec
    assert spec_digest(load_analysis(str(path))) == spec_digest(spec)


@pytest.mark.parametrize("outer", OUTER, ids=lambda outer: outer["kind"])
def test_so_does_every_design(outer, tmp_path):
    entries = ", ".join(f"{key} = {value!r}" for key, value in outer.items())
    spec = load_analysis("demo", overrides=[f"cv.outer={{{entries}}}"])
    path = tmp_path / "analysis.toml"
    path.write_text(effective_toml(spec))
    assert load_analysis(str(path)) == spec
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


def test_the_canonical_command_holds_anywhere(tmp_path):
    spec = load_analysis("demo")
    first = options(tmp_path / "a", nprocs=1, derivatives={"fmriprep": Path("/x/y")})
    second = options(tmp_path / "b", nprocs=9, mem_gb=99.0, derivatives={"fmriprep": Path("/z")})
    assert canonical_command(spec, first) == canonical_command(spec, second)
    assert make_provenance(spec, first, inputs={}) == make_provenance(spec, second, inputs={})
    assert not [word for word in canonical_command(spec, first) if word.startswith("/")]


def test_run_json_tells_places_and_resources(tmp_path):
    spec = load_analysis("demo")
    given = options(tmp_path, nprocs=3, command=("bidsml", "x"), derivatives={"fmriprep": tmp_path / "f"})
    record = run_record(spec, given, make_provenance(spec, given, inputs={"a": "b"}), inputs={"c": "d"})
    assert record["Command"] == ["bidsml", "x"]
    assert record["Resources"]["nprocs"] == 3
    assert record["Derivatives"] == {"fmriprep": str(tmp_path / "f")}
    assert record["Inputs"] == {"a": "b", "c": "d"}


def test_provenance_is_enough_to_repeat(tmp_path):
    spec = load_analysis("demo", overrides=["inference.permutations=7"])
    filters = {"bold": {"run": [1, 2]}}
    given = options(
        tmp_path, random_seed=3, session_labels=("a",), task_ids=("rest",), filters=filters,
        derivatives={"b": tmp_path / "x", "a": tmp_path / "y"}, skip_bids_validation=True,
    )  # fmt: skip
    made = make_provenance(spec, given, inputs={})
    path = write_record(tmp_path / "p.npz", made)
    read = read_record(Provenance, path)
    assert AnalysisSpec.model_validate_json(json.dumps(read.analysis)) == spec
    assert read.choice == InputChoice(("a", "b"), ("a",), ("rest",), filters, True)
    assert read.seed == 3


def test_versions_of_what_is_required():
    assert {"python", "numpy", "nilearn", "nipype", "pybids"} <= set(package_versions())
    assert "not installed" not in package_versions().values()


def test_digests_see_content_and_name_but_not_order_or_place(tmp_path):
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name, text in (("x", "1"), ("y", "2")):
            path = tmp_path / folder / name
            path.write_text(text)
            paths.append(path)
    first, second = paths[:2], paths[2:]
    assert combined_digest(first) == combined_digest(reversed(second))
    second[0].write_text("3")
    assert combined_digest(first) != combined_digest(second)


def test_the_digest_of_manifests_sees_what_the_analysis_takes():
    entry = Entry("d", {"sub-1/f.npz": "1", "sub-1.html": "2"}, {"block": "sub-1/f.npz"}, {"mean_fd": 0.1})

    def digest(mine: Entry, **others: Entry) -> str:
        return manifests_digest({"1": Manifest("1", "v", {"a": mine, **others})}, "a")

    assert digest(entry) == digest(entry, b=entry)
    assert digest(entry) == digest(replace(entry, files={**entry.files, "sub-1.html": "3"}))
    assert digest(entry) != digest(replace(entry, files={**entry.files, "sub-1/f.npz": "3"}))
    assert digest(entry) != digest(replace(entry, qc={"mean_fd": 0.2}))


def test_inputs_are_named_by_dataset(tmp_path):
    given = options(tmp_path, derivatives={"fmriprep": tmp_path / "in" / "derivatives" / "fmriprep"})
    names = ("in/participants.tsv", "in/derivatives/fmriprep/sub-01/x.tsv", "in/sub-01/x.tsv", "elsewhere/y.tsv")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = input_digests([tmp_path / name for name in names], given)
    wanted = ["bids:raw:participants.tsv", "bids:fmriprep:sub-01/x.tsv", "bids:raw:sub-01/x.tsv", "y.tsv"]
    assert found == {uri: sha256_file(tmp_path / name) for uri, name in zip(wanted, names, strict=True)}


def test_a_file_that_changes_gets_another_digest(tmp_path):
    path = tmp_path / "x"
    path.write_text("1")
    before = file_digest(path)
    path.write_text("22")
    assert file_digest(path) == sha256_file(path) != before
