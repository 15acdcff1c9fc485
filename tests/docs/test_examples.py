"""Examples in docstrings do as they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import bidsml

PACKAGE = Path(bidsml.__file__).parent


def modules_with_examples() -> list[str]:
    """Every module of bidsml and of the documentation's code whose text shows a prompt."""
    names = []
    for root, folder in ((PACKAGE.parent, PACKAGE), (PACKAGE.parent / "docs", PACKAGE.parent / "docs" / "from_code")):
        for path in sorted(folder.rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                names.append(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of(name):
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.attempted > 0, "examples are there that doctest doesn't find"
    assert result.failed == 0


def test_the_central_functions_have_examples():
    names = set(modules_with_examples())
    assert {"bidsml.matrices", "bidsml.bids.names", "bidsml.errors", "bidsml.learn.intervals"} <= names
