"""List the files of a dataset with pybids, walking no more of it than is needed."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from bidsml.bids.textfiles import read_json
from bidsml.errors import DiskError, MissingInputError
from bidsml.surfaces import SERIES

if TYPE_CHECKING:
    from bids.layout import BIDSLayout

SUFFIXES = ("bold", "timeseries", "relmat", "conmat", "matrix")
RAW_SUFFIXES = ("bold", "T1w")
EXTENSIONS = (".nii.gz", ".nii", ".tsv", ".dense.tsv", *SERIES)

# Folders that hold none of the files we look for; anatomy and figures are most of a derivative's files.
_IGNORED_AT_ROOT = re.compile(
    r"^/((code|derivatives|figures|freesurfer|log|logs|models|sourcedata|stimuli|work)(/|$)|\.)"
)
_IGNORED_FOLDERS = ("beh", "dwi", "eeg", "figures", "fmap", "ieeg", "log", "meg", "perf", "pet", "xfm")
_IGNORED = (*_IGNORED_FOLDERS, "anat")
# Up to so many participants, pybids looks into their own folders only: over the whole root it takes 0.1 ms for each
# participant, wanted or not.
_FEW = 50


def list_files(
    root: Path, *, name: str, labels: Collection[str] = (), database_dir: Path | None = None
) -> tuple[Path, ...]:
    """Files of a dataset that could be preprocessed BOLD, time series or matrices, sorted.

    Parameters
    ----------
    name
        Of the derivative, for messages and for its database.
    labels
        Walk only these participants' folders (labels without ``sub-``); empty means all.
    database_dir
        Folder of saved pybids indices: read where there is one, else written for next time (all participants, one
        process at a time, because pybids loses files when several write at once).

    Raises
    ------
    MissingInputError
        ``root`` is no folder.
    DiskError
        The database cannot be written.
    """
    layouts = _layouts(root, name=name, labels=labels, database_dir=database_dir, ignored=_IGNORED)
    return _get(layouts, suffixes=SUFFIXES, extensions=EXTENSIONS, labels=labels)


def list_raw_files(root: Path, *, labels: Collection[str] = (), database_dir: Path | None = None) -> tuple[Path, ...]:
    """Files of a raw dataset that could be T1w or BOLD images, sorted; parameters as of :func:`list_files`.

    Raises
    ------
    MissingInputError
        ``root`` is no folder.
    DiskError
        The database cannot be written.
    """
    layouts = _layouts(root, name="raw", labels=labels, database_dir=database_dir, ignored=_IGNORED_FOLDERS)
    return _get(layouts, suffixes=RAW_SUFFIXES, extensions=(".nii.gz", ".nii"), labels=labels)


def _get(
    layouts: Sequence["BIDSLayout"], *, suffixes: Sequence[str], extensions: Sequence[str], labels: Collection[str]
) -> tuple[Path, ...]:
    asked = {"suffix": list(suffixes), "extension": list(extensions), "return_type": "filename"}
    found = [file for layout in layouts for file in layout.get(**asked)]
    wanted = {f"sub-{label}" for label in labels}
    paths = (Path(file) for file in found)
    return tuple(sorted(p for p in paths if not wanted or p.name.partition("_")[0] in wanted))


def _layouts(
    root: Path, *, name: str, labels: Collection[str], database_dir: Path | None, ignored: Sequence[str]
) -> list["BIDSLayout"]:
    if not root.is_dir():
        raise MissingInputError(
            f"the folder {root} ({name or 'the dataset'}) is not there", hint="check the path given with --derivatives"
        )
    description = root / "dataset_description.json"
    if description.exists():
        read_json(description)  # pybids would fail on a malformed one without saying where
    root = root.absolute()
    if database_dir is not None:
        return [_saved_index(root, name=name, database_dir=database_dir, ignored=ignored)]
    own = _own_folders(root, labels) if 0 < len(labels) <= _FEW else None
    if own is not None:
        return [_index(folder, ignore=[_below("", ignored)], database=None) for folder in own]
    ignore = _of_all(ignored)
    if labels:
        kept = "|".join(re.escape(label) for label in sorted(labels))
        ignore.append(re.compile(rf"^/sub-(?!({kept})([/_]|$))"))
    return [_index(root, ignore=ignore, database=None)]


def _own_folders(root: Path, labels: Collection[str]) -> list[Path] | None:
    """Participants' own folders; ``None`` where files of theirs may lie elsewhere too."""
    wanted = {f"sub-{label}" for label in labels}
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith("sub-"):
                if entry.name not in wanted and entry.name.partition("_")[0] in wanted:
                    return None
            elif not _IGNORED_AT_ROOT.search(f"/{entry.name}") and entry.is_dir():
                return None
    return [root / name for name in sorted(wanted) if (root / name).is_dir()]


def _of_all(folders: Sequence[str]) -> list[re.Pattern[str]]:
    """Match what a walk over the whole dataset leaves out."""
    return [_IGNORED_AT_ROOT, _below("/sub-[^/]+", folders)]


def _below(participant: str, folders: Sequence[str]) -> re.Pattern[str]:
    """Match ``folders`` of a participant or of a session, and what is hidden."""
    return re.compile(rf"^{participant}/(ses-[^/]+/)?({'|'.join(folders)})(/|$)|/\.")


def _index(root: Path, *, ignore: Sequence[re.Pattern[str]], database: Path | None) -> "BIDSLayout":
    from bids.layout import BIDSLayout, BIDSLayoutIndexer

    return BIDSLayout(
        root,
        # Its own validation refuses the suffixes of derivatives that BIDS has no home for yet.
        validate=False,
        is_derivative=True,
        database_path=database,
        indexer=BIDSLayoutIndexer(validate=False, index_metadata=False, ignore=list(ignore)),
    )


def _saved_index(root: Path, *, name: str, database_dir: Path, ignored: Sequence[str]) -> "BIDSLayout":
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    database = database_dir / f"{name or 'dataset'}-{digest}"
    if not database.is_dir():
        try:
            database_dir.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{database}.lock"):
                if not database.is_dir():
                    _build(root, database, ignored)
        except OSError as error:
            raise DiskError(
                f"the pybids database {database} cannot be written: {error.strerror or error}",
                hint="choose another --bids-database-dir",
            ) from error
    return _index(root, ignore=_of_all(ignored), database=database)


def _build(root: Path, database: Path, ignored: Sequence[str]) -> None:
    """Write a database under another name first: one that is there is whole."""
    unfinished = Path(tempfile.mkdtemp(dir=database.parent, prefix=f".{database.name}."))
    try:
        _index(root, ignore=_of_all(ignored), database=unfinished)
        os.replace(unfinished, database)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
