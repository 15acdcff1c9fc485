"""The page of the output folder is made of what is published, whoever makes it and whenever."""

import threading

import numpy as np
import pytest

from bidsml.app import overview
from bidsml.app.overview import gather_dataset, rebuild_index
from bidsml.app.status import ParticipantStatus, RunStatus, write_run_status, write_status
from bidsml.bids.manifest import Entry, manifest_path, write_manifest
from bidsml.bids.overviews import write_overview, write_summary
from bidsml.bids.store import sha256_file, write_text
from bidsml.records import AnalysisSummary, Overview
from bidsml.steps.pages import overview_path

QC = {"mean_fd": 0.2, "minutes_kept": None, "coverage": 1.0, "verdict": "pass", "reasons": []}


def finish(out, label: str, analysis: str = "a") -> None:
    """Publish a participant as a job does: files, then manifest, then status."""
    page = write_text(out / f"sub-{label}.html", label)
    write_overview(overview_path(out, label, analysis), Overview((0.1, 0.2), np.ones((2, 2), dtype=np.uint8)))
    entry = Entry("digest", {page.name: sha256_file(page)}, {}, QC)
    write_manifest(out, participant_id=label, analysis=analysis, entry=entry)
    write_status(out, ParticipantStatus(label, analysis, "done"))


def standings(out) -> dict[str, str]:
    return {one.participant_id: one.standing for one in gather_dataset(out).participants}


def test_everyone_stands_where_the_files_say(tmp_path):
    finish(tmp_path, "01")
    write_status(tmp_path, ParticipantStatus("02", "a", "failed", "truncated", "fetch it", 65, ("bidsml", "/b", "/o")))
    write_status(tmp_path, ParticipantStatus("03", "a", "selected"))
    write_status(tmp_path, ParticipantStatus("04", "a", "no-input", "no BOLD"))
    assert standings(tmp_path) == {"01": "done", "02": "failed", "03": "missing", "04": "no-input"}
    content = gather_dataset(tmp_path)
    first, second = content.participants[:2]
    assert (first.page, first.mean_fd_mm, first.verdict, first.overview.fd_mm) == (
        "sub-01.html",
        0.2,
        "pass",
        (0.1, 0.2),
    )
    assert np.isnan(first.minutes_kept) and second.page == ""
    (failure,) = content.failures
    assert (failure.what, failure.reason, failure.hint) == ("sub-02", "truncated", "fetch it")
    assert failure.command == ("bidsml", "BIDS_DIR", "OUTPUT_DIR")


def test_a_failed_rerun_is_shown_and_leads_to_the_finished_page(tmp_path):
    finish(tmp_path, "01")
    write_status(tmp_path, ParticipantStatus("01", "a", "failed", "truncated"))
    (one,) = gather_dataset(tmp_path).participants
    assert (one.standing, one.page) == ("failed", "sub-01.html")


@pytest.mark.parametrize("which", ["manifest", "status", "run status", "summary"])
def test_what_cannot_be_read_is_a_failure_and_hides_nobody_else(tmp_path, which):
    finish(tmp_path, "01")
    finish(tmp_path, "02")
    paths = {
        "manifest": manifest_path(tmp_path, "01"),
        "status": tmp_path / "logs" / "participants" / "sub-01_analysis-a_status.json",
        "run status": tmp_path / "logs" / "group_analysis-a_status.json",
        "summary": tmp_path / "group" / "a" / "summary.json",
    }
    write_text(paths[which], "{")
    content = gather_dataset(tmp_path)
    assert [one.what for one in content.failures] == [paths[which].name]
    assert standings(tmp_path)["02"] == "done"
    rebuild_index(tmp_path, bids_dir=tmp_path / "nowhere")


def test_a_group_that_failed_keeps_its_older_figures(tmp_path):
    nan = float("nan")
    summary = AnalysisSummary("a", "age", "regression", 9, "R²", 0.1, nan, nan, nan, nan, "yes", "words", "good")
    write_summary(tmp_path / "group" / "a" / "summary.json", summary)
    write_text(tmp_path / "group-a.html", "page")
    assert [(one.standing, one.page) for one in gather_dataset(tmp_path).analyses] == [("done", "group-a.html")]
    write_run_status(
        tmp_path, RunStatus("group", "a", 65, failed={"node": "leak"}, hint="mend it", command=("bidsml",))
    )
    content = gather_dataset(tmp_path)
    assert [(one.standing, one.summary.n) for one in content.analyses] == [("failed", 9)]
    assert [(one.reason, one.hint) for one in content.failures] == [("leak", "mend it")]


def test_applying_a_model_and_learning_one_don_t_hide_each_other(tmp_path):
    write_run_status(tmp_path, RunStatus("group", "a", 65, failed={"node": "leak"}))
    write_run_status(tmp_path, RunStatus("group", "a", 0, applied=True))
    assert [one.standing for one in gather_dataset(tmp_path).analyses] == ["failed"]


def test_a_page_that_is_up_to_date_is_left_alone(tmp_path):
    finish(tmp_path, "01")
    before = rebuild_index(tmp_path, bids_dir=tmp_path).stat()
    after = rebuild_index(tmp_path, bids_dir=tmp_path).stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_the_page_tells_neither_time_nor_place(tmp_path):
    pages = []
    for place in (tmp_path / "one", tmp_path / "other" / "two"):
        finish(place, "01")
        pages.append(rebuild_index(place, bids_dir=place).read_bytes())
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


@pytest.mark.parametrize("moment", ["while reading", "after writing"])
def test_a_job_that_is_overtaken_does_not_leave_an_older_page(tmp_path, monkeypatch, moment):
    """Another job publishes and writes its page in the midst of this one's."""
    finish(tmp_path, "01")
    real_gather, real_write = overview.gather_dataset, overview.write_text
    overtaken = []

    def overtake() -> None:
        if not overtaken:
            overtaken.append(True)
            finish(tmp_path, "02")
            rebuild_index(tmp_path, bids_dir=tmp_path)

    def gather(out, **names):
        content = real_gather(out, **names)
        if moment == "while reading":
            overtake()
        return content

    def write(path, text):
        if moment == "after writing":
            overtake()  # the other's page is replaced by this one's older one
        return real_write(path, text)

    monkeypatch.setattr(overview, "gather_dataset", gather)
    monkeypatch.setattr(overview, "write_text", write)
    page = rebuild_index(tmp_path, bids_dir=tmp_path)
    assert overtaken and "sub-02.html" in page.read_text()


def test_jobs_that_end_at_once_leave_the_page_of_them_all(tmp_path):
    labels = [f"{i:02d}" for i in range(12)]
    start = threading.Barrier(len(labels))

    def job(label: str) -> None:
        start.wait()
        finish(tmp_path, label)
        rebuild_index(tmp_path, bids_dir=tmp_path)

    jobs = [threading.Thread(target=job, args=(label,)) for label in labels]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join()
    left = (tmp_path / "index.html").read_bytes()
    (tmp_path / "index.html").unlink()
    assert rebuild_index(tmp_path, bids_dir=tmp_path).read_bytes() == left
    assert not list(tmp_path.rglob("*.tmp"))
