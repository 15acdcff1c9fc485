"""Two trees, file by file: what is alike, how nearly, and what is not."""

import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bidsml.bids.comparison import compare_outputs, count_verdicts
from bidsml.bids.likeness import Tolerance
from bidsml.errors import MissingInputError

TOLERANCE = Tolerance(rtol=1e-6, atol=1e-9)


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    return tmp_path / "a", tmp_path / "b"


def put(folder: Path, name: str, content) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".npz"):
        np.savez(path, allow_pickle=False, **content)
    else:
        path.write_text(json.dumps(content) if isinstance(content, dict) else content)


def verdict(pair, name, first, second) -> tuple[str, str]:
    put(pair[0], name, first)
    put(pair[1], name, second)
    (found,) = compare_outputs(*pair, TOLERANCE)
    assert found.path == name
    return found.verdict, found.detail


HEAD = "name\tvalue\n"
NEAR = [
    ("t.tsv", HEAD + "a\t0.5\nb\tn/a\n", HEAD + "a\t0.5000000001\nb\tn/a\n"),
    ("t.tsv", "1\t2\n", "1\t2.0\n"),
    ("t.json", {"a": [1, {"b": 0.5}], "c": "x"}, {"c": "x", "a": [1.0, {"b": 0.5 + 1e-10}]}),
    ("p.html", "<p>AUC  0.7</p><script>1</script>", "<div>AUC 0.7</div><style>x</style>"),
    ("p.html", f"<p>made of {'a' * 64}</p>", f"<p>made of {'b' * 64}</p>"),
    ("group/x/run.json", {"Platform": "one", "Version": "1"}, {"Platform": "two", "Version": "1"}),
    ("dataset_description.json", {"DatasetLinks": {"raw": ".."}}, {"DatasetLinks": {"raw": "../.."}}),
    ("group/x/files.json", {"files": {"a": "1"}}, {"files": {"a": "2"}}),
    ("sub-1/sub-1_bidsml.json", {"analyses": {"x": {"files": {"a": "1"}}}}, {"analyses": {"x": {"files": {"a": "2"}}}}),
]
FAR = [
    ("t.tsv", HEAD + "a\t0.5\n", HEAD + "a\t0.51\n", "line 2, column value: '0.5' and '0.51'"),
    ("t.tsv", HEAD + "a\tn/a\n", HEAD + "a\t0\n", "n/a"),
    ("t.tsv", HEAD + "a\t1\n", HEAD + "a\t1\nb\t2\n", "2 and 3 lines"),
    ("t.tsv", HEAD + "a\t1\n", HEAD + "a\t1\t1\n", "cells"),
    ("t.tsv", HEAD + "a\tnan\n", HEAD + "a\tinf\n", "inf"),
    ("t.json", {"a": {"b": 1}}, {"a": {"b": 2}}, "a.b: '1' and '2'"),
    ("t.json", {"a": True}, {"a": 1}, "True"),
    ("t.json", {"a": 1}, {"b": 1}, "only in A"),
    ("t.json", {"a": [1]}, {"a": [1, 2]}, "entries"),
    ("t.json", {"a": 1}, '{"a": ', "cannot be read"),
    ("p.html", "<p>AUC 0.7</p>", "<p>AUC 0.8</p>", "'AUC 0.7' and 'AUC 0.8'"),
    ("p.html", "<p>a</p>", "<p>a</p><p>b</p>", "1 and 2 pieces"),
    ("p.html", '<img alt="rises">', '<img alt="falls">', "rises"),
    ("group/x/run.json", {"Packages": {"numpy": "1"}}, {"Packages": {"numpy": "2"}}, "Packages.numpy"),
    ("group/x/files.json", {"files": {"a": "1"}}, {"files": {"b": "1"}}, "only in"),
    ("other/t.json", {"DatasetLinks": {"raw": ".."}}, {"DatasetLinks": {"raw": "../.."}}, "DatasetLinks"),
    ("x.svg", "<svg/>", "<svg />", "bytes"),
]


@pytest.mark.parametrize(("name", "first", "second"), NEAR)
def test_alike(pair, name, first, second):
    assert verdict(pair, name, first, second)[0] == "within tolerance"


@pytest.mark.parametrize(("name", "first", "second", "says"), FAR)
def test_unlike(pair, name, first, second, says):
    found, detail = verdict(pair, name, first, second)
    assert found == "different"
    assert says in detail


def test_arrays(pair):
    values = np.array([1.0, np.nan, 3.0])
    header = np.array(json.dumps({"mean": 0.5}))
    near = {"record": np.array(json.dumps({"mean": 0.5 + 1e-12})), "a0": values * (1 + 1e-9)}
    found, detail = verdict(pair, "r.npz", {"record": header, "a0": values}, near)
    assert (found, detail) == ("within tolerance", "by at most 3e-09")
    for first, second, expected in (("a", "b", "within tolerance"), ("a", None, "different")):
        inputs = [{"participant manifests": one} if one else {} for one in (first, second)]
        records = [{"record": np.array(json.dumps({"provenance": {"inputs": one}}))} for one in inputs]
        assert verdict(pair, "r.npz", *records)[0] == expected
    for other, says in (
        ({"record": header, "a0": values + 1}, "2 of 3 values, by at most 1"),
        ({"record": header, "a0": values[:2]}, "float64(3,) and float64(2,)"),
        ({"record": header, "a1": values}, "a0"),
        ({"record": np.array(json.dumps({"mean": 1})), "a0": values}, "record.mean"),
        ({"record": np.array("words"), "a0": values}, "another text"),
        ({"record": header, "a0": np.array([1.0, 2.0, 3.0])}, "1 of 3 values"),
    ):
        found, detail = verdict(pair, "r.npz", {"record": header, "a0": values}, other)
        assert found == "different"
        assert says in detail


def test_images_by_their_voxels(pair):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(4, 3, 2, 5)).astype(np.float32)

    def save(folder, values, affine):
        nib.save(nib.Nifti1Image(values, affine), folder / "x.nii.gz")

    save(pair[0], data, np.eye(4))
    for values, affine, expected in (
        (data, np.eye(4), "within tolerance"),  # the file's own time makes other bytes
        (data + np.float32(1e-9), np.eye(4), "within tolerance"),
        (np.where(np.arange(5) == 4, data + 1, data), np.eye(4), "different"),
        (data[..., :4], np.eye(4), "different"),
        (data, np.diag([2.0, 1, 1, 1]), "different"),
    ):
        save(pair[1], values.astype(np.float32), affine)
        (pair[1] / "x.nii.gz").write_bytes((pair[1] / "x.nii.gz").read_bytes() + b"\0")
        (found,) = compare_outputs(*pair, TOLERANCE)
        assert found.verdict == expected, found.detail


def test_each_file_is_named_once_and_logs_are_aside(pair):
    put(pair[0], "same.txt", "x")
    put(pair[1], "same.txt", "x")
    put(pair[0], "sub-01/only.tsv", "x")
    put(pair[1], "group/only.tsv", "x")
    for folder, text in zip(pair, "ab", strict=True):
        put(folder, "logs/run.jsonl", text)
        put(folder, "sub-01/logs/kept.txt", text)  # only the folder at the top is aside
        put(folder, ".x.tsv.abc.tmp", text)
    found = compare_outputs(*pair, TOLERANCE)
    assert [(one.path, one.verdict) for one in found] == [
        ("group/only.tsv", "only in B"),
        ("same.txt", "identical"),
        ("sub-01/logs/kept.txt", "different"),
        ("sub-01/only.tsv", "only in A"),
    ]
    assert count_verdicts(found)["within tolerance"] == 0


def test_links_are_not_followed(pair, tmp_path):
    (tmp_path / "secret").write_text("x")
    put(pair[0], "a.txt", "x")
    os.symlink(tmp_path / "secret", pair[1] / "a.txt")
    os.symlink(tmp_path, pair[1] / "up")
    found = {one.path: one.verdict for one in compare_outputs(*pair, TOLERANCE)}
    assert found["a.txt"] == "different"
    assert not [path for path in found if path.startswith("up/")]


def test_a_folder_that_is_not_there(pair, tmp_path):
    with pytest.raises(MissingInputError, match="nowhere"):
        compare_outputs(pair[0], tmp_path / "nowhere", TOLERANCE)
