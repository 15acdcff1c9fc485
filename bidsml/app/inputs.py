"""What a graph of the group level starts from: gathered, digested and written down."""

from collections.abc import Mapping
from pathlib import Path

from bidsml.app.provenance import (
    combined_digest,
    effective_toml,
    input_digests,
    make_provenance,
    manifests_digest,
    run_record,
)
from bidsml.bids.likeness import MANIFESTS
from bidsml.bids.manifest import Manifest, manifest_path
from bidsml.bids.references import reference_files
from bidsml.bids.store import write_json, write_record, write_text
from bidsml.graph.inputs import GroupInputs
from bidsml.spec import AnalysisSpec, RunOptions, referenced_columns

_LISTED = 20


def input_folder(work_dir: Path, graph: str) -> Path:
    """Where a graph's own input records lie in a work folder."""
    return work_dir / "inputs" / graph


def shards_folder(options: RunOptions) -> Path | None:
    """Where jobs leave their shards of the permutations for each other; ``None`` where one job draws all."""
    return options.work_dir / "shards" if options.shards > 1 else None


def gather_inputs(
    spec: AnalysisSpec,
    options: RunOptions,
    manifests: Mapping[str, Manifest],
    *,
    participants: tuple[str, ...],
    failed: Mapping[str, str],
    graph: str,
    digests: Mapping[str, str],
    work_dir: Path,
) -> GroupInputs:
    """Write the records that a graph starts from, and name the files that decide its result.

    Parameters
    ----------
    manifests
        Of the participants with features, by label.
    graph
        Name of the graph, with the analysis, as in ``group_rest-connectome``.
    digests
        Of further inputs than the manifests, by name.
    """
    paths = [manifest_path(options.output_dir, label) for label in manifests]
    tables = reference_files(
        referenced_columns(spec),
        bids_dir=options.bids_dir,
        derivatives=options.derivatives,
        participants=participants,
    )
    read = input_digests(tables, options)
    # A file per participant would make the report's list as long as the cohort; run.json lists them all.
    listed = read if len(read) <= _LISTED else {"tables": combined_digest(tables)}
    inputs = {**digests, **listed, MANIFESTS: manifests_digest(manifests, spec.name)}
    provenance = make_provenance(spec, options, inputs=inputs)
    folder = input_folder(work_dir, graph)
    first = next(iter(manifests.values())).analyses[spec.name]
    size = sum((options.output_dir / record).stat().st_size for record in first.features.values())
    return GroupInputs(
        participants=participants,
        manifests=tuple(paths),
        tables=tables,
        failed=failed,
        analysis=write_text(folder / "analysis.json", spec.model_dump_json()),
        analysis_toml=write_text(folder / "analysis.toml", effective_toml(spec)),
        provenance=write_record(folder / "provenance.npz", provenance),
        run=write_json(folder / "run.json", run_record(spec, options, provenance, inputs=read)),
        feature_gb=size * len(manifests) / 1e9,
        bids_dir=options.bids_dir,
        output_dir=options.output_dir,
        work_dir=work_dir,
        derivatives=options.derivatives,
        seed=options.random_seed,
        n_threads=options.node_threads,
    )
