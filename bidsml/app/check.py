"""Everything that can fail in seconds, fails here: before anything runs, before anything is written."""

import os
import shutil
from pathlib import Path

from bidsml.atlases import load_atlas
from bidsml.bids.derivative import require_own_output, validate_input
from bidsml.bids.references import resolve_atlas
from bidsml.errors import AnalysisFileError, MissingInputError, OutputError, UsageError
from bidsml.features import CATALOG, check_feature, modality_of, reads_bold, reads_tables
from bidsml.graph.run import plugin_settings
from bidsml.learn.check import check_analysis
from bidsml.preproc.confounds import check_denoise
from bidsml.records import ScanKind
from bidsml.report import check_sections
from bidsml.spec import AnalysisSpec, RunOptions


def check_run(spec: AnalysisSpec, options: RunOptions) -> None:
    """Check folders, the dataset and every name of the analysis.

    Raises
    ------
    BidsmlError
        Of the kind that the first problem has.
    """
    check_folders(options)
    check_names(spec)
    for feature in spec.features:
        resolve_atlas(feature.atlas or "", bids_dir=options.bids_dir, derivatives=options.derivatives)
    if options.plugin_file is not None:
        plugin_settings(options.plugin_file, nprocs=options.nprocs, mem_gb=options.mem_gb)
    if not options.skip_bids_validation:
        validate_input(options.bids_dir)


def check_names(spec: AnalysisSpec) -> None:
    """Check feature kinds and their keys, denoising, estimators, grids, metrics and sections against the catalogs."""
    for index, feature in enumerate(spec.features):
        check_feature(feature, index)
    check_denoise(spec.denoise)
    check_analysis(spec)
    check_sections(spec.report.sections)


def check_atlases(spec: AnalysisSpec, options: RunOptions, kind: ScanKind) -> None:
    """Load every atlas that images will be averaged with; ready-made signals bring their own regions."""
    for index, feature in enumerate(spec.features):
        own = modality_of(feature) and "atlas" not in CATALOG[feature.kind].keys
        if own or reads_tables(feature) or (reads_bold(feature) and kind != "bold"):
            continue
        if not feature.atlas:
            raise AnalysisFileError(
                f"features.{index} ({feature.kind}) has no atlas, and images have to be averaged in regions",
                hint="set atlas = ...; `bidsml doctor` lists names",
            )
        load_atlas(resolve_atlas(feature.atlas, bids_dir=options.bids_dir, derivatives=options.derivatives))


def scan_kinds(spec: AnalysisSpec) -> frozenset[ScanKind]:
    """Kinds of scans that every block of BOLD can be made from; empty when the analysis needs none."""
    offers: dict[ScanKind, frozenset[str]] = {
        "bold": frozenset({"signals", "unfiltered", "contrasts", "maps"}),
        "timeseries": frozenset({"signals"}),
        "relmat": frozenset({"matrix"}),
    }
    blocks = [CATALOG[feature.kind].needs for feature in spec.features if reads_bold(feature)]
    if not blocks:
        return frozenset()
    usable = {kind for kind, offered in offers.items() if all(needs & offered for needs in blocks)}
    if spec.input.kind != "auto":
        usable &= {spec.input.kind}
    return frozenset(usable)


def check_folders(options: RunOptions) -> None:
    """Check that the input is there and that output and work folder can be written without touching it."""
    if not options.bids_dir.is_dir():
        raise MissingInputError(f"there is no BIDS folder {options.bids_dir}", hint="check the first argument")
    for name, folder in options.derivatives.items():
        if not folder.is_dir():
            raise MissingInputError(
                f"there is no folder {folder} for --derivatives {name}", hint="give NAME=PATH of an existing folder"
            )
    bids, out, work = (path.resolve() for path in (options.bids_dir, options.output_dir, options.work_dir))
    if out == bids:
        raise UsageError(f"the output folder is the input folder: {out}", hint="choose another OUTPUT_DIR")
    if work == bids or (work.is_relative_to(bids) and not work.is_relative_to(bids / "derivatives")):
        raise UsageError(f"the work folder {work} lies inside the input {bids}", hint="choose another with --work-dir")
    for role, folder in (("output", out), ("work", work)):
        _check_writable(role, folder)
    require_own_output(out)


def _check_writable(role: str, folder: Path) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write the {role} folder {folder}: {existing} is not a writable folder",
            hint="choose another folder, or change its permissions",
        )


def free_gb(folder: Path) -> float:
    """Free space in GB where a folder is, or will be."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free / 1e9
