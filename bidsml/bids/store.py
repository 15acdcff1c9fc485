"""Write files whole or not at all, the same content always as the same bytes; keep records without pickle."""

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from bidsml.bids.arrays import read_arrays
from bidsml.bids.processes import is_running, place_token
from bidsml.errors import DataError, DiskError

Record = TypeVar("Record")

_HEADER = "record"
_ARRAY = "__array__"
_TABLE = "__table__"
_TEMPORARY = re.compile(r"\..+\.(?P<place>[0-9a-f]{8})-(?P<pid>[0-9]+)\.[^.]+\.tmp")
_DAY_S = 24 * 3600


def write_atomic(path: Path, content: bytes) -> Path:
    """Write ``content`` so that a reader sees the old file or the new one, never a part.

    Raises
    ------
    DiskError
        The disk is full or writing failed; an older file at ``path`` is untouched.
    """
    return write_file(path, lambda handle: handle.write(content), n_bytes=len(content))


def write_file(path: Path, write: Callable[[IO[bytes]], object], *, n_bytes: int) -> Path:
    """Let ``write`` fill a file piece by piece; a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    n_bytes
        About how much will be written, for the message when that fails.

    Raises
    ------
    DiskError
        The disk is full or writing failed; an older file at ``path`` is untouched.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name[:40]}.{place_token()}-{os.getpid()}."
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as handle:
            write(handle)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise disk_error(error, path, needed=f"{n_bytes} bytes are needed") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def remove_left_overs(found: Iterable[Path], *, all_dead: bool = False) -> None:
    """Remove temporary files of :func:`write_file` whose writer was killed.

    Parameters
    ----------
    found
        Paths of any kind; only temporary files are touched.
    all_dead
        No writer can be alive, as the caller holds the lock. Else those of running processes stay, and those of
        other machines that are less than a day old.
    """
    for path in found:
        match = _TEMPORARY.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        here = match["place"] == place_token()
        if all_dead or (not is_running(int(match["pid"])) if here else time.time() - path.stat().st_mtime > _DAY_S):
            path.unlink(missing_ok=True)


def disk_error(error: OSError, path: Path, *, needed: str) -> DiskError:
    """Say why a file could not be written, what was needed and how much is free where it lies."""
    existing = next((folder for folder in path.parents if folder.is_dir()), Path("/"))
    return DiskError(
        f"cannot write {path}: {error.strerror or error}; {needed}, {shutil.disk_usage(existing).free} are free there",
        hint="free space or choose another folder, then run the same command again; finished work is kept",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text atomically."""
    return write_atomic(path, text.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write JSON with sorted keys; NaN and infinities become ``n/a``."""
    return write_text(path, json.dumps(_finite(content), indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return "n/a"
    return str(value) if isinstance(value, Path) else value


def write_table(path: Path, table: pd.DataFrame, *, header: bool = True) -> Path:
    """Write a BIDS TSV: tab-separated, ``n/a`` for missing, numbers to 10 significant digits."""
    text = table.to_csv(sep="\t", index=False, header=header, na_rep="n/a", float_format="%.10g", lineterminator="\n")
    return write_text(path, text)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


# At a file that is damaged, and at a header that is not of the shape that write_record gives it.
_DECODE_ERRORS = (
    *(DataError, OSError, ValueError, KeyError, RecursionError, ValidationError),
    *(TypeError, AttributeError, OverflowError),
)


def write_record(path: Path, record: Any) -> Path:
    """Keep a frozen record as one ``.npz``: a JSON header and plain arrays, no pickle.

    The same record gives the same bytes.
    """
    arrays: dict[str, np.ndarray] = {}
    header = json.dumps(_encode(record, arrays), ensure_ascii=False)
    # As bytes: an array of text takes four bytes a character.
    text = np.frombuffer(header.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{_HEADER: text}, **arrays)
    return write_atomic(path, buffer.getvalue())


def read_record(kind: type[Record], path: Path) -> Record:
    """Read back what :func:`write_record` wrote, checked against the record's types.

    Raises
    ------
    DataError
        The file is damaged or holds another kind of record.
    """
    try:
        arrays = read_arrays(path)
        header = json.loads(arrays[_HEADER].tobytes().decode("utf-8", "surrogatepass"))
        content = _decode(header, lambda key: arrays[key])
        return TypeAdapter(kind).validate_python(content)
    except _DECODE_ERRORS as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DataError(
            f"{path} is not a readable record of {getattr(kind, '__name__', kind)}: {getattr(error, 'message', error)}",
            hint="delete the file and run again",
        ) from error


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:  # noqa: PLR0911 - one return a type
    if isinstance(value, pd.DataFrame):
        return {_TABLE: {str(c): _encode(_column(value[c]), arrays) for c in value}}
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _encode(getattr(value, f.name), arrays) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        key = f"a{len(arrays)}"
        arrays[key] = value
        return {_ARRAY: key}
    if isinstance(value, Mapping):
        return {str(k): _encode(v, arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(v, arrays) for v in value]
    return str(value) if isinstance(value, Path) else value


def _column(column: pd.Series) -> Any:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return [None if pd.isna(v) else str(v) for v in column]


def _decode(value: Any, array: Callable[[str], np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(v, array) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_ARRAY}:
        return array(value[_ARRAY])
    if set(value) == {_TABLE}:
        return pd.DataFrame({c: _decode(v, array) for c, v in value[_TABLE].items()})
    return {k: _decode(v, array) for k, v in value.items()}
