"""The folder of a frozen biomarker: JSON, plain arrays and a model card, with digests; never a pickle."""

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from bidsml.bids.arrays import read_arrays
from bidsml.bids.store import sha256_file, write_atomic, write_json, write_text
from bidsml.bids.textfiles import read_json, require_content
from bidsml.errors import DataError, MissingInputError
from bidsml.records import MODEL_SCHEMA, FrozenModel, ModelCard, PerformanceRow

MODEL_JSON, ARRAYS, ESTIMATOR, README = "model.json", "arrays.npz", "estimator.skops", "README.md"
_PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".p", ".dill", ".cloudpickle")
# First byte of a pickle since protocol 2, and the first bytes of what joblib compresses it with.
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"x\x9c", b"x\x01", b"x\xda", b"BZh")
_NUMBERS = "biuf"
# What is repeated of the figure that a model brings with it.
_LARGEST = 1e30
_HEADLINE = {"design", "metric", "estimate", "interval", "p_method", "n"}
_HINT = "do not use this model; get it anew from where it was made"


def write_model(folder: Path, model: FrozenModel, *, readme: str) -> list[Path]:
    """Write a frozen biomarker; the same model gives the same bytes.

    Parameters
    ----------
    readme
        The model card for people, Markdown.

    Returns
    -------
    list of Path
        The files, ``model.json``, which holds the digests of the others, last.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: model.arrays[name] for name in sorted(model.arrays)})
    written = [write_atomic(folder / ARRAYS, buffer.getvalue()), write_text(folder / README, readme)]
    if model.is_linear:
        (folder / ESTIMATOR).unlink(missing_ok=True)
    else:
        written.append(write_atomic(folder / ESTIMATOR, model.estimator.tobytes()))
    # As JSON has it (no NaN, no tuples), so that the digest is of what a reader finds.
    content = json.loads(TypeAdapter(ModelCard).dump_json(model.card))
    content["files"] = {path.name: sha256_file(path) for path in written}
    return [*written, write_json(folder / MODEL_JSON, {**content, "digest": _digest(content)})]


def _digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of all that ``model.json`` says, the digests of the other files included, but for its own ``digest``."""
    said = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_model(folder: Path) -> tuple[FrozenModel, str]:
    """Read a frozen biomarker after checking that it is what was written.

    Returns
    -------
    FrozenModel
        With its estimator, if there is one, as bytes: nothing in the folder is ever executed.
    str
        Digest of the model.

    Raises
    ------
    MissingInputError
        There is no such folder, or a file of it is missing.
    DataError
        It is a pickle, holds one, was changed, is of another schema, or its arrays are no finite numbers.
    """
    _refuse_pickles(folder)
    content = read_json(_present(folder, MODEL_JSON))
    if content.get("schema") != MODEL_SCHEMA:
        found = content.get("schema")
        raise DataError(
            f"{folder / MODEL_JSON} is of schema {found!r}; this bidsml reads {MODEL_SCHEMA}",
            hint="use the bidsml that wrote it (version in the file), or train the model anew",
        )
    if content.get("digest") != _digest(content):
        _refuse(folder / MODEL_JSON, "was changed after it was written: its digest is another")
    files = _read_files(folder, content.get("files"))
    card = _read_card(folder / MODEL_JSON, content)
    arrays = _read_arrays(folder / ARRAYS, files[ARRAYS])
    estimator = np.frombuffer(files.get(ESTIMATOR, b""), dtype=np.uint8)
    if bool(estimator.size) == ("coef" in arrays):
        _refuse(folder, "must hold either weights or an estimator, one of them")
    return FrozenModel(card, arrays, estimator), str(content["digest"])


def _refuse_pickles(folder: Path) -> None:
    if folder.is_file():
        if folder.suffix.lower() in _PICKLES or _starts_as_pickle(folder):
            _refuse(folder, "is a pickle or joblib file, which would run whatever is in it when it is opened")
        raise DataError(f"{folder} is a file; a model is a folder that holds {MODEL_JSON}", hint="give its folder")
    if not folder.is_dir():
        raise MissingInputError(f"there is no model folder {folder}", hint="check --apply MODEL_DIR")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _PICKLES:
            _refuse(path, "is a pickle or joblib file, which has no place in a model")


def _starts_as_pickle(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4).startswith(_PICKLE_STARTS)


def _present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists() and (folder / "model" / MODEL_JSON).exists():
        raise MissingInputError(f"{folder} is no model folder", hint=f"did you mean {folder / 'model'}?")
    if not require_content(path, what="the model's file").is_file():
        _refuse(path, "is a folder")
    return path


def _refuse(path: Path, problem: str) -> NoReturn:
    raise DataError(f"{path} {problem}", hint=_HINT)


def _read_files(folder: Path, listed: Any) -> dict[str, bytes]:
    """Read the files that are listed, each once, and compare their digests: what was checked is what is used."""
    known = {ARRAYS, README, ESTIMATOR}
    if not isinstance(listed, dict) or not {ARRAYS} <= set(listed) <= known:
        _refuse(folder / MODEL_JSON, f"must list {ARRAYS} and no file but {', '.join(sorted(known))}")
    contents = {}
    for name, digest in listed.items():
        path = _present(folder, name)
        contents[name] = path.read_bytes()
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            what = " (it is a pickle now)" if contents[name].startswith(_PICKLE_STARTS) else ""
            _refuse(path, f"was changed after it was written{what}: its SHA-256 is not the one in {MODEL_JSON}")
    return contents


def _read_card(path: Path, content: Mapping[str, Any]) -> ModelCard:
    names = {field.name for field in fields(ModelCard)}
    try:
        card = TypeAdapter(ModelCard).validate_python({key: content[key] for key in content if key in names})
        if card.performance:
            # A row of the performance table: JSON has no NaN.
            said = {key: math.nan if value is None else value for key, value in card.performance.items()}
            TypeAdapter(PerformanceRow).validate_python(said)
            if absent := sorted(_HEADLINE - set(said)):
                _refuse(path, f"tells a performance without {', '.join(absent)}")
            if any(isinstance(value, int | float) and abs(value) > _LARGEST for value in said.values()):
                _refuse(path, "tells a performance that no metric has")
        return card
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise DataError(f"{path} does not describe a model: {problems}", hint=_HINT) from error


def _read_arrays(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    """Read arrays of finite numbers; anything else, a pickled object above all, is refused."""
    arrays = read_arrays(path, content)
    for name, array in arrays.items():
        if array.dtype.kind not in _NUMBERS or not np.isfinite(array).all():
            _refuse(path, f"holds an array {name!r} that is not all finite numbers ({array.dtype})")
    return arrays
