"""What all records share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ScanKind = Literal["bold", "timeseries", "relmat", "table", "t1w"]
Task = Literal["classification", "regression"]
Model = Literal["biomarker", "nuisance", "nuisance+biomarker", "majority"]


class Record:
    """Lets pydantic rebuild a record that holds arrays (see ``bidsml.bids.store``)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)


@dataclass(frozen=True)
class Provenance(Record):
    """What ran, for the report and ``run.json``: nothing here depends on time or place."""

    version: str
    packages: Mapping[str, str]
    seed: int
    engine: str
    command: tuple[str, ...]
    spec_digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Digest by input name."""
