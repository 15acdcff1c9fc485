"""What FreeSurfer's recon-all measured of a participant: cortical parcels and subcortical structures."""

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from math import isinf, isnan
from pathlib import Path
from types import MappingProxyType

from bidsml.bids.encoding import choose_values
from bidsml.bids.freesurfer import read_stats
from bidsml.bids.search import Search
from bidsml.bids.textfiles import read_text
from bidsml.errors import DataError, MissingInputError
from bidsml.records import Scan
from bidsml.spec import FeatureSpec

DEFAULT_NAME = "freesurfer"
ASEG = "aseg.stats"
_HEMISPHERES = ("lh", "rh")
_PARCELLATIONS = MappingProxyType({"desikan": "aparc", "destrieux": "aparc.a2009s", "dkt": "aparc.DKTatlas"})
_COLUMNS = MappingProxyType({"thickness": "ThickAvg", "area": "SurfArea", "volume": "GrayVol"})
# Grey structures that recon-all finds in both hemispheres (Fischl 2002), as ENIGMA takes them.
_NUCLEI = ("Thalamus", "Caudate", "Putamen", "Pallidum", "Hippocampus", "Amygdala", "Accumbens-area")
SUBCORTICAL = tuple(f"{side}-{name}" for side in ("Left", "Right") for name in _NUCLEI)
_ETIV = ("eTIV", "ICV")  # the second up to FreeSurfer 5.1
# The cortex label is parcelled without rest; a parcel of few vertices may be left out of the table.
_LEAST_SHARE = 0.9


def find_recons(feature: FeatureSpec, participant_id: str, search: Search) -> tuple[Scan, ...]:
    """Find a participant's folders in a FreeSurfer subjects folder, and in them the tables that the measure needs.

    ``sub-X_ses-Y.long.sub-X`` of the longitudinal stream goes before ``sub-X``, and this before ``sub-X_ses-Y``;
    where a session is asked for, only the folders of sessions count.

    Raises
    ------
    MissingInputError
        There is no folder of the participant, or recon-all did not write one of the tables.
    """
    name, root = search.folder_of(feature, default=DEFAULT_NAME)
    folders = _folders(root, participant_id, search)
    if not folders:
        raise MissingInputError(
            "FreeSurfer has no folder of the participant", hint=f"looked for {root / f'sub-{participant_id}'}"
        )
    scans = []
    for folder, entities in folders:
        tables = [folder / "stats" / table for table in _tables(feature)]
        for table in tables:
            if not table.is_symlink() and not table.exists():
                raise MissingInputError(f"FreeSurfer wrote no {table.name}", hint=f"looked for {table}")
        scans.append(Scan(participant_id, "freesurfer", tables[0], name, entities=entities, sidecars=tuple(tables[1:])))
    return tuple(scans)


def _folders(root: Path, participant_id: str, search: Search) -> list[tuple[Path, dict[str, str]]]:
    own = f"sub-{participant_id}"
    sessions: dict[str, Path] = {}
    longitudinal = False
    for label, name in _session_folders(root, root.stat().st_mtime_ns).get(own, ()):
        if search.wants({"ses": label}):
            longitudinal = longitudinal or ".long." in name
            # Of one session the longitudinal result sorts after the other, and replaces it.
            sessions[label] = root / name
    if (root / own).is_dir() and not longitudinal and not search.sessions:
        return [(root / own, {})]
    return [(path, {"ses": label}) for label, path in sessions.items() if not longitudinal or ".long." in path.name]


@lru_cache(maxsize=4)
def _session_folders(root: Path, _version: int) -> dict[str, list[tuple[str, str]]]:
    """Label of the session and name of the folder, by participant: one listing serves ten thousand of them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(os.listdir(root)):
        match = re.fullmatch(r"(sub-[0-9A-Za-z+]+)_ses-([0-9A-Za-z+]+)(\.long\..+)?", name)
        if match:
            found.setdefault(match[1], []).append((match[2], name))
    return found


def _tables(feature: FeatureSpec) -> list[str]:
    measure = feature.measure or "thickness"
    if measure.startswith("subcortical"):
        return [ASEG]
    tables = [f"{side}.{_PARCELLATIONS[feature.parcellation]}.stats" for side in _HEMISPHERES]
    return [*tables, ASEG] if measure.endswith("_of_etiv") else tables


def read_recon(scan: Scan, feature: FeatureSpec) -> tuple[dict[str, float], dict[str, str]]:
    """Read the measure of a feature block.

    Parcels are named as FreeSurfer's ``aparcstats2table`` names them, ``lh_bankssts_thickness``; structures as in
    ``aseg.stats``, except that ``Left-Thalamus-Proper``, as it was called up to version 6 (in some with an asterisk),
    is ``Left-Thalamus``.

    Returns
    -------
    values
        Thickness in mm, area in mm², volume in mm³ (or as a share of the estimated intracranial volume); NaN where
        only the other hemisphere has the parcel.
    missing
        Why a value is NaN, by name.

    Raises
    ------
    DataError
        A table is cut off, lacks the column or the intracranial volume, or holds none of the structures.
    """
    measure, _, share = (feature.measure or "thickness").partition("_of_")
    by_name = {path.name: path for path in scan.files}
    if measure == "subcortical":
        values = _subcortical(by_name[ASEG], feature)
    else:
        sides = [by_name[table] for table in _tables(feature) if table != ASEG]
        values = _cortical(sides, measure, feature)
    missing = {name: "FreeSurfer has no such region here" for name, value in values.items() if isnan(value)}
    if len(missing) == len(values):
        raise DataError(f"{scan.path} holds none of the {measure} values asked for", hint="run recon-all again")
    if share:
        whole = _intracranial(by_name[ASEG])
        values = {name: value / whole for name, value in values.items()}
    return values, missing


def _cortical(paths: list[Path], measure: str, feature: FeatureSpec) -> dict[str, float]:
    """Parcels of both hemispheres in the order of the table, the left ones first."""
    column = _COLUMNS[measure]
    sides = [_parcels(path, column) for path in paths]
    regions = dict.fromkeys(region for side in sides for region in side)
    values = {
        f"{side}_{region}_{measure}": found.get(region, float("nan"))
        for side, found in zip(_HEMISPHERES, sides, strict=True)
        for region in regions
    }
    return choose_values(values, columns=feature.columns, exclude=feature.exclude)


def _parcels(path: Path, column: str) -> dict[str, float]:
    found = read_stats(path)
    prefix, ending = f"{path.name[:2]}_", f"_{column}"
    cells = {key[len(prefix) : -len(ending)]: text for key, text in found.items() if key.endswith(ending)}
    if not cells:
        raise DataError(
            f"{path} has no column {column}", hint="mris_anatomical_stats of FreeSurfer 5 to 8 writes it; run it again"
        )
    numbers = {region: _number(text, f"{path}: {column} of {region}") for region, text in cells.items()}
    cortex = _number(found.get(f"{prefix}NumVert", "nan"), f"{path}: NumVert")
    listed = sum(_number(found.get(f"{prefix}{region}_NumVert", "nan"), str(path)) for region in cells)
    if listed < _LEAST_SHARE * cortex:
        raise DataError(
            f"{path} is cut off: its {len(cells)} parcels have {listed:.0f} vertices, the cortex {cortex:.0f}",
            hint="fetch or make the file again",
        )
    return numbers


def _subcortical(path: Path, feature: FeatureSpec) -> dict[str, float]:
    ending = "_Volume_mm3"
    found = {key.removesuffix(ending): text for key, text in read_stats(path).items() if key.endswith(ending)}
    _require_rows(path, len(found))
    volumes = {
        re.sub(r"-Thalamus-Proper\*?$", "-Thalamus", name): _number(text, f"{path}: volume of {name}")
        for name, text in found.items()
    }
    if not volumes:
        raise DataError(f"{path} has no column Volume_mm3", hint="run mri_segstats again")
    return choose_values(volumes, columns=feature.columns or SUBCORTICAL, exclude=feature.exclude)


def _require_rows(path: Path, found: int) -> None:
    match = re.search(r"^# NRows\s+(\d+)", read_text(path), re.MULTILINE)
    if match and found < int(match[1]):
        raise DataError(
            f"{path} is cut off: it announces {match[1]} structures and has {found}", hint="fetch or make it again"
        )


def _intracranial(path: Path) -> float:
    """Estimated total intracranial volume, mm³ (Buckner 2004, doi:10.1016/j.neuroimage.2004.06.018)."""
    found: Mapping[str, str] = read_stats(path)
    text = next((found[name] for name in _ETIV if name in found), None)
    volume = float("nan") if text is None else _number(text, f"{path}: eTIV")
    if not volume > 0:
        raise DataError(
            f"{path} has no estimated intracranial volume ({' or '.join(_ETIV)})",
            hint="take the measure without _of_etiv, or run recon-all again",
        )
    return volume


def _number(text: str, where: str) -> float:
    try:
        number = float(text.replace("_", "?"))  # Python would read 1_000
    except ValueError as error:
        raise DataError(f"{where} is no number: {text!r}", hint="fetch or make the file again") from error
    if isinf(number):
        raise DataError(f"{where} is no finite number: {text!r}", hint="fetch or make the file again")
    return number
