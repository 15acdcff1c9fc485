"""What a graph of the group level is built from: who, which files, and where they lie."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype import Workflow


@dataclass(frozen=True)
class GroupInputs:
    """What every graph of the group level starts from.

    Attributes
    ----------
    participants
        Who is considered.
    manifests
        Done-manifests of the participants: their content decides whether people are assembled again.
    tables
        Files of the dataset that the analysis names columns of.
    failed
        Why a participant has no features, by label.
    analysis, analysis_toml, provenance, run
        Files in the work folder: the effective analysis as JSON and as TOML, the provenance record, ``run.json``.
    feature_gb
        Size of the feature matrix in memory.
    derivatives
        Folders by the names that ``--derivatives`` gave them.
    n_threads
        Threads of the linear algebra in one learning node.
    """

    participants: tuple[str, ...]
    manifests: tuple[Path, ...]
    tables: tuple[Path, ...]
    failed: Mapping[str, str]
    analysis: Path
    analysis_toml: Path
    provenance: Path
    run: Path
    feature_gb: float
    bids_dir: Path
    output_dir: Path
    work_dir: Path
    derivatives: Mapping[str, Path]
    seed: int
    n_threads: int

    def init_workflow(self, kind: str, analysis: str) -> Workflow:
        """Make an empty graph under a name that Nipype takes."""
        return Workflow(name=f"{kind}_{analysis.replace('-', '_')}", base_dir=str(self.work_dir))

    def sources(self) -> dict[str, Any]:
        """Give the inputs of a step that assembles people, without the analysis."""
        return {
            "output": str(self.output_dir),
            "bids_dir": str(self.bids_dir),
            "derivatives": json.dumps({name: str(path) for name, path in sorted(self.derivatives.items())}),
            "participants": json.dumps(sorted(self.participants)),
            "failed": json.dumps(dict(sorted(self.failed.items()))),
        }

    def destination(self) -> dict[str, Any]:
        """Give the inputs of a step that publishes, without the result."""
        return {"analysis_toml": str(self.analysis_toml), "run": str(self.run), "output": str(self.output_dir)}
