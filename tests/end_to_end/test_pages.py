"""The pages of an output folder: every link has its target, failures are told, pages can be made again."""

import shutil
from pathlib import Path
from urllib.parse import unquote

import lxml.html
import numpy as np
import pytest

from bidsml.bids.store import read_record, sha256_file, write_record
from bidsml.records import Result


def pages(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.html"))}


def tree(out: Path) -> dict[str, str]:
    found = (path for path in sorted(out.rglob("*")) if path.is_file() and "logs" not in path.parts)
    return {path.relative_to(out).as_posix(): sha256_file(path) for path in found}


def dead_links(out: Path) -> tuple[int, list[str]]:
    """Follow every link of every page. Returns how many were followed, and those that lead nowhere."""
    followed, dead = 0, []
    for path in sorted(out.glob("*.html")):
        ids = {}
        for href in lxml.html.fromstring(path.read_bytes()).xpath("//@href"):
            if href.startswith(("https://", "data:")):
                continue
            file, _, anchor = unquote(href).partition("#")
            target = (path.parent / file) if file else path
            followed += 1
            if not target.is_file() or not target.resolve().is_relative_to(out.resolve()):
                dead.append(f"{path.name}: {href}")
            elif anchor and target.suffix == ".html":
                if target not in ids:
                    ids[target] = set(lxml.html.fromstring(target.read_bytes()).xpath("//@id"))
                if anchor not in ids[target]:
                    dead.append(f"{path.name}: {href}")
    return followed, dead


def test_every_link_has_its_target(finished):
    followed, dead = dead_links(finished.output)
    assert followed > 50
    assert dead == []


def test_everything_is_reached_from_the_index(finished):
    index = lxml.html.fromstring((finished.output / "index.html").read_bytes())
    reached = set(index.xpath("//a/@href"))
    assert set(pages(finished.output)) - {"index.html"} <= reached
    assert {f"group/demo/{name}" for name in ("performance.tsv", "cohort.tsv", "model/README.md")} <= reached


def test_pages_are_made_again_without_dataset_and_work_folder(published, bidsml, tmp_path):
    before = tree(published.output)
    for path in published.output.glob("*.html"):
        path.unlink()
    shutil.rmtree(published.output / "group" / "demo" / "figures")
    description = published.dataset / "dataset_description.json"
    kept = description.read_bytes()
    shutil.rmtree(published.dataset)
    published.dataset.mkdir()
    description.write_bytes(kept)  # its name is the title of the page
    for level in ("participant", "group"):
        ran = bidsml(
            str(published.dataset), str(published.output), level, "--analysis", "demo", "--reports-only", "-w",
            str(tmp_path / "none"),
        )  # fmt: skip
        assert ran.code == 0, ran.text
        assert "made again" in ran.text
    assert tree(published.output) == before
    assert not (tmp_path / "none").exists()


def test_only_those_who_are_named(published, bidsml):
    words = (str(published.dataset), str(published.output), "participant", "--analysis", "demo", "--reports-only")
    for label in ("01", "02"):
        (published.output / f"sub-{label}.html").unlink()
    assert bidsml(*words, "--participant-label", "02").code == 0
    assert [(published.output / f"sub-{label}.html").exists() for label in ("01", "02")] == [False, True]
    ran = bidsml(*words, "--participant-label", "99")
    assert ran.code == 66 and "99" in ran.text


@pytest.mark.parametrize("level", ["participant", "group"])
def test_where_nothing_was_published_there_is_nothing_to_make(cohort, bidsml, tmp_path, level):
    out = tmp_path / "out"
    ran = bidsml(str(cohort), str(out), level, "--analysis", "demo", "--reports-only")
    assert ran.code == 66, ran.text
    assert f"run the {level} level" in ran.text
    assert not list(tmp_path.rglob("*.html"))


def test_a_record_of_another_version_is_refused_with_what_to_do(published, bidsml):
    path = published.group / "result.npz"
    result = read_record(Result, path)
    object.__setattr__(result.provenance, "version", "0.0.1")
    write_record(path, result)
    before = pages(published.output)
    ran = bidsml(str(published.dataset), str(published.output), "group", "--analysis", "demo", "--reports-only")
    assert ran.code == 65
    assert "0.0.1" in ran.text and "run the group level again" in ran.text
    assert pages(published.output) == before


def test_the_record_of_the_group_holds_what_is_shown_and_no_more(finished):
    result = read_record(Result, finished.group / "result.npz")
    assert all(cv.weights is None and cv.patterns is None for cv in result.cv)
    assert all(atlas.image is None for atlas in result.atlases)
    assert all(np.isfinite(null.null).any() for null in result.nulls)


@pytest.fixture
def broken(place):
    """Three people, of whom one's file is truncated."""
    scan = next(path for path in place.scan_files("02") if path.name.endswith("bold.nii.gz"))
    whole = scan.read_bytes()
    scan.write_bytes(whole[:3000])
    ran = place.run("participant", "--participant-label", "01", "02", "03")
    assert ran.code == 1, ran.text
    return place, scan, whole


def test_who_failed_has_a_page_until_it_succeeds(broken):
    place, scan, whole = broken
    page = (place.output / "sub-02.html").read_text()
    index = (place.output / "index.html").read_text()
    assert "Failed: no features were made" in page
    for text in (page, index):
        assert f"…/{scan.name}" in text and str(place.dataset) not in text
        assert "fetch it again" in text
        assert "<span>--participant-label</span> <span>02</span>" in text
    assert dead_links(place.output)[1] == []
    scan.write_bytes(whole)
    assert place.run("participant", "--participant-label", "02").code == 0
    assert "No step of the computation failed" in (place.output / "sub-02.html").read_text()
    assert 'id="errors"' not in (place.output / "index.html").read_text()


def test_a_finished_page_is_not_taken_by_a_failure(broken):
    place, _, _ = broken
    scan = next(path for path in place.scan_files("01") if path.name.endswith("bold.nii.gz"))
    before = (place.output / "sub-01.html").read_bytes()
    scan.write_bytes(scan.read_bytes()[:3000])
    assert place.run("participant", "--participant-label", "01").code == 1
    assert (place.output / "sub-01.html").read_bytes() == before
    assert "2 of 3 participants failed" in (place.output / "index.html").read_text()
