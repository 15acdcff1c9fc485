"""The page of an output folder: everyone in it, safe, the same twice, small enough for thousands."""

import pkgutil
import re
from dataclasses import replace

import lxml.html
import numpy as np
import pytest

from bidsml import report
from bidsml.records import (
    AnalysisEntry,
    AnalysisSummary,
    Dataset,
    FailedParticipant,
    Failure,
    Overview,
    ParticipantEntry,
)
from bidsml.report import render_dataset, render_failed
from bidsml.report.dataset import analyses, errors, mosaic, participants, standing
from bidsml.report.dataset.mosaic import draw_curve

EVIL = '<script>alert("1")</script>'
COMMAND = ("bidsml", "BIDS_DIR", "OUTPUT_DIR", "participant", "--participant-label", "02", "--random-seed", "3")
SUMMARY = AnalysisSummary(
    "demo", "diagnosis", "classification", 40, "AUC", 0.81, 0.7, 0.92, 0.005, 0.005, "yes", "Better than chance", "good"
)


def dataset(n: int = 3, *, picture: bool = False) -> Dataset:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 54), dtype=np.uint8)
    overview = Overview((0.1, 0.9, 2.0), pixels if picture else np.empty((0, 0), dtype=np.uint8))
    people = [
        ParticipantEntry(
            f"{i:04d}", "demo", "done", f"sub-{i:04d}.html", 0.1 + i / 1e4, 6.5, 0.99, "pass", overview=overview
        )
        for i in range(n)
    ]
    people[1] = ParticipantEntry("02", "demo", "failed", "sub-02.html")
    files = {"all figures": "group/demo/performance.tsv"}
    failure = Failure(
        "sub-02", "demo", "/data/secret/sub-02.nii.gz is truncated", "get it again", COMMAND, "sub-02.html"
    )
    entry = AnalysisEntry("demo", "done", SUMMARY, "group-demo.html", files)
    return Dataset("simulated", "0.1", tuple(people), (entry,), (failure,))


def tree(content: Dataset):
    return lxml.html.fromstring(render_dataset(content).html)


def test_everyone_is_in_the_table_with_a_link():
    rows = tree(dataset(5)).xpath("//section[@id='participants']//tbody/tr")
    assert len(rows) == 5
    assert [row.xpath("string(th/a/@href)") for row in rows][:2] == ["sub-0000.html", "sub-02.html"]
    assert rows[1].xpath("string(td[1])") == "failed"


def test_no_link_leads_to_a_page_that_is_not_there():
    content = dataset()
    gone = replace(content, participants=(ParticipantEntry("09", "demo", "no-input"),), failures=(), analyses=())
    assert not tree(gone).xpath("//main//a[not(starts-with(@href, '#'))]")
    assert "without matching input" in tree(gone).text_content()


def test_each_analysis_has_its_figures_and_files():
    (row,) = tree(dataset()).xpath("//section[@id='analyses']//tbody/tr")
    words = [cell.text_content() for cell in row]
    assert words[:5] == ["demo", "diagnosis (classification)", "Better than chance", "yes", "AUC"]
    assert words[5:8] == ["40", "0.810", "0.700 to 0.920"]
    assert "floor" in words[8]
    assert tree(dataset()).xpath("//a[@href='group/demo/performance.tsv']")


def test_an_analysis_that_failed_says_so_beside_its_older_figures():
    content = replace(dataset(), analyses=(AnalysisEntry("demo", "failed", SUMMARY), AnalysisEntry("b", "failed")))
    rows = tree(content).xpath("//section[@id='analyses']//tbody/tr")
    assert "the last one failed" in rows[0].text_content()
    assert "failed: see the errors" in rows[1].text_content()
    assert standing.section(content).tone == "caution"


def test_a_failure_has_cause_remedy_and_command_and_no_folder():
    section = tree(dataset()).xpath("//section[@id='errors']")[0]
    text = section.text_content()
    assert "…/sub-02.nii.gz is truncated" in text and "secret" not in text
    assert "get it again" in text
    assert " ".join(COMMAND) in " ".join(section.xpath("string(.//pre)").split())
    assert errors.section(replace(dataset(), failures=())) is None


def test_participants_that_failed_alike_are_repeated_by_one_command():
    content = dataset()
    others = [
        replace(content.failures[0], what=f"sub-{n}", command=tuple(n if w == "02" else w for w in COMMAND))
        for n in ("05", "07")
    ]
    (command,) = tree(replace(content, failures=(*content.failures, *others))).xpath("//section[@id='errors']//pre")
    assert "--participant-label 02 05 07 --random-seed 3" in command.text_content()


def test_the_badge_counts_people_not_rows():
    content = dataset(4)
    twice = replace(
        content, participants=(*content.participants, *(replace(p, analysis="b") for p in content.participants))
    )
    assert standing.section(twice).badge.startswith("1 of 4 participants failed")
    fine = replace(content, participants=content.participants[2:], failures=())
    assert standing.section(fine).tone == "good"
    unfinished = replace(fine, participants=(replace(fine.participants[0], standing="missing"),))
    assert "not finished" in standing.section(unfinished).badge


def test_several_analyses_get_a_column():
    content = dataset()
    assert "Analysis" not in participants.section(content).blocks[0].columns
    other = replace(content, participants=(*content.participants, replace(content.participants[0], analysis="b")))
    assert "Analysis" in participants.section(other).blocks[0].columns


def test_pictures_are_what_there_is():
    curves, pictures = (mosaic.section(dataset(4, picture=p)).blocks[0].tiles for p in (False, True))
    assert len(curves) == len(pictures) == 3  # who failed has none
    assert all(tile.curve and not tile.picture for tile in curves)
    assert all(tile.picture.startswith("data:image/png;base64,") for tile in pictures)
    html = render_dataset(dataset(4, picture=True)).html
    assert html.count(pictures[0].picture) == 3, "the address must come through whole"


@pytest.mark.parametrize(("fd", "top"), [((0.0, 0.0), 32), ((0.5, 0.5), 16), ((5.0, 5.0), 0)])
def test_a_curve_stays_in_its_box(fd, top):
    numbers = [int(n) for n in re.findall(r"\d+", draw_curve(fd))]
    xs, ys = numbers[::2], numbers[1::2]
    assert xs == sorted(xs) and (xs[0], xs[-1]) == (0, 96)
    assert min(ys) == top and max(ys) == 32


def test_an_empty_folder_has_a_page():
    page = render_dataset(Dataset("", "0.1", (), ()))
    assert "nothing failed" in page.html
    assert analyses.section(Dataset("", "0.1", (), ())) is None


def test_names_and_messages_are_text():
    content = dataset()
    evil = replace(
        content,
        name=EVIL,
        participants=(replace(content.participants[0], verdict=EVIL, analysis=EVIL),),
        analyses=(replace(content.analyses[0], summary=replace(SUMMARY, target=EVIL, verdict=EVIL)),),
        failures=(replace(content.failures[0], reason=EVIL, hint=EVIL, command=("bidsml", EVIL)),),
    )
    html = render_dataset(evil).html
    assert EVIL not in html and "&lt;script&gt;" in html
    assert EVIL not in render_failed(FailedParticipant("02", evil.failures[0], "0.1")).html


def test_the_same_records_give_the_same_bytes():
    assert render_dataset(dataset(4, picture=True)).html == render_dataset(dataset(4, picture=True)).html


def test_two_thousand_participants_stay_small():
    assert len(render_dataset(dataset(2000)).html) < 2e6
    # Noise is what PNG packs worst: real slices are smaller.
    assert len(render_dataset(dataset(2000, picture=True)).html) < 15e6


def test_the_page_of_a_failure_tells_what_to_do_and_hides_folders():
    page = lxml.html.fromstring(render_failed(FailedParticipant("02", dataset().failures[0], "0.1")).html)
    text = page.text_content()
    assert "Failed" in text and "get it again" in text and "secret" not in text
    assert page.xpath("//pre")[0].text_content().startswith("bidsml BIDS_DIR OUTPUT_DIR participant")


def test_every_file_of_the_folder_is_listed():
    found = {module.name for module in pkgutil.iter_modules(report.dataset.__path__)}
    assert {section.__module__.rpartition(".")[2] for section in report.SECTIONS_DATASET} == found
