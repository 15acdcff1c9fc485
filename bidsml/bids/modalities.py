"""Files of other modalities than BOLD and T1w: which ones of a participant a feature kind reads.

A modality is one file of this folder with a function that finds a participant's scans, and one line in ``_MODALITIES``.
Each recording, session or run is a scan of its own; the features of several are averaged.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bidsml.bids.dwimaps import find_maps
from bidsml.bids.mriqc import find_metrics, read_metrics
from bidsml.bids.recon import find_recons, read_recon
from bidsml.bids.recordings import find_recordings
from bidsml.bids.search import Search
from bidsml.bids.textfiles import require_content
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, near_names
from bidsml.records import Scan
from bidsml.spec import FeatureSpec
from bidsml.spec.patterns import matches_pattern

Finder = Callable[[FeatureSpec, str, Search], tuple[Scan, ...]]
Reader = Callable[[Scan, FeatureSpec], tuple[dict[str, float], dict[str, str]]]


class _Modality(NamedTuple):
    """What finds a participant's scans, and what reads one, where it is a small table of named values."""

    find: Finder
    read: Reader | None = None


_MODALITIES: Mapping[str, _Modality] = MappingProxyType(
    {
        "freesurfer": _Modality(find_recons, read_recon),
        "mriqc": _Modality(find_metrics, read_metrics),
        "diffusion": _Modality(find_maps),
        "recording": _Modality(find_recordings),
    }
)


def find_modality(modality: str, feature: FeatureSpec, participant_id: str, search: Search) -> tuple[Scan, ...]:
    """Find what one participant has of a modality.

    Parameters
    ----------
    modality
        As the catalog of feature kinds names it.
    participant_id
        Label without ``sub-``.

    Returns
    -------
    tuple of Scan
        At least one, sorted.

    Raises
    ------
    MissingInputError
        There is none. The message names no participant and no place: it becomes the
        reason in the group's ledger, which counts alike reasons. The hint says where was looked.
    DataError
        The files that are there contradict each other.
    """
    return _MODALITIES[modality].find(feature, participant_id, search)


def require_contents(scans: Iterable[Scan]) -> None:
    """Check that the content of every file of some scans is on this machine.

    Raises
    ------
    MissingInputError
        One is only git-annex's link to it; the hint says how to get it.
    """
    for scan in scans:
        for path in scan.files:
            require_content(path, what=f"the file of participant {scan.participant_id},")


def read_values(modality: str, scan: Scan, feature: FeatureSpec) -> tuple[dict[str, float], dict[str, str]]:
    """Read a scan that is a small table: its values, NaN where missing, and why, by name.

    Raises
    ------
    DataError
        The file is damaged, or holds none of the values.
    """
    read = _MODALITIES[modality].read
    if read is None:
        raise ValueError(f"a scan of {modality} is no small table")
    return read(scan, feature)


def require_modality(modality: str, feature: FeatureSpec, participants: Iterable[str], search: Search) -> None:
    """Check that somebody has files of a modality, and every name that a block gives; few folders are looked into.

    Raises
    ------
    MissingInputError
        Nobody has any, or the folder was not given; the hint is that of the first participant.
    AnalysisFileError
        ``columns`` or ``exclude`` has a name or pattern that fits nothing in the first whole file.
    """
    first: MissingInputError | None = None
    asked = tuple(participants)
    for label in asked:
        try:
            scans = find_modality(modality, feature, label, search)
            if _MODALITIES[modality].read:
                _check_names(feature, read_values(modality, scans[0], _all_columns(feature))[0], scans[0])
            return
        except MissingInputError as error:
            first = first or error
        except DataError:
            # That participant's own failure is told when their files are read.
            return
    if first is not None:
        who = "the participant asked for has not" if len(asked) == 1 else f"none of {len(asked)} participants has"
        raise MissingInputError(f"{who} what kind {feature.kind!r} reads: {first.message}", hint=first.hint)


def _all_columns(feature: FeatureSpec) -> FeatureSpec:
    return feature.model_copy(update={"columns": ("*",), "exclude": ()})


def _check_names(feature: FeatureSpec, values: Mapping[str, float], scan: Scan) -> None:
    for pattern in (*feature.columns, *feature.exclude):
        if not any(matches_pattern(name, pattern) for name in values):
            raise AnalysisFileError(
                f"kind {feature.kind!r}: {pattern!r} fits no value of {scan.path}", hint=near_names(pattern, values)
            )
