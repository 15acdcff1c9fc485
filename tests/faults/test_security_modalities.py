"""Text of other tools' files, questionnaires and authors: shown, never run; a broken file costs its participant."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'
# FreeSurfer's words are parted by white space.
EVIL_WORD = '"><svg/onload=alert(1)><script>alert("x")</script>'
# Turns the direction of what follows, rings, and moves the cursor of a terminal.
CONTROLS = "\u202egpj.exe\u2066\x07\x1b[2J"
FEATURES = (
    '[{kind = "freesurfer"}, {kind = "image_quality"}, {kind = "text", file = "phenotype/q.tsv", columns = ["notes"]},'
    ' {kind = "questionnaire", file = "phenotype/q.tsv", exclude = ["notes"]}]'
)


class Elements(HTMLParser):
    """Gathers what a browser would run: scripts by their text, and attributes that hold one."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.handlers += [
            (tag, name) for name, value in attrs if name.startswith("on") or "javascript:" in (value or "").lower()
        ]


def assert_nothing_runs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    elements = Elements()
    elements.feed(text)
    assert not elements.handlers, page.name
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, flags=re.S)
    assert not [script for script in scripts if script.strip() == 'alert("x")'], page.name
    assert "<img src=x" not in text, page.name


@pytest.fixture
def told(fresh):
    """The cohort with files of every other kind, each with text that would run in a page."""
    rng = np.random.default_rng(0)
    people = pd.read_csv(fresh.dataset / "participants.tsv", sep="\t", dtype=str)
    labels = [label.removeprefix("sub-") for label in people["participant_id"]]
    derivatives = fresh.dataset / "derivatives"
    for label in labels:
        stats = derivatives / "freesurfer" / f"sub-{label}" / "stats"
        stats.mkdir(parents=True)
        for side in ("lh", "rh"):
            lines = [
                "# Measure Cortex, NumVert, Number of Vertices, 200, unitless",
                "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg",
                f"{EVIL_WORD} 100 500 1000 {2.5 + 0.1 * rng.standard_normal():.3f}",
                f"insula 100 500 1000 {2.5 + 0.1 * rng.standard_normal():.3f}",
            ]
            (stats / f"{side}.aparc.stats").write_text("\n".join(lines) + "\n")
        anat = derivatives / "mriqc" / f"sub-{label}" / "anat"
        anat.mkdir(parents=True)
        metrics = {EVIL: rng.random(), f"snr{CONTROLS}": rng.random(), "provenance": {"software": EVIL}}
        (anat / f"sub-{label}_T1w.json").write_text(json.dumps(metrics))
    folder = fresh.dataset / "phenotype"
    folder.mkdir(exist_ok=True)
    answers = pd.DataFrame(rng.integers(1, 5, (len(labels), 2)).astype(str), columns=[f"q{EVIL}", f"p{CONTROLS[:8]}"])
    answers.insert(0, "participant_id", labels)
    answers["notes"] = [f"{EVIL} {CONTROLS} zwischenwasser" if row % 3 else f"{EVIL} ill" for row in range(len(labels))]
    answers.to_csv(folder / "q.tsv", sep="\t", index=False)
    dictionary = {f"q{EVIL}": {"Description": EVIL, "Levels": {"1": EVIL, "4": EVIL}}, EVIL: EVIL}
    (folder / "q.json").write_text(json.dumps(dictionary))
    study = f"title = {json.dumps(EVIL)}\n[why]\nbackground = {json.dumps(EVIL)}\n[data]\nsource = {json.dumps(EVIL)}\n"
    (fresh.dataset / "study.toml").write_text(study)
    return fresh


def words(place) -> tuple[str, ...]:
    derivatives = place.dataset / "derivatives"
    given = [word for name in ("freesurfer", "mriqc") for word in ("-d", f"{name}={derivatives / name}")]
    return (*given, "--set", f"features={FEATURES}", "--set", "input={}")


@pytest.mark.slow
@pytest.mark.fault(33)
def test_text_of_other_modalities_is_escaped_in_every_page(told):
    for level in ("participant", "group"):
        ran = told.run(level, *words(told))
        assert ran.code == 0, ran.text
        assert "\x1b[2J" not in ran.text, "a file's text reaches the terminal"
    pages = sorted(told.output.rglob("*.html"))
    assert {"group-demo.html", "sub-01.html"} <= {page.name for page in pages}
    text = (told.output / "group-demo.html").read_text()
    assert text.count("alert(") > 3, "nothing to escape stands in the page"
    for page in pages:
        assert_nothing_runs(page)
    for figure in told.output.rglob("*.svg"):
        assert "<script" not in figure.read_text()
    for path in told.output.rglob("*"):
        # What people wrote is not copied.
        assert path.suffix not in (".tsv", ".json", ".html") or "zwischenwasser" not in path.read_text(), path


BROKEN = {
    "deep JSON": ("mriqc/sub-{}/anat/sub-{}_T1w.json", b'{"a":' * 30_000),
    "a huge number": ("mriqc/sub-{}/anat/sub-{}_T1w.json", b'{"snr": ' + b"9" * 5000 + b"}"),
    "no numbers": ("freesurfer/sub-{}/stats/lh.aparc.stats", b"# ColHeaders StructName ThickAvg\ninsula inf\n"),
    "no text": ("freesurfer/sub-{}/stats/rh.aparc.stats", bytes(range(256))),
}


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    "damage", [name if name == "deep JSON" else pytest.param(name, marks=pytest.mark.slow) for name in sorted(BROKEN)]
)
def test_a_broken_file_of_another_tool_costs_its_participant(told, suffers, damage):
    name, content = BROKEN[damage]
    path = told.dataset / "derivatives" / name.format("03", "03")
    path.write_bytes(content)
    chosen = ("--participant-label", "02", "03")
    ran = suffers(told, "participant", *words(told), *chosen, code=1, says=(path.name, "sub-03"))
    assert (told.output / "sub-02" / "sub-02_bidsml.json").is_file(), ran.text
    assert not (told.output / "sub-03" / "sub-03_bidsml.json").exists()
    for page in told.output.glob("*.html"):
        assert_nothing_runs(page)


def test_controls_in_a_file_do_not_reach_the_terminal(fresh, suffers):
    path = fresh.dataset / "participants.tsv"
    head, *rows = path.read_text().splitlines()
    lines = [f"{head}\t{CONTROLS}\t{CONTROLS}", *(f"{row}\t1\t1" for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    ran = suffers(fresh, "participant", code=65, says=("participants.tsv", r"\u202egpj.exe\u2066\x07\x1b[2J"))
    assert not set(CONTROLS[:1] + CONTROLS[8:11]) & set(ran.text)
