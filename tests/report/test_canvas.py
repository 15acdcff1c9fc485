"""Several drawings in one page don't disturb each other."""

import re

import lxml.etree
import matplotlib as mpl

from bidsml.report.canvas import embed_svg, paint_svg


def paint(axes) -> None:
    axes.plot([0, 1, 2], [2, 0, 1], "o-", label='a$b$ <i id="x"> & "c"')
    axes.legend()


def test_ids_of_two_drawings_differ_and_links_follow() -> None:
    first, second = (paint_svg(name, paint, alt="one") for name in ("a", "b"))
    ids = [set(lxml.etree.fromstring(svg.encode()).xpath("//@id")) for svg in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    for svg, known in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= known


def test_text_stays_text_and_is_no_formula() -> None:
    svg = paint_svg("a", paint, alt="one")
    texts = lxml.etree.fromstring(svg.encode()).xpath("//*[local-name()='text']/text()")
    assert 'a$b$ <i id="x"> & "c"' in texts


def test_the_label_is_said_and_escaped() -> None:
    said = 'AUC "0.7" < 1 & more'
    root = lxml.etree.fromstring(paint_svg("a", paint, alt=said).encode())
    assert root.get("aria-label") == said and root.get("role") == "img"
    assert root.get("viewBox") and root.get("width") is None


def test_nothing_rules_the_page_and_nothing_dates_the_file() -> None:
    svg = paint_svg("a", paint, alt="one")
    assert "<style" not in svg and "<metadata" not in svg and "<?xml" not in svg
    assert svg == paint_svg("a", paint, alt="one")


def test_the_state_of_matplotlib_is_left_alone() -> None:
    before = dict(mpl.rcParams)
    paint_svg("a", paint, alt="one")
    assert dict(mpl.rcParams) == before


def test_embedding_changes_attributes_only() -> None:
    svg = '<?xml version="1.0"?><svg width="3pt" viewBox="0 0 1 1"><text id="t">id="t" url(#t)</text></svg>'
    assert embed_svg(svg, name="n", alt="x") == (
        '<svg viewBox="0 0 1 1" role="img" aria-label="x" stroke-linejoin="round">'
        '<text id="n-t">id="t" url(#t)</text></svg>\n'
    )


def test_ids_that_nothing_refers_to_are_dropped() -> None:
    svg = '<svg viewBox="0 0 1 1"><g id="a"/><g id="a"/><path id="b"/><use xlink:href="#b"/></svg>'
    embedded = embed_svg(svg, name="n", alt="x")
    assert '<g/><g/><path id="n-b"/><use xlink:href="#n-b"/>' in embedded
