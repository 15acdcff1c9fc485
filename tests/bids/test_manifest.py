import json
import math

import pytest

from bidsml.bids.manifest import Entry, list_manifests, manifest_path, read_manifest, verify_manifest, write_manifest
from bidsml.bids.store import sha256_file, write_text
from bidsml.errors import DataError, MissingInputError


def finish(out, label="01", analysis="a", content="x"):
    name = f"sub-{label}/{analysis}.tsv"
    path = write_text(out / name, content)
    qc = {"mean_fd": math.nan, "minutes_kept": 5.5, "verdict": "pass", "reasons": ["none"]}
    entry = Entry("digest", {name: sha256_file(path)}, {"connectome": name}, qc)
    write_manifest(out, participant_id=label, analysis=analysis, entry=entry)
    return out / name


def test_what_is_written_is_read_and_other_analyses_stay(tmp_path):
    finish(tmp_path, analysis="a")
    finish(tmp_path, analysis="b")
    finish(tmp_path, label="002")
    found = list_manifests(tmp_path)
    assert list(found) == ["002", "01"]
    assert list(found["01"].analyses) == ["a", "b"]
    entry = found["01"].analyses["a"]
    assert entry.features == {"connectome": "sub-01/a.tsv"}
    assert entry.qc == {"mean_fd": None, "minutes_kept": 5.5, "verdict": "pass", "reasons": ["none"]}
    assert verify_manifest(tmp_path, found["01"], "a") == []


def test_writing_again_gives_the_same_bytes(tmp_path):
    finish(tmp_path)
    before = manifest_path(tmp_path, "01").read_bytes()
    finish(tmp_path)
    assert manifest_path(tmp_path, "01").read_bytes() == before


def test_missing_and_changed_files_are_told_apart(tmp_path):
    path = finish(tmp_path)
    manifest = read_manifest(manifest_path(tmp_path, "01"))
    path.write_text("y")
    assert verify_manifest(tmp_path, manifest, "a") == ["sub-01/a.tsv is not as it was written"]
    path.unlink()
    assert verify_manifest(tmp_path, manifest, "a") == ["sub-01/a.tsv is missing"]
    assert verify_manifest(tmp_path, manifest, "b") == ["analysis b is not finished"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("version"),
        lambda m: m.update(participant_id="02"),
        lambda m: m.update(extra=1),
        lambda m: m["analyses"]["a"].pop("files"),
        lambda m: m["analyses"]["a"].update(files={"../../x": "0"}),
        lambda m: m["analyses"]["a"].update(features={"b": "/etc/passwd"}),
        lambda m: m.update(analyses=[1]),
    ],
)
def test_manifests_that_cannot_be_trusted(tmp_path, change):
    finish(tmp_path)
    path = manifest_path(tmp_path, "01")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"sub-01_bidsml\.json"):
        read_manifest(path)


def test_a_broken_manifest_is_an_error_to_read_and_replaced_by_writing(tmp_path, caplog):
    finish(tmp_path)
    path = manifest_path(tmp_path, "01")
    path.write_text("{")
    with pytest.raises(DataError, match=":1 is not valid JSON"):
        list_manifests(tmp_path)
    finish(tmp_path, analysis="b")
    assert list(read_manifest(path).analyses) == ["b"]
    assert "replacing a damaged manifest" in caplog.text


def test_labels_cannot_leave_the_output(tmp_path):
    with pytest.raises(DataError):
        manifest_path(tmp_path, "../x")
    with pytest.raises(MissingInputError):
        read_manifest(manifest_path(tmp_path, "01"))


def test_a_file_belongs_to_the_analysis_that_wrote_it_last(tmp_path):
    def finish(analysis: str, text: str) -> None:
        own, shared = tmp_path / f"sub-01/{analysis}.npz", tmp_path / "sub-01.html"
        own.parent.mkdir(exist_ok=True)
        own.write_text(analysis)
        shared.write_text(text)
        files = {p.relative_to(tmp_path).as_posix(): sha256_file(p) for p in (own, shared)}
        entry = Entry(features_digest="d", files=files, features={"b": f"sub-01/{analysis}.npz"})
        write_manifest(tmp_path, participant_id="01", analysis=analysis, entry=entry)

    finish("a", "of a")
    finish("b", "of b")
    manifest = read_manifest(manifest_path(tmp_path, "01"))
    assert set(manifest.analyses["a"].files) == {"sub-01/a.npz"}
    assert set(manifest.analyses["b"].files) == {"sub-01/b.npz", "sub-01.html"}
    assert [verify_manifest(tmp_path, manifest, analysis) for analysis in ("a", "b")] == [[], []]
    finish("a", "of b")
    manifest = read_manifest(manifest_path(tmp_path, "01"))
    assert all("sub-01.html" in manifest.analyses[analysis].files for analysis in ("a", "b"))
