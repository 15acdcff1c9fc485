"""The output as a BIDS derivative dataset, and the least that the input must have."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bidsml import __version__
from bidsml.bids.store import write_text
from bidsml.bids.textfiles import read_json
from bidsml.container import container_description
from bidsml.errors import MissingInputError, OutputError, ValidationError

BIDS_VERSION = "1.11.1"
RAW = "raw"
"""What ``DatasetLinks`` calls the input dataset itself."""

# The validator (2.0 to 3.0) takes neither a slash at the end nor a pattern with two stars around text.
_IGNORED = """\
*.html
group
logs
figures
*_bidsml.json
*_features.*
*_relmat.*
*_nodeindices.tsv
*_timeseries.*
*_xfm.*
*_boldref.*
*_statmap.*
*_boldmap.*
"""

_README = f"""\
# bidsml derivatives

Features of each participant and biomarkers of the group, made by bidsml {__version__} from the datasets named in
dataset_description.json under DatasetLinks.

- `index.html`: all participants and analyses, what failed and how to repeat it
- `sub-<label>.html`: report of one participant: inputs, motion, coverage, features, verdict
- `sub-<label>/`: region time series, relationship matrices and feature records of one participant;
  `sub-<label>_bidsml.json` lists every file with its SHA-256 and is written last
- `sub-<label>/anat/`, `func/`: where raw images were given, what was made of them: corrected T1w, brain mask, tissues,
  transforms, BOLD runs in template space, confounds
- `group-<analysis>.html`: report of one analysis of the group
- `group/<analysis>/`: its cohort, folds, predictions, performance, permutations and weights; `weights_*.nii.gz`, the
  patterns as maps; `methods.md`, `.html` and `.bib`, the text for a paper; `checklist.tsv`, TRIPOD+AI and CLAIM;
  `study.toml`, what was told about the study; `model/`, the frozen biomarker with its card
- `group/<analysis>/external/`, `group-<analysis>_desc-external.html`: what a biomarker frozen elsewhere predicts for
  these participants, and how well, after `bidsml BIDS_DIR OUTPUT_DIR group --apply MODEL_DIR`
- `logs/`: what ran, and what failed

Missing values are written n/a. The files that `.bidsignore` lists follow BIDS proposals that are not yet part of the
specification (BEP 14, transforms; BEP 17, generic connectivity data).
"""


def write_dataset_files(out: Path, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> tuple[Path, ...]:
    """Write what makes a folder a BIDS derivative: description, README and ``.bidsignore``.

    Any number of jobs may do so at once: all write the same bytes, whole, and only where they differ from what is
    there.

    Raises
    ------
    OutputError
        The folder holds a dataset that bidsml did not make.
    DiskError
        Writing failed.
    """
    path = out / "dataset_description.json"
    require_own_output(out)
    description = json.dumps(_description(out, bids_dir, derivatives), indent=2, sort_keys=True, ensure_ascii=False)
    contents = {path: description + "\n", out / "README": _README, out / ".bidsignore": _IGNORED}
    for target, text in contents.items():
        if not target.exists() or target.read_bytes() != text.encode():
            write_text(target, text)
    return tuple(contents)


def require_own_output(out: Path) -> None:
    """Check that an output folder holds no dataset that another program made.

    Raises
    ------
    OutputError
        It does.
    """
    path = out / "dataset_description.json"
    if not path.exists():
        return
    made_by = read_json(path).get("GeneratedBy")
    names = [tool.get("Name") for tool in made_by if isinstance(tool, dict)] if isinstance(made_by, list) else []
    if "bidsml" not in names:
        raise OutputError(
            f"{out} holds another dataset ({', '.join(map(str, names)) or 'no GeneratedBy'})",
            hint="choose an output folder of its own",
        )


def _description(out: Path, bids_dir: Path, derivatives: Mapping[str, Path]) -> dict[str, Any]:
    generated: dict[str, Any] = {"Name": "bidsml", "Version": __version__}
    container = container_description()
    if container:
        generated["Container"] = container
    sources = {RAW: bids_dir, **derivatives}
    links = {
        name: Path(os.path.relpath(folder.resolve(), out.resolve())).as_posix() for name, folder in sources.items()
    }
    return {
        "Name": "bidsml derivatives",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [generated],
        "SourceDatasets": [_source(name, folder) for name, folder in sorted(sources.items())],
        "DatasetLinks": links,
    }


def _source(name: str, folder: Path) -> dict[str, str]:
    source = {"URL": f"bids:{name}:"}
    path = folder / "dataset_description.json"
    doi = read_json(path).get("DatasetDOI") if path.exists() else None
    return source | ({"DOI": doi} if isinstance(doi, str) and doi else {})


def dataset_name(bids_dir: Path) -> str:
    """Name a dataset so that its participants' labels mean one person each: by its DOI, else by its name.

    Empty where there is no description.
    """
    path = bids_dir / "dataset_description.json"
    description = read_json(path) if path.exists() else {}
    names = (description.get(key) for key in ("DatasetDOI", "Name"))
    return next((name.strip() for name in names if isinstance(name, str) and name.strip()), "")


def validate_input(bids_dir: Path) -> None:
    """Check the least that makes a folder a BIDS dataset.

    Raises
    ------
    MissingInputError
        There is no such folder.
    ValidationError
        There is no dataset_description.json, or it lacks Name or BIDSVersion.
    DataError
        The description is malformed; the message gives the line.
    """
    if not bids_dir.is_dir():
        raise MissingInputError(f"there is no folder {bids_dir}", hint="give the BIDS dataset's folder")
    path = bids_dir / "dataset_description.json"
    if not path.exists():
        raise ValidationError(
            f"{bids_dir} is not a BIDS dataset: it has no dataset_description.json",
            hint="give the dataset's top folder, or --skip-bids-validation",
        )
    description = read_json(path)
    absent = [key for key in ("Name", "BIDSVersion") if not isinstance(description.get(key), str)]
    if absent:
        raise ValidationError(
            f"{path} lacks {' and '.join(absent)} (text)", hint="add them, or give --skip-bids-validation"
        )
