"""Assemble the cohort: join the published features with the participants' columns."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bidsml.atlases import load_atlas
from bidsml.bids.manifest import list_manifests
from bidsml.bids.participants import read_participants
from bidsml.bids.references import is_per_participant
from bidsml.bids.store import read_record, write_record
from bidsml.bids.tables import read_columns
from bidsml.errors import BidsmlError, DataError
from bidsml.features import modality_of
from bidsml.learn.cohort import build_cohort
from bidsml.records import Atlas, Cohort, FeatureBlock, FeatureSet, FeatureVector, Study
from bidsml.spec import AnalysisSpec, FeatureSpec, read_spec, referenced_columns
from bidsml.steps.alignment import align_vectors

logger = logging.getLogger(__name__)

QC_COLUMNS = ("mean_fd", "minutes_kept", "coverage")


def assemble_study(
    analysis: Path,
    output: str,
    bids_dir: str,
    derivatives: str,
    participants: str,
    failed: str,
    atlases: str,
    *,
    out_dir: Path,
) -> Path:
    """Join the published features with the participants' columns.

    Parameters
    ----------
    analysis
        The effective analysis as JSON.
    derivatives
        JSON object: folder by derivative name.
    participants
        JSON array of the labels that are considered.
    failed
        JSON object: why a participant has no features, by label.
    atlases
        JSON object: name or place of every atlas of the analysis, by the name that the analysis gives it.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Study`.
    """
    spec = read_spec(analysis)
    cohort = load_cohort(
        spec,
        output=Path(output),
        bids_dir=Path(bids_dir),
        derivatives={name: Path(folder) for name, folder in json.loads(derivatives).items()},
        participants=json.loads(participants),
        failed=json.loads(failed),
    )
    features = load_features(cohort.participant_id, spec, output=Path(output))
    features = name_networks(features, spec, load_atlases(json.loads(atlases)))
    return write_record(out_dir / "study.npz", Study(cohort, features))


def load_cohort(
    spec: AnalysisSpec,
    *,
    output: Path,
    bids_dir: Path,
    derivatives: Mapping[str, Path],
    participants: Collection[str],
    failed: Mapping[str, str],
) -> Cohort:
    """Decide who is analysed, from the manifests and the tables alone: no feature is read.

    Parameters
    ----------
    participants
        Labels that are considered.
    failed
        Why a participant has no features, by label.
    """
    people = load_people(spec.name, output=output, bids_dir=bids_dir, participants=participants, failed=failed)
    table = read_columns(referenced_columns(spec), people.table, bids_dir=bids_dir, derivatives=derivatives)
    return build_cohort(table, spec, available=people.available, failed=people.reasons)


@dataclass(frozen=True)
class People:
    """Who is considered: their rows of the participants table, who has features, and why others have none."""

    table: pd.DataFrame
    available: frozenset[str]
    reasons: Mapping[str, str]


def load_people(
    analysis: str, *, output: Path, bids_dir: Path, participants: Collection[str], failed: Mapping[str, str]
) -> People:
    """Read the participants table with the quality columns of the manifests; parameters as :func:`load_cohort`."""
    reasons = dict(failed)
    quality: dict[str, Mapping[str, Any]] = {}
    for label, manifest in list_manifests(output).items():
        entry = manifest.analyses.get(analysis)
        if entry is None or label not in participants or label in reasons:
            continue
        if entry.qc.get("verdict") == "fail":
            reasons[label] = "quality control: " + "; ".join(entry.qc.get("reasons", []))
        else:
            quality[label] = entry.qc
    table = read_participants(bids_dir)
    table = table[table["participant_id"].isin(participants)].reset_index(drop=True)
    for column in QC_COLUMNS:
        if column not in table:
            measured = [quality.get(label, {}).get(column) for label in table["participant_id"]]
            table[column] = [None if value is None else repr(value) for value in measured]
    return People(table, frozenset(quality), reasons)


def load_features(labels: Sequence[str], spec: AnalysisSpec, *, output: Path) -> FeatureSet:
    """Read the published features of some participants, in the order given."""
    manifests = list_manifests(output)
    vectors = []
    for label in labels:
        records = manifests[label].analyses[spec.name].features
        vectors.append([read_record(FeatureVector, output / records[block]) for block in spec.block_names])
    return stack_features(vectors, tuple(labels), spec=spec)


def stack_features(
    vectors: Sequence[Sequence[FeatureVector]], participants: tuple[str, ...], *, spec: AnalysisSpec
) -> FeatureSet:
    """Lay blocks side by side, every participant's values under the same names.

    Parameters
    ----------
    vectors
        For each participant one vector per ``[[features]]`` block, in the order of the analysis.

    Returns
    -------
    FeatureSet
        Names of a block that comes from one file per participant are the union, NaN where a participant has none.

    Raises
    ------
    DataError
        Participants differ in the names of any other block.
    """
    blocks: list[FeatureBlock] = []
    names: list[str] = []
    columns: list[np.ndarray] = []
    for index, (feature, first) in enumerate(zip(spec.features, vectors[0], strict=True)):
        mine = [vector[index] for vector in vectors]
        if has_own_names(feature):
            mine = align_vectors(mine)
        own = _shared_names(mine, participants)
        start = len(names)
        prefix = f"{first.block}:" if len(vectors[0]) > 1 else ""
        names += [prefix + name for name in own]
        columns.append(np.stack([vector.values for vector in mine]))
        blocks.append(
            FeatureBlock(
                first.block, first.kind, first.measure, first.layout, start, len(names), mine[0].nodes, first.atlas
            )
        )
    told = tuple(map(_with_topics, blocks, spec.features))
    return FeatureSet(participants, tuple(names), np.concatenate(columns, axis=1), told)


def has_own_names(feature: FeatureSpec) -> bool:
    """Whether the names of a block's features come from everyone's own files, so that people may differ in them."""
    return bool(is_per_participant(feature.file or "") or modality_of(feature))


def _with_topics(block: FeatureBlock, feature: FeatureSpec) -> FeatureBlock:
    """Tell a block of token counts how the folds reduce it."""
    if block.kind != "text":
        return block
    return replace(block, n_topics=feature.n_components, min_people=feature.min_df)


def name_networks(features: FeatureSet, spec: AnalysisSpec, atlases: Mapping[str, Atlas]) -> FeatureSet:
    """Add each region's network to the blocks whose atlas names networks and knows all their regions."""
    blocks = []
    for feature, block in zip(spec.features, features.blocks, strict=True):
        atlas = atlases.get(feature.atlas or "")
        known = dict(zip(atlas.names, atlas.networks, strict=True)) if atlas and atlas.networks else {}
        prefix = f"{block.name}:" if len(features.blocks) > 1 else ""
        regions = block.nodes or [name.removeprefix(prefix) for name in features.names[block.start : block.stop]]
        knows_all = known.keys() >= set(regions)
        blocks.append(replace(block, networks=tuple(known[r] for r in regions)) if knows_all else block)
    return replace(features, blocks=tuple(blocks))


def load_atlases(references: Mapping[str, str]) -> dict[str, Atlas]:
    """Load the atlases that are at hand, by the keys given; a ready matrix may name one that only its maker has."""
    found = {}
    for name, reference in references.items():
        try:
            found[name] = load_atlas(reference)
        except BidsmlError as error:
            # Only coordinates and networks are lost: the region names travel with the features.
            logger.info("no atlas %s: %s", name, error.message)
    return found


def _shared_names(vectors: Sequence[FeatureVector], participants: Sequence[str]) -> tuple[str, ...]:
    """Names that every participant must have in the same order."""
    first = vectors[0]
    for label, vector in zip(participants, vectors, strict=True):
        if vector.names != first.names:
            raise DataError(
                f"block {first.block!r}: sub-{label} has {len(vector.names)} features that are not those of "
                f"sub-{participants[0]} ({len(first.names)})",
                hint="run the participant level again for both, with one analysis and one bidsml version",
            )
    return first.names
