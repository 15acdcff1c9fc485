"""What every peer's script hands back. It runs in their environments: the standard library and numpy only."""

import json
import sys
import time
from pathlib import Path

import numpy as np


def load():
    """Features ``(n_people, n_edges)``, labels 0 and 1, and the test fold of everyone."""
    with np.load(sys.argv[1]) as data:
        return data["X"], data["y"], data["fold"]


def report(scores, predictions):
    """Write out-of-fold scores (``None`` where a peer gives none) and predictions, CPU seconds and peak memory."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    content = {
        "scores": None if scores is None else np.asarray(scores, dtype=float).tolist(),
        "predictions": np.asarray(predictions).astype(int).tolist(),
        "cpu_s": time.process_time(),
        "peak_gb": int(status.partition("VmHWM:")[2].split()[0]) / 1e6,
    }
    Path(sys.argv[2]).write_text(json.dumps(content), encoding="utf-8")
