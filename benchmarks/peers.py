"""Set the ABIDE connectomes beside peers: one table, the same people and folds, each peer in an environment of its own.

python benchmarks/peers.py CONNECTOMES.npz PARTICIPANTS.tsv [--environments DIR] [--peers scikit-learn julearn ...]

CONNECTOMES.npz holds Pearson correlations, upper triangles, one row per person of PARTICIPANTS.tsv, whose diagnosis is
ASD or another. Everyone tunes a ridge classifier's penalty over seven values in five inner folds of ten outer ones,
which are those that bidsml drew. AUC is over all out-of-fold scores; a peer that gives no scores has none. Lines are
those the user writes, without blanks. neuropredict takes no folds from outside and is left out; so is giga_connectome,
which is on no package index under that name.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

HERE = Path(__file__).parent / "peers"
PACKAGES = {"julearn": "julearn==0.3.4", "photonai": "photonai==2.5.2"}
SCRIPTS = {
    "bidsml": "with_bidsml.py",
    "scikit-learn": "with_sklearn.py",
    "julearn": "with_julearn.py",
    "photonai": "with_photonai.py",
}


def read_abide(connectomes, participants):
    """Fisher z of the edges, ``(n_people, n_edges)``, and 1 for autism."""
    with np.load(connectomes) as data:
        r = np.asarray(data["r"], dtype=np.float64)
    table = pd.read_csv(participants, sep="\t")
    patient = table["diagnosis"].to_numpy() == "ASD"
    if len(r) != len(patient) or len(set(patient)) < 2:
        raise SystemExit(f"{len(r)} connectomes and {len(patient)} labels, {int(patient.sum())} of autism")
    return np.arctanh(np.clip(r, -0.999999, 0.999999)), patient.astype(int)


def find_python(peer, environments):
    """The interpreter of a peer's environment, made where it is not there."""
    if peer not in PACKAGES:
        return Path(sys.executable)
    folder = environments / peer
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGES[peer]], check=True)
    return python


def count_lines(script):
    """Lines between the marks, without blank ones."""
    text = script.read_text(encoding="utf-8").partition("# the user writes\n")[2].partition("# the user wrote")[0]
    return sum(bool(line.strip()) for line in text.splitlines())


def run_peer(peer, data, folder, environments):
    """One row of the table; bidsml's run leaves its folds in the data."""
    script, out = HERE / SCRIPTS[peer], folder / f"{peer}.json"
    words = [find_python(peer, environments), script, data, out, *([data] if peer == "bidsml" else [])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"| {peer} | failed: {done.stderr.strip().splitlines()[-1][:100]} | | | | |"
    found = json.loads(out.read_text(encoding="utf-8"))
    with np.load(data) as known:
        y = known["y"]
    auc = "none given" if found["scores"] is None else f"{roc_auc_score(y, found['scores']):.3f}"
    right = balanced_accuracy_score(y, found["predictions"])
    lines = count_lines(script)
    return f"| {peer} | {auc} | {right:.3f} | {found['cpu_s']:.0f} | {found['peak_gb']:.2f} | {lines} |"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("connectomes", type=Path)
    parser.add_argument("participants", type=Path)
    parser.add_argument("--environments", type=Path, default=Path("peer-environments"))
    parser.add_argument("--peers", nargs="+", default=list(SCRIPTS), choices=list(SCRIPTS))
    parser.add_argument("--edges", type=int, help="about so many edges, for peers that don't finish on all")
    options = parser.parse_args()
    X, y = read_abide(options.connectomes, options.participants)
    X = X[:, :: max(1, X.shape[1] // options.edges)] if options.edges else X
    print(f"{len(y)} people, {X.shape[1]:,} edges, ten folds, ridge tuned over seven penalties, one thread\n")
    print("| peer | AUC, pooled | balanced accuracy | CPU s | peak GB | lines |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        np.savez(data, X=X, y=y, fold=np.empty(0))
        for peer in dict.fromkeys(("bidsml", *options.peers)):
            print(run_peer(peer, data, Path(folder), options.environments.absolute()), flush=True)


if __name__ == "__main__":
    main()
