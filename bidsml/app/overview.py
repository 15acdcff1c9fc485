"""The page of an output folder, ``index.html``: gathered from what is published, rebuilt by whoever ends last."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bidsml import __version__
from bidsml.app.repeat import without_folders
from bidsml.app.status import ParticipantStatus, RunStatus, read_run_status, read_status, status_files
from bidsml.bids.derivative import dataset_name
from bidsml.bids.manifest import Entry, read_manifest
from bidsml.bids.overviews import read_overview, read_summary
from bidsml.bids.store import write_text
from bidsml.errors import DataError
from bidsml.records import AnalysisEntry, Dataset, Failure, Overview, ParticipantEntry, Standing
from bidsml.report import render_dataset
from bidsml.steps.pages import SUMMARY, overview_path, participant_page

logger = logging.getLogger(__name__)

INDEX = "index.html"
_TRIES = 3
_STANDINGS: Mapping[str, Standing] = {
    "done": "done",
    "failed": "failed",
    "selected": "missing",
    "no-input": "no-input",
}
_FILES = {
    "performance.tsv": "all figures",
    "cohort.tsv": "who is in, who left and why",
    "predictions.tsv": "predictions of people the model had not seen",
    "weights.tsv": "weights and patterns",
    "leakage.tsv": "leakage audit",
    "analysis.toml": "the analysis as it ran",
    "model/README.md": "the frozen biomarker and its card",
}


def rebuild_index(out: Path, *, bids_dir: Path) -> Path:
    """Write the page of an output folder from what is published there.

    Any number of jobs may do so at once. The page is made of the published files alone, so that whoever reads them
    last writes the same as one job would. A job whose reading was overtaken by another's publishing reads again: what
    it wrote can be too old only as long as somebody is about to write.

    Returns
    -------
    Path
        The page.
    """
    path = out / INDEX
    name = dataset_name(bids_dir) if bids_dir.is_dir() else ""
    for _ in range(_TRIES):
        before = _fingerprint(out)
        html = render_dataset(gather_dataset(out, name=name)).html.encode("utf-8")
        if _fingerprint(out) != before:
            continue
        if not path.exists() or path.read_bytes() != html:
            write_text(path, html.decode("utf-8"))
        if _fingerprint(out) == before:
            break
    return path


def _manifests(out: Path) -> list[Path]:
    return sorted(out.glob("sub-*/sub-*_bidsml.json"))


def _inputs(out: Path) -> Iterator[Path]:
    yield from _manifests(out)
    yield from status_files(out)
    yield from sorted(out.glob("logs/*_status.json"))
    yield from sorted(out.glob(f"group/*/{SUMMARY}"))
    yield from sorted(out.glob(f"group/*/external/{SUMMARY}"))


def _fingerprint(out: Path) -> list[tuple[str, int, int, int]]:
    """Tell one state of the published files from another: they are always replaced whole."""
    found = []
    for path in _inputs(out):
        status = path.stat()
        found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
    return found


def gather_dataset(out: Path, *, name: str = "") -> Dataset:
    """Read who stands where and what each analysis found. What cannot be read is a failure of its own.

    Parameters
    ----------
    name
        Of the dataset, for the page's title.
    """
    broken: list[Failure] = []
    statuses = {(one.analysis, one.participant_id): one for one in _statuses(out, broken)}
    entries = {(analysis, label): entry for label, analysis, entry in _entries(out, broken)}
    people = []
    for key in sorted({*statuses, *entries}):
        people.append(_participant(out, key, statuses.get(key), entries.get(key)))
    failed = [_failure(out, one) for _, one in sorted(statuses.items()) if one.state == "failed"]
    analyses, broken_groups = _analyses(out, broken)
    return Dataset(name, __version__, tuple(people), analyses, (*broken_groups, *failed, *broken))


def _statuses(out: Path, broken: list[Failure]) -> Iterator[ParticipantStatus]:
    for path in status_files(out):
        try:
            yield read_status(path)
        except DataError as error:
            broken.append(_unreadable(path, error))


def _entries(out: Path, broken: list[Failure]) -> Iterator[tuple[str, str, Entry]]:
    for path in _manifests(out):
        try:
            manifest = read_manifest(path)
        except DataError as error:
            broken.append(_unreadable(path, error))
            continue
        for analysis, entry in manifest.analyses.items():
            yield manifest.participant_id, analysis, entry


def _unreadable(path: Path, error: DataError) -> Failure:
    return Failure(path.name, "n/a", error.message, error.hint)


def _participant(
    out: Path, key: tuple[str, str], status: ParticipantStatus | None, entry: Entry | None
) -> ParticipantEntry:
    analysis, label = key
    # A manifest is stronger than a run that was cut short, not than one that failed.
    done = entry is not None and (status is None or status.state != "failed")
    page = participant_page(out, label)
    standing: Standing = "done" if done else _STANDINGS[status.state] if status else "missing"
    one = ParticipantEntry(label, analysis, standing, page=page.name if page.is_file() else "")
    if entry is None or not done:
        return one
    qc = entry.qc
    numbers = {key: float("nan") if qc.get(key) is None else float(qc[key]) for key in _QC}
    return replace(
        one,
        mean_fd_mm=numbers["mean_fd"],
        minutes_kept=numbers["minutes_kept"],
        coverage=numbers["coverage"],
        verdict=str(qc.get("verdict") or ""),
        reasons=tuple(qc.get("reasons") or ()),
        overview=_overview(overview_path(out, label, analysis)),
    )


_QC = ("mean_fd", "minutes_kept", "coverage")


def _overview(path: Path) -> Overview:
    if not path.is_file():
        return Overview()
    try:
        return read_overview(path)
    except DataError as error:
        logger.warning("no picture: %s", error.message)
        return Overview()


def _failure(out: Path, status: ParticipantStatus) -> Failure:
    page = participant_page(out, status.participant_id)
    return Failure(
        f"sub-{status.participant_id}",
        status.analysis,
        status.reason,
        status.hint,
        without_folders(status.command),
        page.name if page.is_file() else "",
    )


# ------------------------------------------------------------------ analyses


def _analyses(out: Path, broken: list[Failure]) -> tuple[tuple[AnalysisEntry, ...], list[Failure]]:
    """Give the analyses that were tried, and what failed of them."""
    runs = {(one.analysis, one.applied): one for one in _runs(out, broken)}
    folders = {(path.parent.name, False): path for path in out.glob(f"group/*/{SUMMARY}")}
    folders |= {(path.parent.parent.name, True): path for path in out.glob(f"group/*/external/{SUMMARY}")}
    failed = {key for key, run in runs.items() if run.exit_code}
    keys = sorted({*folders, *failed})
    found = [_analysis(out, key, folders.get(key), failed=key in failed, broken=broken) for key in keys]
    return tuple(found), [_group_failure(runs[key]) for key in sorted(failed)]


def _runs(out: Path, broken: list[Failure]) -> Iterator[RunStatus]:
    for path in sorted(out.glob("logs/*_status.json")):
        try:
            one = read_run_status(path)
        except DataError as error:
            broken.append(_unreadable(path, error))
            continue
        if one.level == "group":
            yield one


def _analysis(
    out: Path, key: tuple[str, bool], path: Path | None, *, failed: bool, broken: list[Failure]
) -> AnalysisEntry:
    name, applied = key
    page = out / (f"group-{name}_desc-external.html" if applied else f"group-{name}.html")
    entry = AnalysisEntry(name, "failed" if failed else "done", page=page.name if page.is_file() else "")
    if path is None:
        return replace(entry, page="")
    files = {
        words: (path.parent / file).relative_to(out).as_posix()
        for file, words in _FILES.items()
        if (path.parent / file).is_file()
    }
    try:
        return replace(entry, summary=read_summary(path), files=files)
    except DataError as error:
        broken.append(_unreadable(path, error))
        return replace(entry, standing="failed", files=files)


def _group_failure(run: RunStatus) -> Failure:
    reason = "; ".join(run.failed.values()) or "not finished"
    what = "applying a frozen biomarker" if run.applied else "group"
    return Failure(what, run.analysis, reason.partition("\n  hint: ")[0], run.hint, without_folders(run.command))
