"""The house of the design: imports run downward, wings never import each other, one room knows one library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bidsml

PACKAGE = Path(bidsml.__file__).parent
# Higher number: higher up. A room imports only from lower ones, and from itself.
LEVELS = {
    "errors": 0,
    "__init__": 0,
    "container": 1,
    "descriptor": 2,
    "machine": 1,
    "records": 1,
    "spec": 1,
    "headers": 1,
    "surfacefiles": 1.5,
    "surfaces": 2,
    "extension": 1,
    "matrices": 2,
    "atlases": 3,
    "templates": 2,
    "bids": 3,
    "preproc": 3,
    "features": 3,
    "learn": 3,
    "report": 3,
    "simulate": 4,
    "steps": 4,
    "notebook": 7,
    "contract": 8,
    "graph": 5,
    "app": 6,
    "arguments": 6,
    "cli": 7,
    "commands": 9,
    "__main__": 10,
}
ONLY_IN = {"nipype": "graph", "bids": "bids", "jinja2": "report", "sqlalchemy": "bids"}


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def test_every_room_has_a_level():
    assert {_room(path) for path in _modules()} == set(LEVELS)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_downward(path):
    mine = _room(path)
    for name in _imports(path):
        if not name.startswith("bidsml.") and name != "bidsml":
            continue
        theirs = name.split(".")[1] if "." in name else "__init__"
        assert theirs == mine or LEVELS[theirs] < LEVELS[mine], f"{mine} imports {theirs}"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_one_room_knows_one_library(path):
    for name in _imports(path):
        owner = ONLY_IN.get(name.split(".")[0])
        assert owner is None or owner == _room(path), f"only {owner} imports {name.split('.')[0]}"
