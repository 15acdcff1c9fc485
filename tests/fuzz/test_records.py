"""Our own files altered at random: records, frozen models, the scripts of their headers. Read, or refused in words."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import fuzz, lawful, lawful_file
from garbage import damaged_bytes, values
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.bids.arrays import read_arrays
from bidsml.bids.modelfiles import ARRAYS, MODEL_JSON, _digest, read_model, write_model
from bidsml.bids.store import read_record, write_record
from bidsml.errors import BidsmlError
from bidsml.records import FeatureVector, FrozenModel, ModelCard, ScanQC, TrainingPeople

CARD = ModelCard(
    schema=1,
    version="0",
    packages={},
    analysis="rest",
    estimator="ridge",
    parameters={"alpha": 1.0},
    class_weight="none",
    task="classification",
    target="diagnosis",
    classes=("a", "b"),
    positive="b",
    features={},
    features_digest="0",
    blocks=(),
    names=("x", "y"),
    nuisance=(),
    people=TrainingPeople({"a": 1, "b": 1}, "salt", (), (), ()),
)
MODEL = FrozenModel(CARD, {"coef": np.ones((1, 2)), "intercept": np.zeros(1)})


def _stored(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


ZIPPED = _stored(a=np.arange(6.0).reshape(2, 3), b=np.array(["x", "é"]), c=np.array(1))

# ------------------------------------------------------------------ arrays


SHAPES = ["(3,)", "()", "(-1,)", "(9999999999999,)", "(2**60,2**60)", "(3.0,)", "3", "(None,)", "(1,)*99", "(" * 300,
          "(3, 0, 9223372036854775807)", "(0,)", "(True,)"]  # fmt: skip
DTYPES = ["'<f8'", "'|O'", "'<U999999999'", "'|V0'", "'<f3'", "[('a', '|O')]", "'<M8[ns]'", "None", "''", "'|S0'", "()",
          "[('a', '<f8', (10**9,))]", "{'names': ['a']}", "'\\x00'", "'<f8,' * 9"]  # fmt: skip


@st.composite
def headers(draw: Any) -> bytes:
    """An ``.npz`` of one array whose header is a script of any kind."""
    shape = draw(st.sampled_from(SHAPES))
    descr = draw(st.sampled_from(DTYPES))
    order = draw(st.sampled_from(["False", "True", "None", "1"]))
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text = draw(st.sampled_from([text, text[:-1], text + b" " * 70_000, b"[" * 5000, b"__import__('os')", b""]))
    version = draw(st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)]))
    width = 2 if version == (1, 0) else 4
    length = draw(st.just(len(text)) | st.sampled_from([0, 10**4, 65535])) % (1 << 8 * width)
    content = (
        b"\x93NUMPY"
        + bytes(version)
        + length.to_bytes(width, "little")
        + text
        + draw(st.just(b"\0" * 24) | st.binary())
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        archive.writestr(draw(st.sampled_from(["a.npy", "a", "../a.npy", "a.npy\0", ""])) or "b.npy", content)
    return buffer.getvalue()


def _npz(header: bytes) -> bytes:
    """An ``.npz`` of one array with this header."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        size = len(header).to_bytes(2, "little")
        archive.writestr("a.npy", b"\x93NUMPY\1\0" + size + header + b"\0" * 24)
    return buffer.getvalue()


WITHOUT_END = _npz(b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), ")
TRUE_LONG = _npz(b"{'descr': '<f8', 'fortran_order': False, 'shape': (True,), }\n")


@pytest.fixture(scope="module")
def write(place):
    def write_file(content: bytes, name: str = "record.npz") -> Path:
        path = place / name
        path.write_bytes(content)
        return path

    return write_file


@fuzz(600)
@example(content=WITHOUT_END)
@example(content=TRUE_LONG)
@given(content=damaged_bytes(st.just(ZIPPED)) | headers() | damaged_bytes(headers()))
def test_arrays(write, content):
    found = lawful_file(read_arrays, write(content))
    if not isinstance(found, BidsmlError):
        assert all(not array.dtype.hasobject for array in found.values())
        assert sum(array.nbytes for array in found.values()) <= len(content)


# ------------------------------------------------------------------ records

RECORDS: dict[str, Any] = {
    "vector": FeatureVector("rest", "connectome", "partial", ("a", "b"), np.array([1.0, np.nan])),
    "quality": ScanQC("01", "rest", fd_mm=np.array([np.nan, 0.1]), confound_columns=("csf",)),
}


@pytest.fixture(scope="module")
def written(place) -> dict[str, bytes]:
    return {name: write_record(place / f"{name}.npz", record).read_bytes() for name, record in RECORDS.items()}


def _with_header(content: bytes, change: Any) -> bytes:
    """The record with another JSON header, its arrays as they were."""
    arrays = dict(np.load(io.BytesIO(content), allow_pickle=False))
    name = next(name for name in arrays if arrays[name].dtype == np.uint8)
    header = json.loads(arrays[name].tobytes())
    arrays[name] = np.frombuffer(change(header), dtype=np.uint8)
    return _stored(**arrays)


@fuzz(300)
@example(name="vector", key=0, value=10**400, edits=None)
@example(name="vector", key=3, value={"a": 1}, edits=None)
@example(name="quality", key=0, value={"__array__": []}, edits=None)
@example(name="quality", key=0, value={"__table__": 1}, edits=None)
@given(
    name=st.sampled_from(sorted(RECORDS)),
    key=st.integers(0, 30),
    value=values() | st.sampled_from([{"__array__": "a0"}, {"__array__": []}, {"__table__": {"a": [1], "b": []}}]),
    edits=st.none() | damaged_bytes(st.just(b"")),
)
def test_records(write, written, name, key, value, edits):
    def change(header: dict[str, Any]) -> bytes:
        keys = [*header, "unknown"]
        return (json.dumps(header | {keys[key % len(keys)]: value})).encode() + (edits or b"")

    path = write(_with_header(written[name], change))
    kind = type(RECORDS[name])
    found = lawful_file(lambda file: read_record(kind, file), path)
    assert isinstance(found, kind | BidsmlError)
    if isinstance(found, kind):
        lawful(lambda: write_record(path.with_name("again.npz"), found))


@fuzz(300)
@given(data=st.data(), name=st.sampled_from(sorted(RECORDS)))
def test_damaged_bytes_of_records(write, written, data, name):
    content = data.draw(damaged_bytes(st.just(written[name])))
    kind = type(RECORDS[name])
    found = lawful_file(lambda file: read_record(kind, file), write(content))
    assert isinstance(found, kind | BidsmlError)


# ------------------------------------------------------------------ frozen models


@pytest.fixture(scope="module")
def model(place) -> dict[str, bytes]:
    files = write_model(place / "model", MODEL, readme="a model")
    return {path.name: path.read_bytes() for path in files}


def _read(folder: Path) -> Any:
    return lawful(lambda: read_model(folder), size=sum(path.stat().st_size for path in folder.iterdir()))


@fuzz(300)
@given(data=st.data(), name=st.sampled_from([MODEL_JSON, ARRAYS]))
def test_damaged_files_of_a_model(place, model, data, name):
    folder = place / "model"
    for file, content in model.items():
        (folder / file).write_bytes(content)
    damaged = data.draw(damaged_bytes(st.just(model[name])))
    (folder / name).write_bytes(damaged)
    found = _read(folder)
    if not isinstance(found, BidsmlError):
        # White space and order are not part of what is said.
        assert json.loads(damaged) == json.loads(model[name]) if name == MODEL_JSON else damaged == model[name]


@fuzz(300)
@example(key="files", value=[], keep_digest=False)
@example(key="digest", value=10**400, keep_digest=True)
@example(key="schema", value=True, keep_digest=False)
@given(
    key=st.sampled_from([*ModelCard.__dataclass_fields__, "files", "digest", "x"]),
    value=values(),
    keep_digest=st.booleans(),
)
def test_a_model_that_says_other_things(place, model, key, value, keep_digest):
    """Even with a digest that was made anew."""
    folder = place / "model"
    for file, content in model.items():
        (folder / file).write_bytes(content)
    said = json.loads(model[MODEL_JSON]) | {key: value}
    try:
        text = json.dumps(said if keep_digest else said | {"digest": _digest(json.loads(json.dumps(said)))})
    except (ValueError, UnicodeError):
        return
    (folder / MODEL_JSON).write_text(text, encoding="utf-8", errors="surrogatepass")
    found = _read(folder)
    assert isinstance(found, tuple | BidsmlError)
    if isinstance(found, tuple):
        assert isinstance(found[0], FrozenModel)
