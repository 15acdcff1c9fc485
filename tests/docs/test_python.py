"""The examples of docs/python.md run as they stand on the page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
BLOCKS = dict(re.findall(r'```python title="([^"]+)"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL))


@pytest.mark.slow
def test_the_arrays_example_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS["arrays"]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    metric, score = done.stdout.splitlines()[0].split()
    assert metric == "roc_auc" and float(score) > 0.6
    assert done.stdout.splitlines()[1].startswith("p = 0.0")
    assert {path.name for path in tmp_path.iterdir()} == {"null.svg", "roc.svg", "report.html"}


def test_the_transformers_example_is_a_pipeline():
    import numpy as np
    from sklearn.model_selection import GridSearchCV

    names: dict = {}
    exec(BLOCKS["transformers"], names)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 7)), np.arange(40) % 2
    X[3, 2] = np.nan
    assert names["model"].fit(X, y).predict(X).shape == (40,)
    grid = {"logisticregression__C": [0.1, 1.0], "nuisanceregression__n_nuisance": [1, 2]}
    assert GridSearchCV(names["model"], grid, cv=2).fit(X, y).best_params_.keys() == grid.keys()


@pytest.mark.parametrize("name", re.findall(r"^\| `([A-Z]\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
def test_every_transformer_of_the_page_is_there(name):
    import bidsml

    assert name in bidsml.__all__
