"""Pages made again: what was asked, from records of this version, in one process or several."""

import numpy as np
import pytest

from bidsml import __version__
from bidsml.app import rendering
from bidsml.app.rendering import render_again, write_failed_page
from bidsml.app.status import ParticipantStatus, write_status
from bidsml.bids.manifest import Entry, manifest_path, read_manifest, write_manifest
from bidsml.bids.store import sha256_file, write_record, write_text
from bidsml.errors import DataError, MissingInputError
from bidsml.records import FeatureVector, ParticipantResult, Provenance, ScanQC
from bidsml.spec import RunOptions, load_analysis
from bidsml.steps.pages import participant_record, publish_participant_page

SPEC = load_analysis("demo")


def publish(out, label: str, *, version: str = __version__) -> None:
    """Publish a participant with one feature and some motion."""
    fd = np.random.default_rng(int(label)).random(50)
    vector = FeatureVector("block", "roi_signal", "mean", ("a", "b"), np.array([0.1, 0.2]))
    record = write_record(out / f"sub-{label}" / f"sub-{label}_features.npz", vector)
    made_by = Provenance(version, {}, 0, "fast", ("bidsml",), "digest")
    qc = ScanQC(label, f"sub-{label}", 2.0, 50, 50, 1.7, 0.5, 1.0, fd, censored=fd > 0.9)
    result = ParticipantResult(label, SPEC.name, (), (qc,), (vector,), "pass", (), {}, made_by)
    files = {p.relative_to(out).as_posix(): sha256_file(p) for p in [record, *publish_participant_page(out, result)]}
    entry = Entry("digest", files, {"block": record.relative_to(out).as_posix()})
    write_manifest(out, participant_id=label, analysis=SPEC.name, entry=entry)


def render(out, **more):
    options = RunOptions(out.parent / "in", out, "participant", out.parent / "work", **more)
    return render_again(SPEC, options, say=lambda _: None, progress=None)


def pages(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("sub-*.html")}


@pytest.fixture
def out(tmp_path):
    for label in ("01", "02", "03"):
        publish(tmp_path / "out", label)
    return tmp_path / "out"


def test_lost_pages_come_back(out):
    before = pages(out)
    for name in before:
        (out / name).unlink()
    status = render(out)
    assert pages(out) == before and status.rendered == 3
    assert (out / "index.html").is_file()


@pytest.mark.slow
def test_several_processes_make_the_same_pages(out, monkeypatch):
    before = pages(out)
    for name in before:
        (out / name).unlink()
    monkeypatch.setattr(rendering, "_PAGES_A_PROCESS", 1)
    render(out, nprocs=2)
    assert pages(out) == before
    participant_record(out, "02", SPEC.name).unlink()
    with pytest.raises(MissingInputError, match="sub-02"):
        render(out, nprocs=2)


def test_a_dry_run_makes_none(out):
    (out / "sub-01.html").unlink()
    render(out, dry_run=True)
    assert not (out / "sub-01.html").exists() and not (out / "index.html").exists()


def test_a_page_of_changed_code_is_noted_in_the_manifest(out, monkeypatch):
    from bidsml.steps import pages as step

    real = step.render_participant
    monkeypatch.setattr(
        step, "render_participant", lambda result: type(real(result))(real(result).html + "<!-- new -->", {})
    )
    render(out, participant_labels=("01",))
    entry = read_manifest(manifest_path(out, "01")).analyses[SPEC.name]
    assert entry.files["sub-01.html"] == sha256_file(out / "sub-01.html")


def test_another_version_is_refused(out):
    publish(out, "02", version="0.0.1")
    with pytest.raises(DataError, match=r"sub-02 was made by bidsml 0\.0\.1") as caught:
        render(out)
    assert "run the participant level again" in caught.value.hint


def test_records_that_are_missing_are_named_with_what_to_do(out):
    participant_record(out, "03", SPEC.name).unlink()
    with pytest.raises(MissingInputError, match="sub-03") as caught:
        render(out)
    assert "run the participant level again" in caught.value.hint


@pytest.mark.parametrize("labels", [("09",), ("01", "9")])
def test_nobody_is_made_up(out, labels):
    with pytest.raises(MissingInputError, match=labels[-1]):
        render(out, participant_labels=labels)


def test_who_failed_gets_the_page_of_the_failure_again(out):
    write_status(out, ParticipantStatus("04", SPEC.name, "failed", "truncated", "fetch it"))
    render(out)
    assert b"truncated" in (out / "sub-04.html").read_bytes()


def test_a_failure_takes_no_finished_page(out):
    before = pages(out)
    assert write_failed_page(out, ParticipantStatus("01", "other", "failed", "truncated")) is None
    assert pages(out) == before
    write_text(manifest_path(out, "01"), "{")  # a damaged manifest vouches for nothing
    assert write_failed_page(out, ParticipantStatus("01", "other", "failed", "truncated")) is not None
