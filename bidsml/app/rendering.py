"""``--reports-only``: make pages again from the records in the output, without computing and without a work folder."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bidsml import __version__
from bidsml.app.overview import INDEX, rebuild_index
from bidsml.app.readiness import Say
from bidsml.app.repeat import without_folders
from bidsml.app.status import ParticipantStatus, RunStatus, of_analysis, read_statuses
from bidsml.bids.derivative import require_own_output
from bidsml.bids.manifest import Entry, list_manifests, manifest_path, read_manifest, write_manifest
from bidsml.bids.store import read_record, sha256_file, write_json, write_text
from bidsml.bids.textfiles import read_json
from bidsml.errors import BidsmlError, DataError, InterruptedRunError, MissingInputError, near_names
from bidsml.graph.run import Progress
from bidsml.records import ExternalResult, FailedParticipant, Failure, Provenance, Result
from bidsml.report import render_failed
from bidsml.spec import AnalysisSpec, RunOptions
from bidsml.steps.pages import (
    GROUP_RECORD,
    participant_page,
    participant_record,
    restore_participant,
    write_external_page,
    write_group_page,
    write_participant_page,
)

_PAGES_A_PROCESS = 8
"""So many pages take as long as a process needs to start."""


def render_again(spec: AnalysisSpec, options: RunOptions, *, say: Say, progress: Progress | None) -> RunStatus:
    """Make the pages of one level again, and the page of the output folder.

    Raises
    ------
    MissingInputError
        Nothing was published, or without its record.
    DataError
        A record is damaged or of another version.
    """
    out = options.output_dir
    require_own_output(out)
    render = _render_participants if options.level == "participant" else _render_group
    pages = render(spec, options, progress)
    if not options.dry_run:
        rebuild_index(out, bids_dir=options.bids_dir)
    for name in sorted(pages.values()) if options.dry_run else ():
        say(f"would be made again: {name}")
    return RunStatus(options.level, spec.name, 0, report=pages.get(spec.name, INDEX), rendered=len(pages))


def write_failed_page(out: Path, status: ParticipantStatus) -> Path | None:
    """Write the page of a participant that failed, where no finished analysis has one there.

    Returns
    -------
    Path or None
        The page; ``None`` where a finished one was left as it is.
    """
    label, page = status.participant_id, participant_page(out, status.participant_id)
    path = manifest_path(out, label)
    if path.is_file():
        try:
            finished = read_manifest(path).analyses
        except DataError:  # a failure of its own on the page of the output folder; it vouches for no page
            finished = {}
        if any(page.name in entry.files for entry in finished.values()):
            return None
    failure = Failure(
        f"sub-{label}", status.analysis, status.reason, status.hint, command=without_folders(status.command)
    )
    return write_text(page, render_failed(FailedParticipant(label, failure, __version__)).html)


# ------------------------------------------------------------------ participants


def _render_participants(spec: AnalysisSpec, options: RunOptions, progress: Progress | None) -> dict[str, str]:
    """Make the participants' pages again. Returns each page by label."""
    out = options.output_dir
    manifests = {label: m for label, m in list_manifests(out).items() if spec.name in m.analyses}
    failed = {label: one for label, one in of_analysis(read_statuses(out), spec.name).items() if one.state == "failed"}
    wanted = options.participant_labels or tuple(sorted({*manifests, *failed}))
    _require_published(wanted, {*manifests, *failed}, spec, out)
    pages = {label: participant_page(out, label).name for label in wanted}
    if options.dry_run:
        return pages
    for label in (label for label in wanted if label in failed):
        write_failed_page(out, failed[label])
    entries = {label: manifests[label].analyses[spec.name] for label in wanted if label in manifests}
    if progress is not None:
        progress(str(len(entries)), "total")
    for label in _render_all(out, entries, spec.name, n_processes=options.nprocs):
        if progress is not None:
            progress(f"page.sub-{label}", "end")
    return pages


def _render_all(out: Path, entries: Mapping[str, Entry], analysis: str, *, n_processes: int) -> Iterator[str]:
    """Make pages, in several processes where there are many. Gives each label when its page is there."""
    n_processes = min(n_processes, len(entries) // _PAGES_A_PROCESS)
    if n_processes < 2:
        for label, entry in entries.items():
            yield _render_participant(out, label, entry, analysis)
        return
    with ProcessPoolExecutor(n_processes, mp_context=get_context("forkserver")) as pool:
        try:
            again = partial(_render_participant, out, analysis=analysis)
            yield from pool.map(again, entries.keys(), entries.values(), chunksize=4)
        except BrokenProcessPool as error:
            raise InterruptedRunError(
                "a worker process was killed while it made pages, most often for want of memory",
                hint="run the same command again, with fewer --nprocs",
            ) from error
        except BidsmlError:
            pool.shutdown(cancel_futures=True)
            raise


def _require_published(wanted: tuple[str, ...], known: set[str], spec: AnalysisSpec, out: Path) -> None:
    if not known:
        raise MissingInputError(
            f"{out} holds no participant of analysis {spec.name}",
            hint="run the participant level first, without --reports-only",
        )
    absent = [label for label in wanted if label not in known]
    if absent:
        raise MissingInputError(
            f"{out} holds nothing of sub-{', sub-'.join(absent[:5])} in analysis {spec.name}",
            hint=near_names(absent[0], known),
        )


def _render_participant(out: Path, label: str, entry: Entry, analysis: str) -> str:
    again = "run the participant level again, without --reports-only"
    if not participant_record(out, label, analysis).is_file():
        raise MissingInputError(f"sub-{label} was published without the record of its page", hint=again)
    result = restore_participant(out, label, entry, analysis)
    _require_version(result.provenance, f"the record of sub-{label}", again)
    written = write_participant_page(out, result)
    digests = {path.relative_to(out).as_posix(): sha256_file(path) for path in written}
    if any(entry.files.get(name) != digest for name, digest in digests.items()):
        write_manifest(
            out, participant_id=label, analysis=analysis, entry=replace(entry, files={**entry.files, **digests})
        )
    return label


def _require_version(made_by: Provenance, what: str, again: str) -> None:
    if made_by.version != __version__:
        raise DataError(
            f"{what} was made by bidsml {made_by.version}, and this is bidsml {__version__}",
            hint=f"render with bidsml {made_by.version}, or {again}",
        )


# ------------------------------------------------------------------ group


def _render_group(spec: AnalysisSpec, options: RunOptions, progress: Progress | None) -> dict[str, str]:
    """Make the pages of the group again, and of a frozen biomarker that was applied. Returns pages by name."""
    out = options.output_dir
    folder = out / "group" / spec.name
    records = [path for path in (folder / GROUP_RECORD, folder / "external" / GROUP_RECORD) if path.is_file()]
    if not records:
        there = sorted(path.parent.name for path in out.glob(f"group/*/{GROUP_RECORD}"))
        raise MissingInputError(
            f"{out} holds no group result of analysis {spec.name}",
            hint=near_names(spec.name, there) if there else "run the group level without --reports-only",
        )
    if progress is not None:
        progress(str(len(records)), "total")
    pages = {}
    for path in records:
        applied = path.parent != folder
        name = f"{spec.name} (applied)" if applied else spec.name
        pages[name] = f"group-{spec.name}_desc-external.html" if applied else f"group-{spec.name}.html"
        if not options.dry_run:
            _render_record(out, path, applied=applied)
        if progress is not None:
            progress(f"page.{name}", "end")
    return pages


def _render_record(out: Path, path: Path, *, applied: bool) -> None:
    again = "run the group level again, without --reports-only"
    if applied:
        external = read_record(ExternalResult, path)
        _require_version(external.provenance, path.name, again)
        write_external_page(out, external)
        return
    result = read_record(Result, path)
    _require_version(result.provenance, path.name, again)
    _note_digests(out, path.with_name("files.json"), write_group_page(out, result))


def _note_digests(out: Path, listing: Path, written: list[Path]) -> None:
    """Keep the list of a group's files true: a page of changed code may differ from the one that was there."""
    files = read_json(listing)["files"] if listing.is_file() else {}
    now = files | {path.relative_to(out).as_posix(): sha256_file(path) for path in written}
    if now != files:
        write_json(listing, {"files": now})
