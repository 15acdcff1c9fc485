"""Whole pages in a real browser: nothing is asked for, nothing complains, everybody can read them."""

import pytest

WIDE, NARROW = 1400, 400

KINDS = ("binary", "raw", "index")
MORE_KINDS = ("three_classes", "regression", "bare", "participant")
SEEN_AS = ((WIDE, "light"), (NARROW, "dark"))
"""Colours follow the scheme and layout the width, so that these two see all of them."""

_CONTRASTS = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (colour) => rgb(colour).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll("svg.adapts text")].map((text) => {
    const pair = [light(getComputedStyle(text).fill), light(getComputedStyle(text.closest(".card")).backgroundColor)];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""


def check_whole(visit) -> None:
    """Check what must hold for any page in any state."""
    assert visit.complaints == []
    assert [url for url in visit.requests[1:] if not url.startswith("data:")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits_a_phone(kind, page_file, open_page) -> None:
    visit = open_page(page_file(kind))
    assert visit.requests == [page_file(kind).as_uri()]
    for width, scheme in SEEN_AS:
        page = visit.look(width=width, scheme=scheme)
        visit.unfold()
        page.mouse.wheel(0, 5000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert all(contrast >= 4.5 for contrast in page.evaluate(_CONTRASTS)), scheme
    check_whole(visit)


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_barrier(kind, page_file, open_page, barriers) -> None:
    visit = open_page(page_file(kind))
    visit.unfold()
    for width, scheme in SEEN_AS:
        assert barriers(visit.look(width=width, scheme=scheme)) == [], (width, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, *MORE_KINDS])
def test_axe_finds_no_barrier_in_any_window(kind, page_file, open_page, barriers) -> None:
    visit = open_page(page_file(kind))
    visit.unfold()
    for width in (WIDE, 800, NARROW):
        for scheme in ("light", "dark"):
            assert barriers(visit.look(width=width, scheme=scheme)) == [], (width, scheme)


def test_paper_gets_the_small_tables_and_no_controls(page_file, open_page) -> None:
    page = open_page(page_file("raw")).page
    folded = page.locator("details:not([open])").count()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert folded > 0
    tables = page.locator("details:not([open]) table")
    sizes = tables.evaluate_all("all => all.map((t) => [t.rows.length, t.rows[0].cells.length])")
    assert all(rows > 60 or columns > 10 for rows, columns in sizes)
    for hidden in ("nav", ".skip", "h2 .here", ".slider", ".tools"):
        assert not page.locator(hidden).first.is_visible(), hidden
    lower, upper = (page.locator(f".compare .{which} svg").bounding_box() for which in ("lower", "upper"))
    assert upper["y"] >= lower["y"] + lower["height"], "both pictures, one under the other"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded


def test_without_scripts_everything_is_there(page_file, open_page) -> None:
    page = open_page(page_file("raw"), scripts=False).page
    for hidden in (".slider", ".tools", "fieldset"):
        assert not page.locator(hidden).first.is_visible(), hidden
    lower, upper = (page.locator(f".compare .{which} svg").bounding_box() for which in ("lower", "upper"))
    assert upper["y"] >= lower["y"] + lower["height"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["large", "large-index"])
def test_a_page_of_2000_people_stays_small_and_works(kind, page_file, open_page, capsys) -> None:
    path = page_file(kind)
    visit = open_page(path)
    opened_s = visit.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete") / 1000
    with capsys.disabled():  # how long it takes depends on the machine: told, not judged
        print(f"\n{kind}: {path.stat().st_size / 1e6:.1f} MB, complete after {opened_s:.2f} s")
    assert path.stat().st_size <= 15e6
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= WIDE
    if kind == "large-index":
        head = visit.page.locator("#participants th", has_text="Mean FD")
        head.locator("button").press("Enter")
        values = visit.page.locator("#participants tbody td:nth-child(4)").all_inner_texts()
        assert len(values) == 2000 and [float(v) for v in values] == sorted(float(v) for v in values)
    check_whole(visit)
