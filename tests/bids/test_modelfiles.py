"""The folder of a model: read back as written, or refused with what is wrong in it."""

import io
import json
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest

from bidsml.bids.modelfiles import _digest, read_model, write_model
from bidsml.bids.store import sha256_file
from bidsml.errors import DataError, MissingInputError
from bidsml.records import FeatureBlock, FrozenModel, ModelCard, NuisanceColumn, PerformanceRow, TrainingPeople


class Evil:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return (open, (self.trace, "w"))


def make_model(estimator=b""):
    rng = np.random.default_rng(0)
    people = TrainingPeople({"a": 3, "b": 4}, "salt", ("1",), ("2",), ("3",))
    card = ModelCard(
        schema=1, version="1.0", packages={}, analysis="x", estimator="ridge", parameters={"alpha": 0.1},
        task="classification", class_weight="none", target="dx", classes=("a", "ß<b>"), positive="ß<b>",
        features={"denoise": {"x": 0.1}},
        features_digest="f", blocks=(FeatureBlock("b", "table", "", "vector", 0, 2, ("n",)),), names=("u", "v"),
        nuisance=(NuisanceColumn("sex[M]", "sex", "M", ("F", "M")),), people=people,
        performance=vars(PerformanceRow("ridge", "biomarker", "kfold", "roc_auc", 0.1 + 0.2, low=0, high=1, p_floor=0)),
    )  # fmt: skip
    arrays = {"coef": rng.standard_normal((1, 2)), "flags": np.array([True, False]), "keep": np.array([0, 1])}
    if estimator:
        del arrays["coef"]
    return FrozenModel(card, arrays, np.frombuffer(estimator, dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    write_model(tmp_path / "model", make_model(), readme="card\n")
    return tmp_path / "model"


def rewrite(folder, **files):
    """Change a file as someone would who knows about the digests."""
    content = json.loads((folder / "model.json").read_text())
    for name, data in files.items():
        (folder / name).write_bytes(data)
    content["files"] = {name: sha256_file(folder / name) for name in content["files"]}
    content["digest"] = _digest(content)
    (folder / "model.json").write_text(json.dumps(content))


def test_what_is_read_is_what_was_written(folder):
    model, digest = read_model(folder)
    written = make_model()
    assert np.isnan(written.card.performance["p"])
    assert model.card == replace(written.card, performance={**written.card.performance, "p": None})
    assert set(model.arrays) == set(written.arrays)
    for name, array in written.arrays.items():
        assert model.arrays[name].dtype == array.dtype
        assert model.arrays[name].tobytes() == array.tobytes()
    assert digest == json.loads((folder / "model.json").read_text())["digest"]


def test_the_estimator_comes_back_as_the_bytes_it_was(tmp_path):
    write_model(tmp_path, make_model(b"PK-bytes"), readme="")
    assert read_model(tmp_path)[0].estimator.tobytes() == b"PK-bytes"
    # A linear model over an older one leaves nothing of it behind.
    write_model(tmp_path, make_model(), readme="")
    assert not (tmp_path / "estimator.skops").exists()


def test_the_same_model_gives_the_same_bytes(folder, tmp_path):
    write_model(tmp_path / "again", make_model(), readme="card\n")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["arrays.npz", "README.md", "model.json"])
def test_a_changed_file_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    if name == "model.json":
        content = (folder / name).read_bytes().replace(b'"alpha": 0.1', b'"alpha": 0.2')
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} was changed after it was written"):
        read_model(folder)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.json", "anything"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_in_place_of_the_folder_is_refused_and_not_opened(tmp_path, name, protocol):
    (tmp_path / name).write_bytes(pickle.dumps(Evil(tmp_path / "trace"), protocol=protocol))
    with pytest.raises(DataError, match="is a pickle or joblib file"):
        read_model(tmp_path / name)
    assert not (tmp_path / "trace").exists()


def test_a_pickle_beside_the_model_is_refused(folder):
    (folder / "extra.pkl").write_bytes(b"x")
    with pytest.raises(DataError, match=r"extra\.pkl is a pickle"):
        read_model(folder)


def test_a_pickle_as_the_arrays_is_refused_and_not_opened(folder, tmp_path):
    (folder / "arrays.npz").write_bytes(pickle.dumps(Evil(tmp_path / "trace")))
    with pytest.raises(DataError, match=r"arrays\.npz was changed .* \(it is a pickle now\)"):
        read_model(folder)
    rewrite(folder)
    with pytest.raises(DataError, match="does not hold plain arrays"):
        read_model(folder)
    assert not (tmp_path / "trace").exists()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_objects_in_the_arrays_are_refused_and_not_opened(folder, tmp_path):
    rewrite(folder, **{"arrays.npz": npz(coef=np.array([Evil(tmp_path / "trace")], dtype=object))})
    with pytest.raises(DataError, match="does not hold plain arrays"):
        read_model(folder)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("array", [np.array([1.0, np.nan]), np.array(["text"])])
def test_only_finite_numbers_are_read(folder, array):
    rewrite(folder, **{"arrays.npz": npz(coef=array)})
    with pytest.raises(DataError, match="'coef' that is not all finite numbers"):
        read_model(folder)


def test_a_compressed_bomb_is_refused_before_it_grows(folder):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, coef=np.zeros(10_000_000))
    rewrite(folder, **{"arrays.npz": buffer.getvalue()})
    with pytest.raises(DataError, match="is compressed"):
        read_model(folder)


def change(folder, **keys):
    content = json.loads((folder / "model.json").read_text()) | keys
    content["digest"] = _digest(content)
    (folder / "model.json").write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["arrays.npz", "model.json", "README.md"])
@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_what_never_ends_is_not_read(folder, name, kind):
    path = folder / name
    path.unlink()
    {"device": lambda: path.symlink_to("/dev/zero"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    with pytest.raises(DataError, match=f"{name} is (not a file|a folder)"):
        read_model(folder)


def test_another_schema_is_refused_with_both_numbers(folder):
    change(folder, schema=2)
    with pytest.raises(DataError, match="is of schema 2; this bidsml reads 1"):
        read_model(folder)


@pytest.mark.parametrize("files", [{}, {"arrays.npz": "0", "../../evil": "0"}, ["arrays.npz"], None])
def test_only_known_files_are_read(folder, files):
    change(folder, files=files)
    with pytest.raises(DataError, match=r"must list arrays\.npz and no file but"):
        read_model(folder)


@pytest.mark.parametrize(
    "said", [{"metric": "roc_auc"}, {"estimate": "x"}, {"n": [1]}, {"low": -1e308}, {"design": {}}, {"estimate": None}]
)
def test_a_performance_that_is_none_is_refused(folder, said):
    content = json.loads((folder / "model.json").read_text())
    row = said if said == {"metric": "roc_auc"} else content["performance"] | said
    (folder / "model.json").write_text(json.dumps(content | {"performance": row}))
    rewrite(folder)
    if said == {"estimate": None}:
        assert read_model(folder)[0].card.performance["estimate"] is None
        return
    with pytest.raises(DataError, match=r"performance|does not describe a model"):
        read_model(folder)


def test_a_card_of_wrong_types_is_refused(folder):
    change(folder, names="u")
    with pytest.raises(DataError, match="does not describe a model: names"):
        read_model(folder)


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(MissingInputError, match="there is no model folder"):
        read_model(tmp_path / "nowhere")
    with pytest.raises(MissingInputError) as caught:
        read_model(tmp_path)
    assert "did you mean" in caught.value.hint
    (folder / "arrays.npz").unlink()
    with pytest.raises(MissingInputError, match=r"arrays\.npz"):
        read_model(folder)
