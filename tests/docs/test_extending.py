"""The example of docs/extending.md, taken from the page: installed, checked, and run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bidsml.bids.store import read_record
from bidsml.records import FeatureVector
from bidsml.simulate import CohortDesign, simulate_cohort

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "extending.md"
FILES = ("pyproject.toml", "bidsml_timescale.py")
MOST_LINES = 40


def blocks() -> dict[str, str]:
    """Blocks of code of the page, by their titles."""
    return dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL))


def run_bidsml(site: Path, *words: object) -> subprocess.CompletedProcess:
    """Run bidsml as a user does who has the package of a folder installed beside it."""
    places = os.pathsep.join([str(site), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bidsml", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=site, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Folder with the page's package, installed by pip."""
    source, target = tmp_path_factory.mktemp("bidsml-timescale"), tmp_path_factory.mktemp("site")
    for name in FILES:
        (source / name).write_text(blocks()[name])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", str(target), str(source)], capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        pytest.skip("pip is not installed here")
    assert done.returncode == 0, done.stderr
    return target


def test_the_example_is_short():
    assert sum(len(blocks()[name].splitlines()) for name in FILES) <= MOST_LINES


@pytest.mark.slow
def test_the_example_passes_the_contract_test(site):
    done = run_bidsml(site, "check-plugin", "timescale")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 17 checks passed" in done.stdout
    assert run_bidsml(site, "check-plugin", "timscale").returncode == 64


@pytest.mark.slow
def test_the_example_runs_and_is_recorded_and_an_edit_reruns_it(site, tmp_path):
    dataset = simulate_cohort(tmp_path / "dataset", CohortDesign(n_participants=2, n_volumes=130, resolution_mm=10))
    block = blocks()["analysis.toml"].replace("power2011", "{atlas}")
    analysis = tmp_path / "analysis.toml"
    analysis.write_text(f'name = "speed"\n[target]\ncolumn = "diagnosis"\n{block}')
    out, work = tmp_path / "out", tmp_path / "work"
    words = [dataset, out, "participant", "--analysis", analysis, "-w", work, "--nprocs", 1]
    words += ["-d", *(f"{name}={dataset / 'derivatives' / name}" for name in ("fmriprep", "atlas"))]
    done = run_bidsml(site, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    first = read_record(FeatureVector, next(out.glob("sub-01/*_desc-speedTimescale_features.npz")))
    assert (first.kind, first.measure, len(first.names)) == ("timescale", "autocorrelation", 24)
    manifest = json.loads((out / "sub-01" / "sub-01_bidsml.json").read_text())
    assert '"bidsml-timescale": "1.0"' in json.dumps(manifest)
    sidecar = json.loads(next(out.glob("sub-01/func/*desc-timescale_features.json")).read_text())
    assert sidecar["MadeBy"] == [{"Name": "bidsml-timescale", "Version": "1.0"}]
    assert sidecar["Units"] == "1"
    assert "bidsml-timescale 1.0" in (out / "sub-01.html").read_text()
    module = site / "bidsml_timescale.py"
    module.write_text(module.read_text().replace("(x**2).sum", "(2 * x**2).sum"))
    assert run_bidsml(site, *words).returncode == 0
    second = read_record(FeatureVector, next(out.glob("sub-01/*_desc-speedTimescale_features.npz")))
    assert (second.values * 2 == first.values).all()
