"""ABIDE's ready-made region signals as nilearn's fetcher leaves them, made from the packed connectomes."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

N_VOLUMES = 150


def fill_downloads(packed: Path, downloads: Path, *, people: int | None = None) -> None:
    """Put signals of exactly the real correlations where nilearn looks for those it has downloaded.

    The packed data hold the correlations of everyone and the signals of few; any signals with the same correlations
    lead to the same connectomes.
    """
    table = pd.read_csv(packed / "participants.tsv", sep="\t")
    content = np.load(packed / "connectomes_pearson_triu_float16.npz")
    folder = downloads / "ABIDE_pcp" / "cpac" / "filt_noglobal"
    folder.mkdir(parents=True)
    shutil.copy(packed / "Phenotypic_V1_0b_preprocessed1.csv", folder.parents[1])
    header = "\t".join(f"#{code}" for code in content["roi"])
    n = len(content["roi"])
    rng = np.random.default_rng(0)
    for i, name in enumerate(table["FILE_ID"][:people]):
        matrix = np.eye(n)
        matrix[np.triu_indices(n, 1)] = content["r"][i]
        matrix += np.triu(matrix, 1).T
        signals = _signals(matrix, rng)
        signals[:, np.abs(matrix - np.eye(n)).sum(axis=1) == 0] = 0  # a region without signal
        np.savetxt(folder / f"{name}_rois_ho.1D", signals, fmt="%.7g", delimiter="\t", header=header, comments="")


def _signals(matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw signals ``(n_volumes, n_regions)`` whose correlations are those of the matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.clip(values, 0, None))  # rounded to half precision, it may be a little indefinite
    noise = rng.standard_normal((N_VOLUMES, len(matrix)))
    white, _ = np.linalg.qr(noise - noise.mean(axis=0))
    return white @ root.T
