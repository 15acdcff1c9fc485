"""A small finished analysis of simulated people, for what is made of results: the sections of the pages."""

import numpy as np
import pandas as pd

from bidsml import __version__
from bidsml.contract.people import simulate_scan
from bidsml.features import CATALOG
from bidsml.notebook import cross_validate, make_study, permutation_test
from bidsml.records import ParticipantResult, Provenance, Result
from bidsml.spec import FeatureSpec

_PEOPLE, _FEATURES = 40, 6


def simulate_group_result() -> Result:
    """Cross-validate and permute a simulated two-class cohort with an effect in its first feature."""
    rng = np.random.default_rng(0)
    label = np.array(["control", "patient"])[np.arange(_PEOPLE) % 2]
    values = rng.standard_normal((_PEOPLE, _FEATURES))
    values[:, 0] += 1.5 * (label == "patient")
    table = pd.DataFrame(values, columns=[f"feature {number}" for number in range(_FEATURES)])
    study = make_study(table, label, nuisance=pd.DataFrame({"age": rng.uniform(20, 60, _PEOPLE)}))
    validated = cross_validate(study, folds=5, inner_folds=3)
    return permutation_test(validated, n_permutations=19).result


def simulate_participant_result() -> ParticipantResult:
    """Measure one simulated person's connectome."""
    data = simulate_scan("signals", person=0)
    vector = CATALOG["connectome"].extract(data, block="connectome", options=FeatureSpec(kind="connectome"))
    return ParticipantResult(
        participant_id=data.scan.participant_id,
        analysis="simulated",
        scans=(data.scan,),
        qc=(data.qc,) if data.qc else (),
        features=(vector,),
        verdict="pass",
        reasons=(),
        denoise={},
        provenance=Provenance(__version__, {}, 0, "auto", ("bidsml",), ""),
    )
