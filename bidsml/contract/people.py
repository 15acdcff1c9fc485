"""Two simulated people's data, for every part that a feature kind can work from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bidsml.records import FloatArray, Scan, ScanData, ScanQC

REGIONS = ("r0", "r1", "r2", "r3")
NETWORKS = ("A", "A", "B", "B")


def simulate_scan(need: str, *, person: int) -> ScanData:
    """Simulate what one person offers: one of the parts of :class:`~bidsml.records.ScanData`, and what goes with it.

    Region ``r1`` of person 0 is missing and ``r2`` of person 1; person 1 has fewer volumes. Of a table, the cell
    ``score`` of person 0 is empty.

    Raises
    ------
    KeyError
        There is no simulation of this part.
    """
    make = _PARTS[need]
    rng = np.random.default_rng(person)
    lost = 1 + person % 2
    label = str(person + 1)
    fields: dict[str, Any] = {
        "scan": Scan(participant_id=label, kind="timeseries", path=Path(f"sub-{label}_timeseries.tsv")),
        "regions": REGIONS,
        "networks": NETWORKS,
        "missing": {REGIONS[lost]: "outside the image"},
        "tr_s": 2.0,
        "qc": ScanQC(participant_id=label, label=f"sub-{label}", tr_s=2.0),
        "atlas": "simulated",
        **make(rng, lost, person),
    }
    return ScanData(**fields)


def _signals(rng: np.random.Generator, lost: int, person: int) -> FloatArray:
    n_volumes = 300 - 40 * person
    signals: FloatArray = rng.standard_normal((n_volumes, len(REGIONS))) + rng.standard_normal((n_volumes, 1))
    signals[:, lost] = np.nan
    return signals


def _matrix(rng: np.random.Generator, lost: int, person: int) -> FloatArray:
    signals = _signals(rng, lost, person)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.corrcoef(signals.T))


def _values(rng: np.random.Generator, lost: int, person: int) -> FloatArray:
    values = rng.uniform(0.3, 0.7, len(REGIONS))
    values[lost] = np.nan
    return values


def _row(rng: np.random.Generator, _lost: int, person: int) -> dict[str, Any]:
    row = {"age": float(rng.integers(20, 60)), "score": float("nan") if person == 0 else 2.0}
    return {
        "table": row,
        "regions": (),
        "networks": (),
        "qc": None,
        "atlas": "",
        "missing": {"score": "n/a in the table"} if person == 0 else {},
    }


def _volumes(rng: np.random.Generator, lost: int, person: int) -> dict[str, Any]:
    by_region = dict(zip(REGIONS, (10 * _values(rng, lost, person)).tolist(), strict=True))
    return {"volumes_ml": {name: ml for name, ml in by_region.items() if np.isfinite(ml)} | {"total_brain": 1200.0}}


def _contrasts(rng: np.random.Generator, lost: int, person: int) -> dict[str, Any]:
    effect = {"a-b": _values(rng, lost, person)}
    return {"contrasts": effect, "contrasts_z": {name: 3 * values for name, values in effect.items()}}


def _maps(rng: np.random.Generator, lost: int, person: int) -> dict[str, Any]:
    names = ("kendall_w", "kendall_w_of_brain", "seed")
    return {"maps": {name: _values(rng, lost, person) for name in names}}


def _scalars(rng: np.random.Generator, lost: int, person: int) -> dict[str, Any]:
    names = ("fa", "md", "ad", "rd", "mk", "ak", "rk", "icvf", "isovf", "od", "gfa")
    return {"maps": {name: _values(rng, lost, person) for name in names}}


def _spectrum(rng: np.random.Generator, lost: int, person: int) -> dict[str, Any]:
    frequencies_hz = np.arange(1.0, 45.5, 0.5)
    spectrum = rng.uniform(0.5, 2.0, (len(REGIONS), len(frequencies_hz))) / frequencies_hz
    covariance = np.cov(rng.standard_normal((len(REGIONS), 200)))
    spectrum[lost], covariance[lost], covariance[:, lost] = np.nan, np.nan, np.nan
    return {"spectrum": spectrum, "frequencies_hz": frequencies_hz, "covariance": covariance}


_PARTS: Mapping[str, Callable[[np.random.Generator, int, int], dict[str, Any]]] = {
    "signals": lambda rng, lost, person: {"signals": _signals(rng, lost, person)},
    "unfiltered": lambda rng, lost, person: {"unfiltered": _signals(rng, lost, person)},
    "matrix": lambda rng, lost, person: {"matrix": _matrix(rng, lost, person)},
    "table": _row,
    "density": lambda rng, lost, person: {"density": _values(rng, lost, person)},
    "volumes": _volumes,
    "contrasts": _contrasts,
    "maps": _maps,
    "scalars": _scalars,
    "spectrum": _spectrum,
}
