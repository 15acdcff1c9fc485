"""The methods text of an analysis from its inputs alone: ``--boilerplate-only``, and beside the participant level."""

from collections.abc import Sequence
from pathlib import Path

import bidsml
from bidsml.app.check import check_run, scan_kinds
from bidsml.app.provenance import package_versions, plugin_versions
from bidsml.app.readiness import Say
from bidsml.app.status import RunStatus
from bidsml.atlases import load_atlas
from bidsml.bids.raw import find_raw
from bidsml.bids.references import resolve_atlas
from bidsml.bids.scans import find_scans
from bidsml.bids.store import write_text
from bidsml.errors import NothingSelectedError
from bidsml.features import measure_of, modality_of, reads_anatomy, reads_bold, reads_tables
from bidsml.graph.run import Progress
from bidsml.records import RawSession, Scan
from bidsml.report.citation import citation_files
from bidsml.report.planned_text import PlannedInputs, plan_group, plan_participant
from bidsml.spec import AnalysisSpec, RunOptions
from bidsml.templates import automatic_space


def run_boilerplate(spec: AnalysisSpec, options: RunOptions, *, say: Say, progress: Progress | None) -> RunStatus:
    """Look at the inputs, write the methods text into the output's ``logs``, and compute nothing.

    Raises
    ------
    BidsmlError
        Whatever would keep the run itself from starting.
    """
    check_run(spec, options)
    if options.dry_run:
        return RunStatus(options.level, spec.name, 0, notes=("dry run: nothing was written",))
    kinds, raw = _find_kinds(spec, options)
    written = write_boilerplate(spec, options, kinds=kinds, raw=raw)
    for path in written:
        say(f"wrote {path}")
    return RunStatus(options.level, spec.name, 0, notes=("boilerplate only: nothing was computed",))


def write_boilerplate(
    spec: AnalysisSpec, options: RunOptions, *, kinds: Sequence[str], raw: bool, space: str = ""
) -> tuple[Path, ...]:
    """Write ``logs/CITATION_<level>_analysis-<name>`` as Markdown, HTML and BibTeX.

    Parameters
    ----------
    kinds
        Kinds of inputs, ``raw bold`` for what is preprocessed.
    raw
        Whether images are preprocessed, and brought to a template.
    space
        That template's space; found here where it is empty.
    """
    named = "" if spec.preprocess.space == "auto" else spec.preprocess.space
    atlases = {one.atlas: _name_atlas(one.atlas, options) for one in spec.features if one.atlas}
    inputs = PlannedInputs(
        version=bidsml.__version__,
        packages=package_versions(),
        plugins=plugin_versions(spec),
        kinds=tuple(dict.fromkeys(kinds)),
        blocks=tuple((one.kind, measure_of(one), atlases.get(one.atlas or "", "")) for one in spec.features),
        space=(space or named or automatic_space()) if raw else "",
    )
    plan = plan_participant if options.level == "participant" else plan_group
    stem = f"CITATION_{options.level}_analysis-{spec.name}"
    files = citation_files(plan(spec, inputs))
    return tuple(write_text(options.output_dir / "logs" / f"{stem}{end}", text) for end, text in files.items())


def _name_atlas(atlas: str, options: RunOptions) -> str:
    """Name an atlas as it names itself: ``{folder}/…`` stands for a place on this machine."""
    if "{" not in atlas and "/" not in atlas:
        return atlas
    return load_atlas(resolve_atlas(atlas, bids_dir=options.bids_dir, derivatives=options.derivatives)).name


def kinds_of(scans: Sequence[Scan], sessions: Sequence[RawSession]) -> list[str]:
    """Name the kinds of inputs, in the order of the text: raw images first."""
    kinds = ["t1w"] if any(session.t1w for session in sessions) else []
    kinds += ["raw bold"] if any(session.bold for session in sessions) else []
    return [*kinds, *dict.fromkeys(scan.kind for scan in scans)]


def _find_kinds(spec: AnalysisSpec, options: RunOptions) -> tuple[list[str], bool]:
    """Find out what there is to start from, without reading any image."""
    bold = any(reads_bold(feature) for feature in spec.features)
    anatomy = any(reads_anatomy(feature) for feature in spec.features)
    kinds: list[str] = []
    if bold and spec.input.kind != "raw":
        try:
            kinds.append(find_scans(spec, options, wanted=scan_kinds(spec)).kind)
        except NothingSelectedError:
            # As the participant level has it: what was given and doesn't match is an error, raw images are the rest.
            if spec.input.kind != "auto" or options.derivatives:
                raise
    raw_bold = bold and not kinds
    sessions = []
    if raw_bold or anatomy:
        sessions = [one for found in find_raw(spec, options, bold=raw_bold).values() for one in found]
    tables = ["table"] if any(reads_tables(feature) for feature in spec.features) else []
    tables += dict.fromkeys(modality_of(feature) for feature in spec.features if modality_of(feature))
    return [*kinds_of((), sessions), *kinds, *tables], bool(sessions)
