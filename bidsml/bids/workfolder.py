"""The work folder: private to one user, of one dataset, and marked with the version that filled it.

What is in it is used again by the content of what it was made from and by the digest of the program's source, so a
folder of another version or analysis does no harm: what depends on the difference is made again. That is logged.
Nipype's result files are pickles: whoever may write there can run code as the user, so nobody else may.
"""

import hashlib
import logging
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bidsml import __version__
from bidsml.bids.derivative import dataset_name
from bidsml.bids.store import write_json
from bidsml.errors import AnalysisFileError, DiskError, OutputError

logger = logging.getLogger(__name__)

STAMP_FILE = "bidsml-work.json"


@dataclass(frozen=True)
class Stamp:
    """Which dataset a work folder belongs to, and who filled it.

    Attributes
    ----------
    name
        The dataset's DOI, else its name; may be empty.
    digest
        SHA-256 of ``dataset_description.json`` and ``participants.tsv``: the same dataset at another place.
    """

    dataset: str
    name: str
    digest: str
    version: str


@dataclass(frozen=True)
class _GraphStamp:
    version: str
    spec_digest: str


_STAMP = TypeAdapter(Stamp)
_GRAPH_STAMP = TypeAdapter(_GraphStamp)


def prepare_work_folder(folder: Path, *, bids_dir: Path) -> None:
    """Make the work folder, or take one that is there, and mark it as this dataset's.

    Raises
    ------
    OutputError
        It belongs to another user, or others may write to it.
    AnalysisFileError
        It was filled from another dataset.
    DiskError
        It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(folder)
    except OSError as error:
        raise DiskError(f"cannot make {folder}: {error.strerror}", hint="choose another --work-dir") from error
    mine = _stamp(bids_dir)
    found = _read(folder)
    if found is not None and not _same_dataset(found, mine):
        raise AnalysisFileError(
            f"the work folder {folder} was filled from another dataset: {found.name or 'one without a name'} in "
            f"{found.dataset}, not {mine.name or 'this one'} in {mine.dataset}",
            hint="choose another --work-dir, or remove this one",
        )
    if found is not None and found.version != mine.version:
        logger.info("the work folder %s was filled by bidsml %s: its results are made again", folder, found.version)
    if found != mine:
        write_json(folder / STAMP_FILE, asdict(mine))


def _require_private(folder: Path) -> None:
    """Raise where another may read or plant results; close a folder that holds nothing but bidsml's own."""
    state = folder.stat()
    if state.st_uid != os.geteuid():
        raise OutputError(
            f"the work folder {folder} belongs to user {state.st_uid}, and this is user {os.geteuid()}",
            hint="choose a --work-dir of your own: results in it are read as code",
        )
    if not any(folder.iterdir()) or (folder / STAMP_FILE).exists():
        if stat.S_IMODE(state.st_mode) & 0o077:
            folder.chmod(0o700)
    elif stat.S_IMODE(state.st_mode) & 0o022:
        raise OutputError(
            f"others may write to the work folder {folder} (mode {stat.S_IMODE(state.st_mode):o}), which holds files "
            "that are not bidsml's",
            hint="give --work-dir a folder of its own, which bidsml makes: results in it are read as code",
        )


def _stamp(bids_dir: Path) -> Stamp:
    digest = hashlib.sha256()
    for name in ("dataset_description.json", "participants.tsv"):
        path = bids_dir / name
        digest.update(path.read_bytes() if path.is_file() else b"")
        digest.update(b"\0")
    return Stamp(str(bids_dir.resolve()), dataset_name(bids_dir), digest.hexdigest(), __version__)


def _same_dataset(one: Stamp, other: Stamp) -> bool:
    """Whether two stamps are of one dataset: it grows in its place, or lies elsewhere unchanged."""
    return one.digest == other.digest or (one.dataset == other.dataset and one.name == other.name)


def _read(folder: Path) -> Stamp | None:
    try:
        return _STAMP.validate_json((folder / STAMP_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        logger.warning("%s is not readable, and is written anew", folder / STAMP_FILE)
        return None


def note_analysis(folder: Path, *, graph: str, spec_digest: str) -> None:
    """Mark which analysis a graph's results are of, and log where they were of another.

    Parameters
    ----------
    graph
        Level and analysis, as in ``participant_rest-connectome``.
    """
    path = folder / "inputs" / graph / "analysis.stamp.json"
    mine = _GraphStamp(__version__, spec_digest)
    try:
        found = _GRAPH_STAMP.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        found = None
    if found is not None and found.spec_digest != mine.spec_digest:
        logger.info("%s was run with other settings in %s: what depends on them is made again", graph, folder)
    if found != mine:
        write_json(path, asdict(mine))
