"""What all records share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ScanKind = Literal["bold", "timeseries", "relmat", "table", "t1w", "freesurfer", "mriqc", "dwimap", "eeg", "meg"]
Task = Literal["classification", "regression"]
Model = Literal["biomarker", "nuisance", "nuisance+biomarker", "majority"]


class Record:
    """Lets pydantic rebuild a record that holds arrays (see ``bidsml.bids.store``)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)


@dataclass(frozen=True)
class InputChoice(Record):
    """What the command line chose of the input, but for the participants: any number of jobs may share them.

    ``derivatives`` are the names of ``--derivatives``, without their places.
    """

    derivatives: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    skip_bids_validation: bool = False


@dataclass(frozen=True)
class Provenance(Record):
    """What ran, for the report, ``run.json`` and the done-manifests: nothing here depends on time or place."""

    version: str
    packages: Mapping[str, str]
    seed: int
    engine: str
    command: tuple[str, ...]
    spec_digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Digest by input name: ``bids:NAME:path`` with the names of ``DatasetLinks``, or what stands for many files."""
    analysis: Mapping[str, Any] = field(default_factory=dict)
    """The effective analysis, which loads to itself."""
    choice: InputChoice = field(default_factory=InputChoice)
    plugins: Mapping[str, str] = field(default_factory=dict)
    """Version by name of the packages that offer a feature kind, an estimator or a section of the analysis."""
