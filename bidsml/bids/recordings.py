"""Raw EEG and MEG recordings of a BIDS dataset, with all files that belong to one."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from bidsml.bids.inheritance import SidecarFinder
from bidsml.bids.search import Search
from bidsml.errors import MissingInputError
from bidsml.records import Scan
from bidsml.spec import FeatureSpec

# Formats of one file, and those with files beside it, that MNE-BIDS reads.
_EXTENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"eeg": (".vhdr", ".edf", ".bdf", ".set"), "meg": (".fif",)}
)
_BESIDE: Mapping[str, tuple[str, ...]] = MappingProxyType({".vhdr": (".eeg", ".vmrk"), ".set": (".fdt",)})


def find_recordings(feature: FeatureSpec, participant_id: str, search: Search) -> tuple[Scan, ...]:
    """Find a participant's recordings, in the dataset or in the derivatives folder that the block names.

    Raises
    ------
    MissingInputError
        There is none; or MNE-BIDS, which reads them, is not installed.
    """
    require_mne(feature.kind)
    name = feature.derivative or ""
    root = search.folder_of(feature, default=name)[1] if name else search.bids_dir
    datatype = feature.recording.datatype
    finder = SidecarFinder(root)
    scans = []
    for path, entities in search.walk(
        root, participant_id, datatypes=(datatype,), suffix=datatype, extensions=_EXTENSIONS[datatype]
    ):
        # The parts of a split recording are read through the first.
        if entities.get("split", "01").lstrip("0") == "1":
            sidecars = _beside(path, {"sub": participant_id, **entities}, finder, datatype=datatype)
            scans.append(Scan(participant_id, datatype, path, name, entities=entities, sidecars=sidecars))
    if not scans:
        pattern = f"sub-{participant_id}_*_{datatype}"
        looked = root / f"sub-{participant_id}" / "[ses-*]" / datatype / pattern
        raise MissingInputError(
            f"there is no {datatype.upper()} recording",
            hint=f"looked for {looked} with {', '.join(_EXTENSIONS[datatype])}; see --task-id and --session-label too",
        )
    return tuple(scans)


def require_mne(kind: str) -> None:
    """Check that MNE-BIDS is installed, without importing it.

    Raises
    ------
    MissingInputError
        It is not.
    """
    if find_spec("mne") is None or find_spec("mne_bids") is None:
        raise MissingInputError(
            f"kind {kind!r} reads recordings through MNE-BIDS, which is not installed",
            hint="pip install 'bidsml[eeg]'",
        )


def _beside(path: Path, entities: Mapping[str, str], finder: SidecarFinder, *, datatype: str) -> tuple[Path, ...]:
    """Files whose content decides what is read: of the same stem, its metadata and its channels."""
    parts = [path.with_suffix(end) for end in _BESIDE.get(path.suffix, ())]
    parts += [other for other in path.parent.glob(path.name.replace("_split-01_", "_split-*_")) if other != path]
    metadata = finder.find(path.parent, entities, suffix=datatype, extensions=(".json",))
    channels = finder.find(path.parent, entities, suffix="channels", extensions=(".tsv",))
    return (*(part for part in sorted(parts) if part.exists() or part.is_symlink()), *metadata, *channels)
