"""What a step rests on: the source files that it reaches by its imports, and the libraries that compute."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bidsml import __version__
from bidsml.extension import Plugin

_PACKAGE = Path(__file__).resolve().parent.parent
# Their new versions may come to other numbers.
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "nibabel", "nilearn", "antspyx", "matplotlib", "mne")
# Parsing some two hundred files takes a job of one participant as long as finding its scans. A line of a docstring
# that looks like an import is harmless: it names no module, or one too many.
_IMPORT = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+(bidsml[\w.]*)(?:[ \t]+import[ \t]+(\([^)]*\)|[^\n(]+))?", re.MULTILINE
)


def node_digest(module: str, plugins: Sequence[Plugin]) -> str:
    """Digest as :func:`source_digest`, and of the other packages that the step calls, their files and versions."""
    own = source_digest(module)
    return hashlib.sha256("\n".join([own, *(one.digest() for one in plugins)]).encode()).hexdigest() if plugins else own


@cache
def source_digest(module: str) -> str:
    """Digest of the source a step rests on, and of the versions of the libraries.

    Every module is taken that the step's own imports, directly or through others, and of each folder of these the
    files that are no Python: a change of the report's code thus reruns the reports, not the permutations.

    Parameters
    ----------
    module
        Full name, as in ``bidsml.steps.participant``.
    """
    digest = hashlib.sha256()
    for name, number in _versions():
        digest.update(f"{name} {number}\n".encode())
    for path in sorted(_reached(module)):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("bidsml", __version__)]
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return tuple(found)


def _reached(module: str) -> set[Path]:
    files: set[Path] = set()
    waiting = [module]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        files.add(path)
        waiting += _imports(path)
        # Python runs the packages above a module too.
        waiting.append(name.rpartition(".")[0])
    rooms = {path.parent for path in files} - {_PACKAGE}
    return files | {data for room in rooms for data in _data_files(room)}


def _file_of(module: str) -> Path | None:
    """Find a module's file; ``None`` for what is no module of bidsml."""
    first, _, rest = module.partition(".")
    if first != "bidsml":
        return None
    place = _PACKAGE.joinpath(*rest.split(".")) if rest else _PACKAGE
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    source = path.read_text(encoding="utf-8")
    found: list[str] = []
    if 'import_module(f"{__package__}.' in source:
        # A catalog that imports the files beside it when they are asked for: all are taken.
        package = ".".join(path.parent.relative_to(_PACKAGE.parent).parts)
        found += [f"{package}.{entry.stem}" for entry in path.parent.glob("*.py") if entry != path]
    for package, names in _IMPORT.findall(source):
        # A name imported from a package may be one of its modules.
        found += [package, *(f"{package}.{name}" for name in re.findall(r"\w+", names))]
    return tuple(found)


def _data_files(room: Path) -> Iterator[Path]:
    for path in room.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            yield path
