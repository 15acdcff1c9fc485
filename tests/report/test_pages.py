"""Laws of every page: safe, self-contained, accessible, the same twice."""

import base64
import hashlib
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

import lxml.html
import pytest

from bidsml import report
from bidsml.records import Result
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
