"""What ran, in words that hold anywhere: no place, no time, no machine."""

from pathlib import Path

import pytest

from bidsml.app.provenance import (
    canonical_command,
    combined_digest,
    effective_toml,
    input_digests,
    make_provenance,
    package_versions,
    run_record,
)
from bidsml.records import Scan
from bidsml.spec import RunOptions, list_ready_made, load_analysis, spec_digest

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
    record = run_record(spec, given, make_provenance(spec, given, inputs={"a": "b"}))
    assert record["Command"] == ["bidsml", "x"]
    assert record["Resources"]["nprocs"] == 3
    assert record["Derivatives"] == {"fmriprep": str(tmp_path / "f")}


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


def test_every_file_of_a_scan_is_digested(tmp_path):
    names = ("bold.nii.gz", "mask.nii.gz", "confounds.tsv", "bold.json")
    bold, mask, confounds, sidecar = (tmp_path / name for name in names)
    for path in (bold, mask, confounds, sidecar):
        path.write_text(path.name)
    scan = Scan("01", "bold", bold, mask=mask, confounds=confounds, sidecars=(sidecar,))
    assert set(input_digests([scan])) == set(names)
