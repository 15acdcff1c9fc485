"""Make the drawings of the page on statistics again: simulate, write the numbers as TSV, draw them as SVG.

Call it as ``python docs/figures/make.py [NAME …]``; ``--draw`` draws from the numbers that are there.
"""

import sys
from importlib import import_module
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parent
NAMES = ("leakage", "selection", "units", "accuracy", "samples", "harmonise", "patterns", "intervals")


def main(words: list[str]) -> None:
    """Make those that are named, else all."""
    names = [word for word in words if not word.startswith("-")] or NAMES
    for name in names:
        module = import_module(name)
        if "--draw" not in words:
            module.measure().to_csv(FOLDER / f"{name}.tsv", sep="\t", index=False, float_format="%.6g")
        svg = module.paint(pd.read_csv(FOLDER / f"{name}.tsv", sep="\t"))
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
