"""Scalar maps of diffusion as QSIPrep, QSIRecon, pyAFQ and others write them: FA, MD, NODDI's and kurtosis' measures.

Three spellings are known: ``model-tensor_param-fa_dwimap`` (BIDS, and QSIRecon now), ``model-noddi_mdp-icvf`` and
``mfp-`` (QSIRecon before), ``model-DTI_desc-FA_dwi`` (older pyAFQ). QSIRecon's folder may be given as a whole, with its
maps in ``derivatives/qsirecon-<name>``, or one of the folders in it.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from bidsml.bids.candidates import VARIANT
from bidsml.bids.search import Search
from bidsml.errors import DataError, MissingInputError
from bidsml.records import Scan
from bidsml.spec import FeatureSpec

DEFAULT_NAME = "qsirecon"
_PARAMETER = ("param", "mdp", "mfp", "desc")
_NOT_RECORDING = {*VARIANT, *_PARAMETER, "model"}
_SAME_MODEL = {"dti": "tensor"}

_Found = list[tuple[Path, dict[str, str]]]


def find_maps(feature: FeatureSpec, participant_id: str, search: Search) -> tuple[Scan, ...]:
    """Find the map of the block's measure, one for each recording.

    Of one in a template's space and one in the participant's own, that of the template is taken.

    Raises
    ------
    MissingInputError
        There is none.
    DataError
        There are several of one recording, of different models, makers or spaces.
    """
    name, root = search.folder_of(feature, default=DEFAULT_NAME)
    measure = feature.measure or "fa"
    found = [one for place in _places(root, root.stat().st_mtime_ns) for one in _maps_in(place, participant_id, search)]
    found = [one for one in found if _is_measure(one[1], measure) and _is_model(one[1], feature.model)]
    if not found:
        model = f"_model-{feature.model}" if feature.model else ""
        pattern = f"sub-{participant_id}_*{model}_param-{measure}_dwimap.nii.gz"
        raise MissingInputError(
            f"there is no map of {measure}{f' of model {feature.model!r}' if feature.model else ''}",
            hint=f"looked for dwi/{pattern} (or mdp-, desc-) of sub-{participant_id} in {root} and its qsirecon-*",
        )
    recordings: dict[tuple[tuple[str, str], ...], _Found] = {}
    for path, entities in found:
        key = tuple(sorted((k, v) for k, v in entities.items() if k not in _NOT_RECORDING))
        recordings.setdefault(key, []).append((path, entities))
    chosen = [_choose(members) for members in recordings.values()]
    return tuple(Scan(participant_id, "dwimap", path, name, entities=entities) for path, entities in chosen)


@lru_cache(maxsize=4)
def _places(root: Path, _version: int) -> tuple[Path, ...]:
    """Folders that hold participants: one listing serves ten thousand of them."""
    return (root, *sorted(root.glob("qsirecon-*")), *sorted(root.glob("derivatives/qsirecon-*")))


def _maps_in(place: Path, participant_id: str, search: Search) -> _Found:
    return [
        one
        for suffix in ("dwimap", "dwi")
        for one in search.walk(place, participant_id, datatypes=("dwi",), suffix=suffix, extensions=(".nii.gz", ".nii"))
    ]


def _is_measure(entities: Mapping[str, str], measure: str) -> bool:
    named = next((entities[key] for key in _PARAMETER if key in entities and entities[key] != "preproc"), "")
    return named.lower() == measure


def _is_model(entities: Mapping[str, str], model: str | None) -> bool:
    return model is None or _plain(entities.get("model", "")) == _plain(model)


def _plain(model: str) -> str:
    lower = model.lower()
    return _SAME_MODEL.get(lower, lower)


def _choose(members: _Found) -> tuple[Path, dict[str, str]]:
    standard = [one for one in members if one[1].get("space", "").startswith("MNI")]
    left = standard or members
    if len(left) > 1:
        listed = ", ".join(str(path) for path, _ in left[:4])
        raise DataError(
            f"{len(left)} maps of one recording and measure: {listed}",
            hint="say which: model in the block, input.space, or give one folder qsirecon-<name> with -d",
        )
    return left[0]
