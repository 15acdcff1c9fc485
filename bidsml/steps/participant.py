"""Steps of one participant: read scans, extract features, publish."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from bidsml.atlases import load_atlas
from bidsml.bids.items import read_items, read_texts
from bidsml.bids.manifest import Entry, write_manifest
from bidsml.bids.names import build_name, common_entities
from bidsml.bids.readers import read_matrix, read_timeseries
from bidsml.bids.store import read_record, sha256_file, write_json, write_record, write_table
from bidsml.bids.tables import read_row as read_table_row
from bidsml.errors import AnalysisFileError
from bidsml.features import CATALOG
from bidsml.features.text import count_tokens
from bidsml.matrices import edges_to_matrix
from bidsml.preproc.clean import clean_timeseries, concatenate_scans, extract_scan
from bidsml.preproc.quality import mean_fd_mm, verdict
from bidsml.records import FeatureVector, ParticipantResult, Preprocessing, Provenance, Scan, ScanData, one_per_scan
from bidsml.spec import DenoiseSpec, FeatureSpec
from bidsml.steps.alignment import align_vectors, average_vectors
from bidsml.steps.networks import find_networks
from bidsml.steps.pages import publish_participant_page
from bidsml.steps.sidecars import datatype_of, describe_origin, describe_vector

# BIDS spells the measure of a relationship matrix in one word (BEP 17).
MATRIX_MEASURES: Mapping[str, str] = {
    "correlation": "pearsoncorrelation",
    "partial": "partialcorrelation",
    "tangent": "covariance",
    "window_sd": "windowsd",
}


def read_scan(scan: Path, denoise: str, atlas: str, *, out_dir: Path) -> Path:
    """Turn one scan into region signals, or into its ready matrix.

    Parameters
    ----------
    scan
        Record of the :class:`~bidsml.records.Scan`.
    denoise
        ``DenoiseSpec`` as JSON.
    atlas
        Atlas name; of BOLD, where regions have yet to be averaged, and of the networks of ready-made regions.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`.
    """
    source = read_record(Scan, scan)
    spec = DenoiseSpec.model_validate_json(denoise)
    if source.kind == "bold":
        regions = load_atlas(atlas)
        data = replace(extract_scan(source, regions, spec), networks=regions.networks)
    elif source.kind == "timeseries":
        names, values = read_timeseries(source)
        data = clean_timeseries(source, names=names, values=values, denoise=spec, tr_s=source.tr_s)
    else:
        names, matrix = read_matrix(source)
        dead = np.asarray(np.isnan(matrix - np.diag(np.diag(matrix))).all(axis=0))
        missing = {name: "no signal in the ready-made matrix" for name, gone in zip(names, dead, strict=True) if gone}
        atlas_label = source.entities.get("atlas", source.entities.get("seg", ""))
        data = ScanData(source, regions=names, matrix=matrix, missing=missing, atlas=atlas_label)
    if source.kind != "bold":
        data = replace(data, networks=find_networks(data.regions, atlases=(atlas, data.atlas)))
    return write_record(out_dir / "scan_data.npz", data)


def read_row(scan: Path, feature: str, bids_dir: str, derivatives: str, exclude: str, *, out_dir: Path) -> Path:
    """Read one participant's row of a table.

    Parameters
    ----------
    scan
        Record of the participant's :class:`~bidsml.records.Scan` of kind ``table``.
    feature
        ``FeatureSpec`` as JSON.
    derivatives
        JSON object: folder by derivative name.
    exclude
        JSON array: columns that must not become features, such as the target.
    """
    source = read_record(Scan, scan)
    folders = {name: Path(folder) for name, folder in json.loads(derivatives).items()}
    options, left_out = FeatureSpec.model_validate_json(feature), tuple(json.loads(exclude))
    label, root = source.participant_id, Path(bids_dir)
    if options.kind == "text":
        # Counted before anything is written: the text itself stays where it is.
        counts = count_tokens(read_texts(options, label, bids_dir=root, derivatives=folders), options)
        return write_record(out_dir / "scan_data.npz", ScanData(source, table=counts))
    if options.kind == "questionnaire":
        items = read_items(options, label, bids_dir=root, derivatives=folders, exclude=left_out)
        return write_record(out_dir / "scan_data.npz", ScanData(source, table=items.values, ranges=items.ranges))
    row = read_table_row(options, label, bids_dir=root, derivatives=folders, exclude=left_out)
    missing = {name: "n/a in the table" for name, value in row.items() if np.isnan(value)}
    return write_record(out_dir / "scan_data.npz", ScanData(source, table=row, missing=missing))


def extract_features(scan_data: list[Path], feature: str, block: str, combine: str, *, out_dir: Path) -> Path:
    """Extract one block of features from one participant's scans.

    Parameters
    ----------
    combine
        ``auto``, ``concatenate`` or ``average`` (``input.combine`` of the analysis).

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.FeatureVector`.
    """
    scans = [read_record(ScanData, path) for path in scan_data]
    options = FeatureSpec.model_validate_json(feature)
    extract = CATALOG[options.kind].extract
    ready = any(data.matrix is not None for data in scans)
    if ready and combine == "concatenate" and len(scans) > 1:
        raise AnalysisFileError(
            f"sub-{scans[0].scan.participant_id} has {len(scans)} ready-made matrices, which cannot be concatenated",
            hint='set input.combine = "average", or give time series',
        )
    if len(scans) > 1 and combine != "average" and not ready:
        scans = [concatenate_scans(scans)]
    vectors = [extract(data, block=block, options=options) for data in scans]
    # Recordings of one person may differ in their channels.
    shared = align_vectors(vectors) if CATALOG[options.kind].modality else vectors
    return write_record(out_dir / "features.npz", average_vectors(shared))


def publish_participant(
    scan_data: list[Path],
    features: list[Path],
    analysis: str,
    settings: str,
    features_digest: str,
    provenance: Path,
    preprocessing: list[Path],
    output: str,
    *,
    out_dir: Path,
) -> Path:
    """Write one participant's derivatives and report into the output folder, the done-manifest last.

    Parameters
    ----------
    settings
        JSON object: the analysis's sections ``preprocess``, ``denoise`` and ``task``.
    preprocessing
        Record of the :class:`~bidsml.records.Preprocessing`; nothing where derivatives were given. Its files are
        published already, and are listed in the manifest.

    Returns
    -------
    Path
        The report's receipt in the node's folder: what was written.
    """
    out = Path(output)
    scans = [read_record(ScanData, path) for path in scan_data]
    vectors = [read_record(FeatureVector, path) for path in features]
    preprocessed = [read_record(Preprocessing, path) for path in preprocessing]
    result = _participant_result(scans, vectors, analysis, json.loads(settings), preprocessed, provenance)
    label = result.participant_id
    entities = common_entities([data.scan for data in scans])
    written: list[Path] = []
    for data in scans:
        written += _publish_timeseries(out, data)
    records: dict[str, str] = {}
    for vector in vectors:
        written += _publish_features(out, vector, label, entities, alone=_is_alone(vector, vectors))
        # Named after the analysis: the group level of another must not find its features overwritten.
        desc = _alphanumeric(analysis) + _alphanumeric(vector.block).capitalize()
        record = Path(f"sub-{label}") / f"sub-{label}_desc-{desc}_features.npz"
        written.append(write_record(out / record, vector))
        records[vector.block] = record.as_posix()
    written += publish_participant_page(out, result)
    files = {path.relative_to(out).as_posix(): sha256_file(path) for path in sorted(set(written))}
    files |= {name: digest for one in preprocessed for name, digest in one.files.items()}
    entry = Entry(
        features_digest=features_digest,
        files=files,
        features=records,
        qc=_qc_summary(result),
        provenance=result.provenance,
    )
    write_manifest(out, participant_id=label, analysis=analysis, entry=entry)
    return write_json(
        out_dir / "receipt.json", {"participant_id": label, "verdict": result.verdict, "files": len(files)}
    )


def _participant_result(
    scans: list[ScanData],
    vectors: list[FeatureVector],
    analysis: str,
    settings: Mapping[str, Mapping[str, object]],
    preprocessed: list[Preprocessing],
    provenance: Path,
) -> ParticipantResult:
    denoise = DenoiseSpec.model_validate_json(json.dumps(settings["denoise"]))
    # Maps of voxels and signals of one scan tell the same, unless they rest on different atlases.
    qcs = tuple({(q.label, q.region_coverage.tobytes()): q for q in (data.qc for data in scans) if q}.values())
    anatomical = tuple(quality for one in preprocessed for quality in one.anatomical)
    functional = tuple(quality for one in preprocessed for quality in one.functional)
    kinds = {data.scan.kind for data in scans}
    judgement, reasons = verdict(qcs, denoise, anatomical=anatomical, functional=functional, kinds=kinds)
    sources = {(data.scan.path, data.scan.kind): data.scan for data in scans}
    return ParticipantResult(
        participant_id=scans[0].scan.participant_id,
        analysis=analysis,
        scans=tuple(sources.values()),
        qc=qcs,
        features=tuple(vectors),
        verdict=judgement,
        reasons=tuple(reasons),
        denoise=denoise.model_dump() if "bold" in kinds else {},
        provenance=read_record(Provenance, provenance),
        anatomical=anatomical,
        anatomy=tuple(view for one in preprocessed for view in one.anatomy),
        functional=functional,
        alignment=tuple(view for one in preprocessed for view in one.alignment),
        preprocess=settings["preprocess"] if anatomical or functional else {},
        task=settings["task"] if any(vector.kind == "task_contrast" for vector in vectors) else {},
    )


def _qc_summary(result: ParticipantResult) -> dict[str, float | str | list[str]]:
    """Columns of participants.tsv: volume-weighted mean FD, minutes kept, share of regions that are there."""
    scans = one_per_scan(result.qc)
    found = [(qc.n_volumes, qc.mean_fd_mm) for qc in scans]
    # A task alone leaves no other record of motion than that of its raw runs.
    found = found or [(run.n_volumes, mean_fd_mm(run.fd_mm)) for run in result.functional]
    volumes, motion = np.array(found, dtype=float).reshape(-1, 2).T
    known = np.isfinite(motion) & (volumes > 0)
    summary: dict[str, float | str | list[str]] = {"verdict": result.verdict, "reasons": list(result.reasons)}
    if known.any():
        summary["mean_fd"] = float(np.average(motion[known], weights=volumes[known]))
    if scans and np.isfinite([qc.minutes_kept for qc in scans]).all():
        summary["minutes_kept"] = float(sum(qc.minutes_kept for qc in scans))
    shares = [np.isfinite(vector.values).mean() for vector in result.features if vector.values.size]
    if shares:
        summary["coverage"] = float(np.mean(shares))
    return summary


def _publish_timeseries(out: Path, data: ScanData) -> list[Path]:
    """Region signals of a BOLD scan, as ``_timeseries.tsv`` with its sidecar."""
    if data.signals is None or data.scan.kind != "bold":
        return []
    entities = {k: v for k, v in data.scan.entities.items() if k != "desc"}
    entities["atlas"] = _alphanumeric(data.atlas)
    label = data.scan.participant_id
    table = pd.DataFrame(data.signals, columns=list(data.regions))
    sidecar = {
        "Description": "Mean region signals after denoising, band-pass and censoring; standardised",
        "SamplingFrequency": 1 / data.tr_s if data.tr_s else "n/a",
        "Censored": bool(data.qc is not None and data.qc.n_volumes_kept < data.qc.n_volumes),
        "MissingRegions": dict(data.missing),
    }
    name = build_name(label, entities, suffix="timeseries", extension=".tsv", datatype="func")
    return [write_table(out / name, table), write_json(out / name.with_suffix(".json"), sidecar)]


def _publish_features(
    out: Path, vector: FeatureVector, label: str, entities: Mapping[str, str], *, alone: bool
) -> list[Path]:
    kept = {k: v for k, v in entities.items() if k not in ("desc", "meas", "stat", "atlas", "seg")}
    if vector.atlas:
        kept["atlas"] = _alphanumeric(vector.atlas)
    if vector.layout == "vector":
        kept["desc"] = _alphanumeric(vector.block)
        datatype = datatype_of(vector)
        name = build_name(label, kept, suffix="features", extension=".tsv", datatype=datatype)
        reasons = [vector.missing.get(n, None if np.isfinite(v) else "not measured") for n, v in _items(vector)]
        table = pd.DataFrame({"name": vector.names, "value": vector.values, "missing": reasons})
        sidecar = describe_vector(vector)
        return [write_table(out / name, table), write_json(out / name.with_suffix(".json"), sidecar)]
    kept["meas"] = MATRIX_MEASURES.get(vector.measure, vector.measure)
    if not alone:
        kept["desc"] = _alphanumeric(vector.block)
    return _publish_matrix(out, vector, label, kept)


def _publish_matrix(out: Path, vector: FeatureVector, label: str, entities: Mapping[str, str]) -> list[Path]:
    """Write a relationship matrix as BIDS has it: dense TSV without header, sidecar, and the table of its nodes."""
    is_z = vector.kind == "connectome" and vector.layout == "edges"
    values = np.tanh(vector.values) if is_z else vector.values
    layout: Literal["edges", "covariance"] = "covariance" if vector.layout == "covariance" else "edges"
    matrix = edges_to_matrix(values, len(vector.nodes), layout=layout)
    name = build_name(label, entities, suffix="relmat", extension=".dense.tsv", datatype=datatype_of(vector))
    stem = name.name.removesuffix(".dense.tsv")
    nodes = name.with_name(stem.replace(f"_meas-{entities['meas']}", "").removesuffix("_relmat") + "_nodeindices.tsv")
    sidecar = {
        "RelationshipMeasure": entities["meas"],
        "Weighted": True,
        "Directed": False,
        "ValidDiagonal": vector.layout == "covariance",
        "StorageFormat": "dense",
        "NodeFiles": [f"bids::{nodes.as_posix()}"],
        "MissingNodes": dict(vector.missing),
    } | describe_origin(vector)
    reasons = [vector.missing.get(node) for node in vector.nodes]
    table = pd.DataFrame({"index": range(len(vector.nodes)), "name": vector.nodes, "missing": reasons})
    return [
        write_table(out / name, pd.DataFrame(matrix), header=False),
        write_json(out / name.with_name(f"{stem}.json"), sidecar),
        write_table(out / nodes, table),
    ]


def _items(vector: FeatureVector) -> list[tuple[str, float]]:
    return list(zip(vector.names, vector.values.tolist(), strict=True))


def _is_alone(vector: FeatureVector, vectors: list[FeatureVector]) -> bool:
    return sum((v.atlas, v.measure, v.layout) == (vector.atlas, vector.measure, vector.layout) for v in vectors) == 1


def _alphanumeric(name: str) -> str:
    """Make a BIDS label: letters and digits only."""
    return "".join(character for character in name if character.isalnum())
