"""Laws of every page: safe, self-contained, accessible, the same twice."""

import base64
import hashlib
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import lxml.html
import pytest

from bidsml import report
from bidsml.records import ParticipantResult, Result
from bidsml.report import group, participant
from bidsml.report.blocks import Block, Paragraph, Section, Table, safe_address
from bidsml.report.page import make_page

EVIL = '<script>alert("1")</script>'
KINDS = ("binary", "three_classes", "regression", "bare")


@pytest.fixture(scope="module")
def pages(request: pytest.FixtureRequest, simulate_participant, raw_participant) -> dict[str, report.Page]:
    """One page of every kind."""
    made = {kind: report.render_group(request.getfixturevalue(kind)) for kind in KINDS}
    made["participant"] = report.render_participant(simulate_participant())
    made["ready matrix"] = report.render_participant(simulate_participant(motion=False, n_regions=70))
    made["covariance"] = report.render_participant(simulate_participant(layout="covariance"))
    made["raw"] = report.render_participant(raw_participant)
    return made


def test_no_page_loads_anything(pages) -> None:
    for name, page in pages.items():
        tree = lxml.html.fromstring(page.html)
        policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        assert policy and "default-src 'none'" in policy[0], name
        for element in tree.iter(lxml.html.etree.Element):
            for attribute in ("src", "href", "{http://www.w3.org/1999/xlink}href", "xlink:href", "data", "action"):
                address = element.get(attribute)
                if address is None:
                    continue
                if element.tag == "a":
                    assert address.startswith(("#", "https://")) or address == safe_address(unquote(address)), name
                else:
                    assert address.startswith(("#", "data:image/png;")), (name, element.tag, address)
        assert not tree.xpath("//link | //iframe | //object | //embed"), name
        assert not re.search(r"@import|url\((?!#)", page.html), name


def test_only_the_scripts_that_the_page_s_policy_names_may_run(pages) -> None:
    """Every page marks where one is; tables and comparisons bring their own script, and the policy names just those."""
    for name, page in pages.items():
        scripts = re.findall(r"<script>.*?</script>", page.html, flags=re.DOTALL)
        tree = lxml.html.fromstring(page.html)
        assert ('".compare"' in "".join(scripts)) == (name == "raw"), name
        assert set(tree.xpath("//script/@type")) <= {"application/json"}, "others hold nothing that runs"
        policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
        digests = [
            base64.b64encode(hashlib.sha256(s.removeprefix("<script>").removesuffix("</script>").encode()).digest())
            for s in scripts
        ]
        (allowed,) = re.findall(r"script-src ([^;]*);", policy)
        assert [f"'sha256-{digest.decode()}'" for digest in digests] == allowed.split(), name


def test_a_page_embeds_each_script_that_its_blocks_name_once(pages) -> None:
    table = Table("People", ("Who", "Age"), (("a", "1"),))
    assert _count_scripts(table) == 1
    assert _count_scripts(replace(table, sortable=True), replace(table, name="people")) == 2

    class Viewer(Paragraph):
        scripts = ("compare.js",)
        libraries = ("const a = '</script><!-- x';\r\n",)

    html = _render(Viewer("x"), Viewer("y"))
    assert len(lxml.html.fromstring(html).xpath("//script")) == 3
    assert r"const a = '\x3c/script>\x3c!-- x';" in html
    assert "\r" not in html, "a browser reads a line's end as one character, and so must the digest"


def _render(*blocks: Block) -> str:
    section = Section(anchor="a", title="A", lead="About.", blocks=blocks)
    return make_page([section], title="T", subtitle="S", version="1").html


def _count_scripts(*blocks: Block) -> int:
    return len(lxml.html.fromstring(_render(*blocks)).xpath("//script"))


def test_a_comparison_shows_both_pictures_without_its_script(pages) -> None:
    tree = lxml.html.fromstring(pages["raw"].html)
    (figure,) = tree.xpath("//figure[@class='compare']")
    (row,) = figure.xpath("p[@class='slider']")
    assert "hidden" in row.attrib, "a slider that does nothing would mislead"
    (slider,) = row.xpath("input[@type='range']")
    assert row.xpath("label/@for") == [slider.get("id")]
    assert len(figure.xpath(".//*[local-name()='svg']")) == 2
    css = tree.xpath("string(//style)")
    assert "clip-path: none" in css[css.index("@media print") :], "both are printed whole"


def test_ids_are_unique_and_every_link_inside_the_page_has_its_goal(pages) -> None:
    for name, page in pages.items():
        tree = lxml.html.fromstring(page.html)
        ids = Counter(tree.xpath("//@id"))
        assert max(ids.values()) == 1, (name, ids.most_common(3))
        goals = set(re.findall(r'(?:href="#|url\(#)([^")]+)', page.html))
        assert goals <= set(ids), (name, goals - set(ids))


def test_every_drawing_says_its_finding_and_shows_its_numbers(pages) -> None:
    for name, page in pages.items():
        tree = lxml.html.fromstring(page.html)
        figures = tree.xpath("//figure")
        drawings = tree.xpath("//*[local-name()='svg']")
        assert len(tree.xpath("//*[local-name()='svg'][@role='img']")) == len(page.figures), name
        for drawing in drawings:
            assert drawing.get("role") in ("img", "group") and re.search(r"\d", drawing.get("aria-label"))
        for figure in figures:
            assert re.search(r"\d", figure.xpath("string(figcaption)")), name
            if figure.get("class") == "compare":
                continue
            (drawing,) = figure.xpath(".//*[local-name()='svg']")
            said = drawing.get("aria-label")
            assert re.search(r"\d", said), (name, said)
            assert figure.xpath("string(figcaption/text()[1])").strip() == said
            assert figure.xpath("details//table/tbody/tr"), name


def test_published_figures_are_those_of_the_page(pages) -> None:
    for page in pages.values():
        for name, svg in page.figures.items():
            assert re.fullmatch(r"[a-z0-9-]+", name)
            assert svg in page.html
            lxml.etree.fromstring(svg.encode())  # a file of its own is well-formed XML


def test_headings_and_landmarks_are_in_order(pages) -> None:
    for page in pages.values():
        tree = lxml.html.fromstring(page.html)
        assert tree.get("lang") == "en"
        assert len(tree.xpath("//h1")) == 1
        assert tree.xpath("//body/a[1]/@href") == ["#content"]
        sections = tree.xpath("//main/section/@id")
        assert tree.xpath("//nav//a/@href") == [f"#{anchor}" for anchor in sections]
        for region in tree.xpath("//*[contains(@class, 'scroll')]"):
            assert region.get("tabindex") == "0" and region.get("aria-label")


def test_rendering_twice_gives_the_same_bytes(simulate, simulate_participant, binary: Result) -> None:
    again = simulate()
    assert report.render_group(again) == report.render_group(binary)
    assert report.render_participant(simulate_participant()) == report.render_participant(simulate_participant())


def test_a_matplotlibrc_changes_nothing(binary: Result) -> None:
    import matplotlib as mpl

    before = report.render_group(binary)
    with mpl.rc_context({"font.size": 20, "svg.fonttype": "path", "lines.linewidth": 9}):
        assert report.render_group(binary) == before


def test_no_folder_and_no_private_column_is_shown(pages) -> None:
    for name, page in pages.items():
        assert "/data/" not in page.html, name
        assert "secret" not in page.html, name
        assert "birth" not in page.html and "1990-01-01" not in page.html, name


@pytest.mark.parametrize("kind", ["binary", "three_classes", "regression"])
def test_a_script_in_any_text_of_a_group_result_is_only_text(kind: str, request: pytest.FixtureRequest) -> None:
    html = report.render_group(_poison_group(request.getfixturevalue(kind))).html
    _assert_harmless(html)
    for where in ("analysis", "site", "atlas", "node", "gate", "reason", "warning", "package"):
        assert f"{where}&lt;script&gt;" in html, where


def test_a_script_in_any_text_of_a_raw_participant_s_pictures_is_only_text(raw_participant) -> None:
    (anatomy,), (alignment,), (run,) = raw_participant.anatomy, raw_participant.alignment, raw_participant.functional
    html = report.render_participant(
        replace(
            raw_participant,
            anatomy=(replace(anatomy, label="anatomy" + EVIL, warnings=(EVIL,), volumes_ml={"volume" + EVIL: 1.0}),),
            alignment=(
                replace(alignment, label="alignment" + EVIL, moving_name="moving" + EVIL, fixed_name="fixed" + EVIL),
            ),
            functional=(replace(run, label="run" + EVIL, warnings=("warning" + EVIL,)),),
        )
    ).html
    _assert_harmless(html)
    for where in ("anatomy", "volume", "alignment", "moving", "fixed", "run", "warning"):
        assert f"{where}&lt;script&gt;" in html, where


def test_a_script_in_any_text_of_a_participant_result_is_only_text(simulate_participant) -> None:
    html = report.render_participant(_poison_participant(simulate_participant())).html
    _assert_harmless(html)
    for where in ("participant", "analysis", "reason", "node", "confound", "label"):
        assert f"{where}&lt;script&gt;" in html, where


def _assert_harmless(html: str) -> None:
    tree = lxml.html.fromstring(html)
    assert not [script for script in tree.xpath("//script") if "alert" in script.text]
    assert set(tree.xpath("//script/@*")) <= {"application/json"}
    assert not [a for element in tree.iter(lxml.html.etree.Element) for a in element.attrib if a.startswith("on")]


def _poison_group(result: Result) -> Result:
    cohort = result.cohort
    classes = tuple(name + EVIL for name in cohort.classes)
    site = tuple("site" + EVIL + name for name in cohort.site)
    table = cohort.table.assign(site=list(site), sex="level" + EVIL)
    attrition = tuple(replace(a, gate="gate" + EVIL, reason="reason" + EVIL, label=EVIL) for a in cohort.attrition)
    nodes = tuple("node" + EVIL + name for name in result.blocks[0].nodes)
    return replace(
        result,
        analysis="analysis" + EVIL,
        cohort=replace(
            cohort,
            table=table.rename(columns={"sex": "sex" + EVIL}),
            classes=classes,
            positive=classes[-1] if classes else "",
            site=site,
            nuisance_source=tuple(name + EVIL for name in cohort.nuisance_source),
            attrition=attrition,
        ),
        folds=tuple(replace(fold, name="site" + EVIL + fold.name) for fold in result.folds),
        nulls=tuple(replace(null, scheme="scheme" + EVIL) for null in result.nulls),
        blocks=tuple(replace(b, name="block" + EVIL, nodes=nodes, atlas="atlas" + EVIL) for b in result.blocks),
        weights=tuple(
            replace(w, names=tuple(n + EVIL for n in w.names), outputs=tuple(o + EVIL for o in w.outputs))
            for w in result.weights
        ),
        atlases=tuple(replace(atlas, name="atlas" + EVIL, reference=EVIL) for atlas in result.atlases),
        provenance=replace(result.provenance, packages={"package" + EVIL: EVIL}, command=(EVIL,)),
        warnings=("warning" + EVIL,),
    )


def _poison_participant(result: ParticipantResult) -> ParticipantResult:
    vector = result.features[0]
    return replace(
        result,
        participant_id="participant" + EVIL,
        analysis="analysis" + EVIL,
        reasons=("reason" + EVIL,),
        scans=tuple(
            replace(s, path=Path("file<script>"), entities={"task": EVIL}, derivative=EVIL) for s in result.scans
        ),
        qc=tuple(
            replace(q, label="label" + EVIL, confound_columns=("confound" + EVIL,), warnings=(EVIL,)) for q in result.qc
        ),
        features=(
            replace(
                vector,
                block="block" + EVIL,
                measure=EVIL,
                atlas=EVIL,
                nodes=tuple("node" + EVIL + name for name in vector.nodes),
                missing={"region" + EVIL: "why" + EVIL},
            ),
        ),
    )


@pytest.mark.parametrize(
    ("room", "listed"), [(group, report.SECTIONS_GROUP), (participant, report.SECTIONS_PARTICIPANT)]
)
def test_every_file_of_a_room_is_a_listed_section(room, listed: tuple[Callable, ...]) -> None:
    files = {f"{room.__name__}.{module.name}" for module in pkgutil.iter_modules(room.__path__)}
    assert {section.__module__ for section in listed} == files
    assert len(listed) == len(files)
    for file in files:
        assert importlib.import_module(file).section.__doc__


def test_sections_without_their_data_are_left_out(bare: Result, pages) -> None:
    anchors = lxml.html.fromstring(pages["bare"].html).xpath("//main/section/@id")
    assert not {"null", "baselines", "sites", "weights", "warnings"} & set(anchors)
    assert {"answer", "flow", "cohort", "design", "discrimination", "methods", "provenance"} <= set(anchors)
    assert not {"anatomy", "alignment", "runs"} & set(
        lxml.html.fromstring(pages["participant"].html).xpath("//main/section/@id")
    )
    assert "motion" not in lxml.html.fromstring(pages["ready matrix"].html).xpath("//main/section/@id")


def test_the_package_is_light_to_import() -> None:
    import subprocess
    import sys

    code = (
        "import sys, bidsml.report; "
        "print([m for m in ('matplotlib', 'sklearn', 'nilearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
