"""The tutorials run as they are written: their shell blocks, in a fresh environment."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(docs, name) -> list[str]:
    return BLOCK.findall((docs / "tutorials" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Run a script in an empty folder, with a fresh environment in which bidsml alone was installed.

    Its dependencies are those of the environment of the tests: their installation is the lock file's, not a tutorial's.
    """
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home / "venv", with_pip=False)
    python = next((home / "venv").glob("lib/python3*"))
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (python / "site-packages" / "installed.pth").write_text(f"{ROOT}\n{here}\n", encoding="utf-8")
    command = home / "venv" / "bin" / "bidsml"
    command.write_text(f'#!/bin/sh\nexec "{home}/venv/bin/python" -m bidsml "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    (home / "work").mkdir()
    path = f"{home / 'venv' / 'bin'}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}

    def run(script: str, **variables: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=home / "work",
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run.folder = home / "work"
    yield run
    shutil.rmtree(home, ignore_errors=True)


def test_abide_as_written(docs, shell, shared_data):
    """On the first hundred of the people, or on all: ``BIDSML_TUTORIAL_PEOPLE=871``."""
    from abide_mirror import fill_downloads

    people = os.environ.get("BIDSML_TUTORIAL_PEOPLE", "100")
    fill_downloads(shared_data("abide_ho871"), shell.folder / "downloads", people=int(people))
    shutil.copy(docs / "tutorials" / "abide_to_bids.py", shell.folder)
    written = blocks(docs, "abide.md")
    assert len(written) == 5
    said = [shell(block, PEOPLE=people, DRAWS="99") for block in written[:4]]
    assert f"{people} people in ABIDE" in said[0]
    assert f"{people} finished" in said[2]
    out = shell.folder / "OUT"
    assert (out / "group-abide-connectome.html").is_file()
    rows = pd.read_csv(out / "group" / "abide-connectome" / "performance.tsv", sep="\t", na_values="n/a")
    found = rows.query("model == 'biomarker' and design == 'stratified' and metric == 'roc_auc'").iloc[0]
    assert found["n"] == int(people)
    if people == "871":
        assert found["estimate"] == pytest.approx(0.749, abs=0.01)
        left_out = rows.query("model == 'biomarker' and design == 'leave-site-out' and metric == 'roc_auc'").iloc[0]
        assert left_out["estimate"] == pytest.approx(0.737, abs=0.01)
        alone = rows.query("model == 'nuisance' and design == 'stratified' and metric == 'roc_auc'").iloc[0]
        assert alone["estimate"] == pytest.approx(0.601, abs=0.01)
    shell(written[4], PEOPLE=people, DRAWS="99")
    again = pd.read_csv(out / "group" / "abide-connectome" / "performance.tsv", sep="\t", na_values="n/a")
    assert {"ridge", "logistic"} <= set(again["estimator"])
    men = pd.read_csv(shell.folder / "ABIDE" / "participants.tsv", sep="\t").query("sex == 'M'")
    assert again.query("model == 'biomarker'")["n"].max() == len(men)


def test_raw_as_written(docs, shell):
    """On two simulated people, as the page says how."""
    written = blocks(docs, "raw.md")
    assert len(written) == 4
    said = [shell(block, PEOPLE="2") for block in written]
    assert "2 finished" in said[3] or "2 participants" in said[3] or "done" in said[3]
    report = (shell.folder / "OUT" / "sub-01.html").read_text(encoding="utf-8")
    assert all(f'id="{part}"' in report for part in ("anatomy", "alignment", "motion", "coverage"))
