import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["bidsml.learn", "bidsml.learn.estimators", "bidsml.learn.leakage"])
def test_catalogs_load_without_scikit_learn(module):
    code = f"import sys, {module}; print(any(m in sys.modules for m in ('sklearn', 'nilearn', 'matplotlib')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
