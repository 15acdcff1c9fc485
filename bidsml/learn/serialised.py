"""Keep an estimator that is no set of weights: as a skops file, never as a pickle."""

import io
import json
import zipfile
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Any

from bidsml.errors import BidsmlError, DataError, MissingInputError
from bidsml.learn.estimators import CATALOG, EstimatorKind

# Where the types come from that a model of a kind may hold, beside arrays and plain values. skops takes every estimator
# of scikit-learn for harmless, and much of numpy and scipy; what is not expected has no business here.
_PLAIN = ("builtins.", "numpy.ndarray", "numpy.int64", "numpy.uint64", "numpy.float64")
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "forest": ("sklearn.ensemble._forest.", "sklearn.tree._classes.", "sklearn.tree._tree.Tree"),
    "boosting": (
        *("sklearn.ensemble._hist_gradient_boosting.", "sklearn._loss.", "sklearn.preprocessing._label."),
        *("numpy.random._generator.Generator", "numpy.random._pcg64.", "numpy.random.bit_generator."),
    ),
    "rbf_svm": ("sklearn.svm._classes.",),
}
# How skops rebuilds what a file holds: no function, method, operator or class is among what a model needs.
_LOADERS = frozenset(
    {"DictNode", "ListNode", "TupleNode", "JsonNode", "NdArrayNode", "ObjectNode", "TypeNode"}
    | {"TreeNode", "LossNode", "RandomGeneratorNode"}
)
# Those that skops does not take for harmless: see frozen_estimator, which looks at their numbers.
TRUSTED: Mapping[str, tuple[str, ...]] = {
    "forest": ("sklearn.tree._tree.Tree",),
    "boosting": ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
    "rbf_svm": (),
}
# What the file as a whole must be.
_ROOTS: Mapping[str, tuple[str, ...]] = {
    "forest": ("RandomForestClassifier", "RandomForestRegressor"),
    "boosting": ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "rbf_svm": ("SVC", "SVR"),
}
# Before 0.12, a crafted file got past the check of its types (CVE-2025-54412, CVE-2025-54413).
_OLDEST = (0, 12)
_SCHEMA = "schema.json"


def serialiser_version() -> dict[str, str]:
    """Versions that decide whether a file can be read again."""
    return {name: version(name) for name in ("scikit-learn", "skops")}


def dump_estimator(estimator: Any) -> bytes:
    """Turn a fitted estimator into the bytes of a skops file; the same estimator gives the same bytes.

    Raises
    ------
    MissingInputError
        skops is not installed, or too old.
    """
    return _canonical(_skops().dumps(estimator))


def load_estimator(content: bytes, kind: str, *, of: EstimatorKind | None = None) -> Any:
    """Rebuild an estimator from the bytes of a skops file.

    Parameters
    ----------
    of
        What ``kind`` is; that of the catalog where it is not given.

    Raises
    ------
    DataError
        It is no skops file, holds a type that is not expected in a model of this kind, or is another kind of model.
    MissingInputError
        skops is not installed, or too old.
    """
    skops = _skops()
    entry = of or CATALOG.get(kind)
    trusted, roots = TRUSTED.get(kind, ()), _ROOTS.get(kind, ())
    if entry is not None and entry.model_types:
        trusted, roots = entry.model_types, tuple(name.rpartition(".")[2] for name in entry.model_types)
    if not roots:
        raise DataError(f"a model of kind {kind!r} is never kept as a skops file", hint="do not use this model")
    try:
        _refuse_bomb(content)
        foreign = set(skops.get_untrusted_types(data=content)) - set(trusted)
        # Of another package's kind it is known what it adds to skops' list, not which of that it needs.
        foreign |= _unexpected(content, EXPECTED[kind]) if trusted is TRUSTED.get(kind) else set()
        if foreign:
            raise DataError(
                f"the model holds a type that is not trusted in a {kind}: {', '.join(sorted(foreign))}",
                hint="do not use this model; ask its maker for one that bidsml wrote",
            )
        estimator = skops.loads(content, trusted=list(trusted))
    except BidsmlError:
        raise
    except Exception as error:
        # zipfile, json, numpy, skops and every type's own way of being rebuilt: each raises what it trips over.
        raise DataError(
            f"the estimator is not a readable skops file: {type(error).__name__}: {error}", hint="get the model anew"
        ) from error
    if type(estimator).__name__ not in roots:
        raise DataError(f"the model says it is a {kind}, and holds a {type(estimator).__name__}", hint="do not use it")
    return estimator


def _refuse_bomb(content: bytes) -> None:
    """Nothing in the file may unpack to more than is there, or hide another part: bidsml stores each, once."""
    hint = "do not use this model; get it anew from where it was made"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) < len(members):
            raise DataError("two parts of the estimator have one name", hint=hint)
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
                raise DataError(
                    f"{member.filename} in the estimator is compressed, as bidsml never writes it", hint=hint
                )


def _unexpected(content: bytes, expected: tuple[str, ...]) -> set[str]:
    """Find types and ways of rebuilding that a model of a kind has no use for."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        todo = [json.loads(archive.read(_SCHEMA))]
    found = set()
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            if "__loader__" in node:
                name = f"{node['__module__']}.{node['__class__']}"
                known = name.startswith((*_PLAIN, *expected)) and node["__loader__"] in _LOADERS
                found |= set() if known else {f"{name} ({node['__loader__']})"}
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return found


def _skops() -> Any:
    hint = 'install it: pip install "bidsml[models]", or "skops>=0.12"'
    try:
        found = version("skops")
        module = import_module("skops.io")
    except (PackageNotFoundError, ImportError) as error:
        raise MissingInputError(
            "a model that is not linear is kept with skops, which is not here", hint=hint
        ) from error
    if tuple(int(part) for part in found.split(".")[:2]) < _OLDEST:
        raise MissingInputError(f"skops {found} is too old to check what a file holds", hint=hint)
    return module


def _canonical(content: bytes) -> bytes:
    """Name a skops file's objects by their order: skops itself names them by memory address, and writes the time in.

    Every object gets a number of its own. Two that were one object in memory become two alike: nothing in a fitted
    estimator depends on their being one.
    """
    names: dict[str, str] = {}
    count = 0

    def visit(node: Any) -> Any:
        nonlocal count
        if isinstance(node, list):
            return [visit(item) for item in node]
        if not isinstance(node, dict):
            return node
        changed = dict(node)
        if isinstance(node.get("__id__"), int) and "__class__" in node:
            changed["__id__"] = count = count + 1
        if isinstance(node.get("file"), str) and "__loader__" in node:
            changed["file"] = names.setdefault(node["file"], f"{len(names)}{PurePosixPath(node['file']).suffix}")
        return {key: value if key in ("__id__", "file") else visit(value) for key, value in changed.items()}

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = visit(json.loads(archive.read(_SCHEMA)))
        parts = {new: archive.read(old) for old, new in names.items()}
    parts[_SCHEMA] = json.dumps(schema, indent=1).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return buffer.getvalue()
