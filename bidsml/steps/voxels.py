"""The step that makes maps of all voxels of a BOLD scan: regional homogeneity, correlations with seeds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np

from bidsml.atlases import load_atlas
from bidsml.bids.preprocessed import Folder
from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.features.seed_map import seed_key
from bidsml.preproc.homogeneity import regional_homogeneity
from bidsml.preproc.seeds import correlate_seeds
from bidsml.preproc.voxels import VoxelSignals, average_maps, clean_voxels, describe_maps
from bidsml.records import Atlas, FloatArray, Preprocessing, Scan, ScanData
from bidsml.spec import DenoiseSpec, FeatureSpec


class _Maps(NamedTuple):
    """Maps by their names, one value per voxel; and why others are missing."""

    values: dict[str, FloatArray]
    missing: Mapping[str, str]


def map_voxels(scan: Path, feature: str, denoise: str, atlas: str, *, out_dir: Path) -> Path:
    """Make the maps of one block from one scan, and average them in regions.

    Writes ``map-<name>.nii.gz`` for each map that is published.

    Parameters
    ----------
    scan
        Record of the :class:`~bidsml.records.Scan` of preprocessed BOLD.
    feature, denoise
        ``FeatureSpec`` (kind ``reho`` or ``seed_map``) and ``DenoiseSpec`` as JSON.
    atlas
        Atlas name or place.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`, with ``maps``.

    Raises
    ------
    AnalysisFileError
        A seed's region is none of the atlas.
    DataError
        Image, mask, confounds and atlas do not fit each other, or nothing could be measured.
    """
    options = FeatureSpec.model_validate_json(feature)
    regions = load_atlas(atlas)
    data = clean_voxels(read_record(Scan, scan), DenoiseSpec.model_validate_json(denoise))
    maps = _homogeneity(data, options) if options.kind == "reho" else _seeds(data, options, regions)
    for name, values in maps.values.items():
        nib.save(data.make_image(values), out_dir / f"map-{name}.nii.gz")  # type: ignore[attr-defined]
    means = average_maps(data, maps.values, regions)
    found = describe_maps(data, means, regions)
    found = replace(found, missing={**found.missing, **maps.missing})
    return write_record(out_dir / "scan_data.npz", found)


def _homogeneity(data: VoxelSignals, options: FeatureSpec) -> _Maps:
    w = regional_homogeneity(data, neighbours=options.neighbours)
    return _Maps({"kendall_w": w, "kendall_w_of_brain": w / np.nanmean(w)}, {})


def _seeds(data: VoxelSignals, options: FeatureSpec, atlas: Atlas) -> _Maps:
    maps, missing = correlate_seeds(data, options.seeds, atlas)
    return _Maps(maps, {seed_key(name): reason for name, reason in missing.items()})


_MEANINGS = {
    "reho": "Regional homogeneity: Kendall's W of each voxel with its {neighbours} neighbours (itself one of them)",
    "seed_map": "Fisher z of each voxel's correlation with the mean signal of the seed {seed}",
}


def publish_maps(scan_data: Path, feature: str, block: str, bids_dir: str, output: str, *, out_dir: Path) -> Path:
    """Write the maps of a block into the output folder.

    Parameters
    ----------
    scan_data
        From :func:`map_voxels`; the maps lie beside it.
    block
        Name of the block: two blocks may map the same scan.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Preprocessing`, which has files only.
    """
    data = read_record(ScanData, scan_data)
    options = FeatureSpec.model_validate_json(feature)
    out = Path(output)
    entities = {key: value for key, value in data.scan.entities.items() if key not in ("desc", "stat")}
    folder = Folder(
        out, participant_id=data.scan.participant_id, entities=entities, datatype="func", bids_dir=Path(bids_dir)
    )
    # The map divided by its own mean is the same picture.
    names = ["kendall_w"] if options.kind == "reho" else [seed.name for seed in options.seeds if seed.name in data.maps]
    for name in names:
        sidecar = {"Block": block, "Settings": _settings(options, name), "Denoised": True, "Smoothed": False}
        folder.image(
            scan_data.parent / f"map-{name}.nii.gz",
            "boldmap",
            _MEANINGS[options.kind].format(neighbours=options.neighbours, seed=name) + "; 0 where there is none",
            sidecar=sidecar,
            sources=[data.scan.path],
            **_entities(options, name, block),
        )
    files = {path.relative_to(out).as_posix(): sha256_file(path) for path in sorted(folder.written)}
    return write_record(out_dir / "published.npz", Preprocessing(files=files))


def _entities(options: FeatureSpec, name: str, block: str) -> dict[str, str]:
    """Entities of a map, as XCP-D (``stat-reho_boldmap``) and HALFpipe (``seed-``) name theirs."""
    if options.kind == "reho":
        return {"stat": "reho", "desc": _alphanumeric(block)}
    return {"seed": _alphanumeric(name), "stat": "fisherz", "desc": _alphanumeric(block)}


def _settings(options: FeatureSpec, name: str) -> dict[str, object]:
    if options.kind == "reho":
        return {"neighbours": options.neighbours}
    seed = next(seed for seed in options.seeds if seed.name == name)
    return seed.model_dump(mode="json", exclude_none=True)


def _alphanumeric(name: str) -> str:
    return "".join(character for character in name if character.isalnum())
