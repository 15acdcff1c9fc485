"""Download ABIDE I's ready-made region signals and lay their connectomes out as a BIDS derivative.

python abide_to_bids.py DOWNLOADS OUT [PEOPLE]
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from nilearn.datasets import fetch_abide_pcp

downloads, out = Path(sys.argv[1]), Path(sys.argv[2])
people = int(sys.argv[3]) if len(sys.argv) > 3 else None

# Harvard-Oxford signals of C-PAC, band-pass filtered, without global signal regression; only people who passed
# quality control by every rater: the 871 of Abraham et al. 2017.
abide = fetch_abide_pcp(downloads, people, band_pass_filtering=True, derivatives=["rois_ho"], verbose=0)
table = abide.phenotypic
cohort = pd.DataFrame(
    {
        "participant_id": [f"sub-{number:07d}" for number in table["SUB_ID"]],
        "diagnosis": table["DX_GROUP"].map({1: "ASD", 2: "TC"}).to_numpy(),
        "site": table["SITE_ID"].to_numpy(),
        "age": table["AGE_AT_SCAN"].to_numpy(),
        "sex": table["SEX"].map({1: "M", 2: "F"}).to_numpy(),
        "mean_fd": table["func_mean_fd"].to_numpy(),
    }
)
derivative = out / "derivatives" / "abide-pcp"
derivative.mkdir(parents=True)
cohort.to_csv(out / "participants.tsv", sep="\t", index=False, na_rep="n/a")

about = {"Name": "ABIDE I", "BIDSVersion": "1.9.0", "License": "CC BY-NC-SA 3.0"}
(out / "dataset_description.json").write_text(json.dumps(about, indent=2))
about |= {"DatasetType": "derivative", "GeneratedBy": [{"Name": "C-PAC", "Description": "filt_noglobal, by the PCP"}]}
(derivative / "dataset_description.json").write_text(json.dumps(about, indent=2))

stem = "task-rest_space-MNI152NLin6Asym_atlas-HarvardOxford"
first = next((downloads / "ABIDE_pcp" / "cpac" / "filt_noglobal").glob("*_rois_ho.1D"))
codes = first.open().readline().replace("#", "").split()  # the atlas's numbers of its regions
nodes = pd.DataFrame({"index": range(len(codes)), "name": codes})
nodes.to_csv(derivative / f"{stem}_nodeindices.tsv", sep="\t", index=False)

sidecar = {
    "RelationshipMeasure": "Pearson correlation",
    "Weighted": True,
    "Directed": False,
    "ValidDiagonal": True,
    "StorageFormat": "dense",
    "NodeFiles": [f"bids:deriv:{stem}_nodeindices.tsv"],
}
for label, signals in zip(cohort["participant_id"], abide.rois_ho, strict=True):  # (n_volumes, n_regions)
    with np.errstate(invalid="ignore", divide="ignore"):
        connectome = np.corrcoef(signals.T)  # a region without signal has no correlation: n/a, imputed in each fold
    file = derivative / label / "func" / f"{label}_{stem}_meas-pearsoncorrelation_relmat"
    file.parent.mkdir(parents=True)
    pd.DataFrame(connectome).to_csv(f"{file}.dense.tsv", sep="\t", header=False, index=False, na_rep="n/a")
    Path(f"{file}.json").write_text(json.dumps(sidecar, indent=2))
sys.stdout.write(f"{len(cohort)} people in {out}\n")
