"""The real data of ``bidsml demo --download``: nilearn's development_fmri, laid out as BIDS with a derivative.

155 children and adults watched a short film (Richardson 2018, doi:10.1038/s41467-018-03399-2; OpenNeuro ds000228);
nilearn fetches fMRIPrep's images of them at 4 mm with their confounds.
"""

import math
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd

from bidsml.bids.store import write_json, write_table, write_text
from bidsml.errors import MissingInputError

N_ALL = 155
TR_S = 2.0
SIZE_URL = "https://osf.io/download/5c8ff37c2286e80019c3c102/"
"""One person's images, of those that nilearn fetches; everyone has as many volumes of as many voxels."""

_STEM = "task-pixar_space-MNI152NLin2009cAsym_desc-preproc_bold"
_TIMEOUT_S = 30


def count_missing(data_dir: Path, n_participants: int) -> int:
    """Count the people whose images are not in nilearn's folder yet."""
    folder = data_dir / "development_fmri"
    return max(0, n_participants - len(set(folder.rglob(f"sub-*_{_STEM}.nii.gz"))))


def measure_download_mb() -> float:
    """Ask the server how large one person's images are, in MB (1e6 bytes); NaN where it does not say.

    Raises
    ------
    MissingInputError
        The server cannot be reached.
    """
    try:
        # Only the head of the answer is read. HEAD would not do: osf.io leads to an address that is signed for GET.
        with urllib.request.urlopen(SIZE_URL, timeout=_TIMEOUT_S) as answer:
            size = answer.headers.get("Content-Length")
    except urllib.error.HTTPError:
        return math.nan
    except OSError as error:
        raise _unreachable(error) from error
    return int(size) / 1e6 if size else math.nan


def fetch_dataset(out: Path, *, data_dir: Path, n_participants: int) -> Path:
    """Fetch people through nilearn and lay them out as BIDS.

    Parameters
    ----------
    out
        Folder of the dataset; ``derivatives/nilearn`` in it holds the images (hard links where the file system has
        them) and confounds.
    data_dir
        nilearn's folder of downloads; what is there is not fetched again.
    n_participants
        How many; children and adults in the proportion of the whole, as nilearn chooses them.

    Raises
    ------
    MissingInputError
        Something is missing and cannot be downloaded.
    """
    from nilearn.datasets import fetch_development_fmri

    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        # The reduced confounds are those that every version of fMRIPrep names alike.
        found = fetch_development_fmri(n_participants, reduce_confounds=True, data_dir=data_dir, verbose=0)
    except OSError as error:
        raise _unreachable(error) from error
    _write_dataset(out, found.phenotypic)
    folder = out / "derivatives" / "nilearn"
    for image, confounds in zip(found.func, found.confounds, strict=True):
        _write_scan(folder, Path(image), Path(confounds))
    return out


def _unreachable(error: OSError) -> MissingInputError:
    return MissingInputError(
        f"development_fmri could not be downloaded from osf.io: {error}",
        hint="check the network and its proxy, and run the same command again: what was fetched is kept. `bidsml demo "
        "OUT` simulates people and needs no network; or give --data-dir a folder that nilearn filled elsewhere",
    )


def _write_dataset(out: Path, phenotypic: pd.DataFrame) -> None:
    names = {"Age": "age", "AgeGroup": "age_group", "Child_Adult": "group", "Gender": "sex", "Handedness": "handedness"}
    people = phenotypic.rename(columns=names)[["participant_id", *names.values()]]
    write_table(out / "participants.tsv", people.sort_values("participant_id"))
    about: dict[str, Any] = {
        "Name": "development_fmri",
        "BIDSVersion": "1.11.1",
        "ReferencesAndLinks": ["doi:10.1038/s41467-018-03399-2"],
        "SourceDatasets": [{"URL": "https://openneuro.org/datasets/ds000228"}],
    }
    write_json(out / "dataset_description.json", about)
    write_text(out / "README", "Movie watching of children and adults (Richardson 2018), as nilearn fetches it.\n")
    maker = [{"Name": "fMRIPrep", "Description": "downsampled to 4 mm for nilearn, https://osf.io/5hju4"}]
    derivative = about | {"DatasetType": "derivative", "GeneratedBy": maker}
    write_json(out / "derivatives" / "nilearn" / "dataset_description.json", derivative)
    write_json(out / "derivatives" / "nilearn" / "task-pixar_bold.json", {"TaskName": "pixar", "RepetitionTime": TR_S})


def _write_scan(folder: Path, image: Path, confounds: Path) -> None:
    label = image.name.partition("_")[0]
    place = folder / label / "func" / f"{label}_{_STEM}.nii.gz"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        try:
            os.link(image, place)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(image, place)
    table = pd.read_table(confounds)
    write_table(place.with_name(f"{label}_task-pixar_desc-confounds_timeseries.tsv"), table)
