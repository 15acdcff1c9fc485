"""Small datasets in the shapes that other tools write."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from bidsml.spec import AnalysisSpec, FeatureSpec, InputSpec, RunOptions, TargetSpec


@dataclass
class Dataset:
    """A BIDS dataset under construction, with one derivatives folder per name."""

    root: Path
    derivatives: dict[str, Path] = field(default_factory=dict)

    def add(self, derivative: str, name: str, text: str = "") -> Path:
        """Write a text file; ``derivative`` "" is the dataset itself."""
        root = (
            self.root if not derivative else self.derivatives.setdefault(derivative, self.root / "deriv" / derivative)
        )
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def add_relmats(
        self,
        derivative: str = "ready",
        labels: Sequence[str] = ("01", "02"),
        name: str = "func/{s}_task-rest_atlas-A_meas-pearsoncorrelation_relmat.dense.tsv",
    ) -> None:
        """Write the same 2 × 2 table for every participant; ``{s}`` in ``name`` is ``sub-LABEL``."""
        for label in labels:
            self.add(derivative, f"sub-{label}/" + name.format(s=f"sub-{label}"), "1\t0\n0\t1\n")

    def add_bold(self, derivative: str, name: str, *, tr_s: float | None = 2.0, unit: str = "sec") -> Path:
        """Write a tiny BOLD image whose header states a repetition time."""
        path = self.add(derivative, name)
        image = nib.Nifti1Image(np.zeros((2, 2, 2, 3), dtype=np.int16), np.eye(4))
        image.header.set_xyzt_units("mm", unit)
        image.header.set_zooms((2.0, 2.0, 2.0, tr_s or 0.0))
        nib.save(image, path)
        return path

    def options(self, **changes: Any) -> RunOptions:
        """Options that point here."""
        values: dict[str, Any] = {
            "bids_dir": self.root,
            "output_dir": self.root.parent / "out",
            "work_dir": self.root.parent / "work",
            "level": "participant",
            "derivatives": self.derivatives,
        }
        return RunOptions(**(values | changes))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """An empty dataset of participants 01 and 02."""
    made = Dataset(tmp_path / "bids")
    made.add("", "dataset_description.json", json.dumps({"Name": "test", "BIDSVersion": "1.11.1"}))
    made.add("", "participants.tsv", "participant_id\nsub-01\nsub-02\n")
    return made


@pytest.fixture
def make_spec() -> Callable[..., AnalysisSpec]:
    """An analysis with one connectome; keywords of ``input`` and the feature's ``atlas`` and ``measure``."""

    def make(*, atlas: str | None = None, measure: str | None = None, **input_: Any) -> AnalysisSpec:
        return AnalysisSpec(
            name="test",
            target=TargetSpec(column="diagnosis"),
            input=InputSpec(**input_),
            features=(FeatureSpec(kind="connectome", atlas=atlas, measure=measure),),
        )

    return make
