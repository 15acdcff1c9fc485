"""What a reader does to the parts of a page, by keyboard alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from bidsml.report.blocks import Block, Bullets, Comparison, Facts, Figure, Link, Paragraph, Rating, Section, Table
from bidsml.report.figures import count_bars
from bidsml.report.page import make_page
from bidsml.report.pictures import brain_picture

EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\"'><svg onload=window.hacked=3>"
_FOCUSED = """(() => {
  const element = document.activeElement;
  return `${element.tagName} ${element.innerText || element.getAttribute("aria-label") || element.id}`.trim();
})()"""
NUMBERS = ("10", "−2.5", "n/a", "9 %", "1,200", "0.5 to 0.7", "1.0e−03")


def _people(**more) -> Table:
    rows = tuple((f"sub-{i:02d}", "north" if i % 2 else "south", value) for i, value in enumerate(NUMBERS))
    return Table("People", ("Who", "Site", "Age"), rows, text_columns=2, **more)


def _comparison() -> Comparison:
    grey = np.full((40, 60), 90, np.uint8)
    lower, upper = (brain_picture(grey, [], name=f"pair-{which}", alt=f"{which} 1") for which in ("lower", "upper"))
    return Comparison("pair", lower, "T1w", upper, "BOLD", "2 pictures.", Table("n", ("What", "Value"), (("a", "1"),)))


def _figure(table: Table) -> Figure:
    svg = count_bars(["region 1"], [2], label="People", name="bars", alt="1 bar")
    return Figure("bars", svg, "1 bar", table)


@pytest.fixture
def show(tmp_path: Path, open_page):
    """Open a page of some blocks."""

    def make(*blocks: Block, title: str = "Title", goal: str = ""):
        sections = [
            Section("first", "First" + title, "The first.", blocks),
            Section("last", "Last", "The last.", (Paragraph("word " * 2000),)),
        ]
        path = tmp_path / "page.html"
        path.write_text(make_page(sections, title=title, subtitle=title, version="1").html, encoding="utf-8")
        return open_page(path, goal=goal)

    return make


def _column(page, number: int) -> list[str]:
    return page.locator(f"tbody tr:visible > :nth-child({number})").all_inner_texts()


def test_numbers_sort_as_numbers_and_missing_ones_come_last(show) -> None:
    visit = show(_people(sortable=True))
    head = visit.page.locator("th", has_text="Age")
    button = head.locator("button")
    button.focus()
    visit.page.keyboard.press("Enter")
    rising = ["−2.5", "1.0e−03", "0.5 to 0.7", "9 %", "10", "1,200"]
    assert _column(visit.page, 3) == [*rising, "n/a"]
    assert head.get_attribute("aria-sort") == "ascending"
    assert "Age" in visit.page.locator("[role=status]").inner_text()
    visit.page.keyboard.press("Space")
    assert _column(visit.page, 3) == [*rising[::-1], "n/a"]
    assert head.get_attribute("aria-sort") == "descending"
    visit.page.locator("th button", has_text="Who").press("Enter")
    assert _column(visit.page, 1) == [f"sub-{i:02d}" for i in range(len(NUMBERS))]
    assert head.get_attribute("aria-sort") is None
    assert visit.complaints == []


def test_filters_narrow_the_rows_and_say_how_many_are_left(show) -> None:
    page = show(_people(filters=("Site",))).page
    page.get_by_label("Site").select_option("north")
    assert set(_column(page, 2)) == {"north"}
    assert page.locator("[role=status]").inner_text() == "3 of 7 rows shown"
    page.get_by_label("Site").select_option("all")
    assert len(_column(page, 2)) == len(NUMBERS)


def test_a_column_of_many_values_is_searched_by_what_is_typed(show) -> None:
    rows = tuple((f"sub-{i:03d}", str(i)) for i in range(100))
    page = show(Table("People", ("Who", "Age"), rows, filters=("Who",))).page
    page.get_by_label("Who").fill("SUB-04")
    assert _column(page, 1) == [f"sub-04{i}" for i in range(10)]


@pytest.mark.parametrize("filtered", [False, True])
def test_the_saved_table_is_the_one_shown(filtered: bool, show, tmp_path) -> None:
    page = show(_people(name="people", filters=("Site",))).page
    if filtered:
        page.get_by_label("Site").select_option("south")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="people.tsv").press("Enter")
    assert waiting.value.suggested_filename == "people.tsv"
    waiting.value.save_as(tmp_path / "saved.tsv")
    header, *rows = (tmp_path / "saved.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == ["Who", "Site", "Age"]
    values = [value.replace("−", "-") for value in NUMBERS]
    wanted = [[f"sub-{i:02d}", "north" if i % 2 else "south", value] for i, value in enumerate(values)]
    assert [row.split("\t") for row in rows] == [row for row in wanted if not filtered or row[1] == "south"]


def test_the_numbers_behind_a_figure_are_saved_under_its_name(show) -> None:
    page = show(_figure(_people())).page
    page.locator("summary").press("Enter")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="bars.tsv").press("Enter")
    assert waiting.value.suggested_filename == "bars.tsv"


def test_tab_goes_through_everything_in_the_order_of_the_page(show) -> None:
    link = Link("a person", "sub-01.html")
    page = show(_people(sortable=True, filters=("Site",), name="people"), _comparison(), Facts((("who", link),))).page
    passed: list[str] = []
    while not passed or not passed[-1].startswith("BODY"):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(_FOCUSED).split("\n")[0])
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or passed[-1].startswith("BODY"), f"nobody sees that {passed[-1]} has the focus"
        assert len(passed) < 40
    wanted = [
        "A Skip to the content", "A FirstTitle", "A Last", "A #", "SELECT", "BUTTON Save as TSV", "DIV", "BUTTON Who",
        "BUTTON Site", "BUTTON Age", "INPUT pair-slider", "A #", "SUMMARY The numbers", "A a person",
    ]  # fmt: skip
    places = iter(passed)
    for goal in wanted:
        assert any(place.startswith(goal) for place in places), (goal, passed)


def test_the_skip_link_leads_past_the_contents(show) -> None:
    page = show().page
    page.keyboard.press("Tab")
    skip = page.locator(".skip").first
    assert skip.bounding_box()["x"] >= 0, "it is seen once it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_slider_moves_by_arrow_keys_and_says_where_it_is(show) -> None:
    page = show(_comparison()).page
    slider = page.get_by_role("slider")
    before = page.locator(".upper").evaluate("e => getComputedStyle(e).clipPath")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "60 % BOLD"
    assert page.locator(".upper").evaluate("e => getComputedStyle(e).clipPath") != before
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "100 % BOLD"


def test_the_contents_show_where_the_reader_is(show) -> None:
    page = show(*[Paragraph("word " * 500)] * 3).page
    here = page.locator("nav a[aria-current=location]")
    assert here.inner_text() == "FirstTitle"
    page.locator("nav a", has_text="Last").press("Enter")
    page.wait_for_function("document.querySelector('nav a[aria-current]').textContent === 'Last'")
    assert here.count() == 1
    assert page.url.endswith("#last")


def test_a_deep_link_opens_what_is_folded(show) -> None:
    page = show(_figure(_people()), Bullets(("one",), heading="Why"), goal="#first-2").page
    assert page.locator("h3#first-2 a").get_attribute("href") == "#first-2"
    page.evaluate("document.querySelector('details').id = 'folded'; location.hash = '#folded'")
    page.wait_for_function("document.querySelector('details').open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_drawing_takes_the_colours_of_the_page(scheme, show) -> None:
    visit = show(_figure(_people()), _comparison())
    page = visit.look(scheme=scheme)
    ground = "rgb(255, 255, 255)"
    colour = "e => getComputedStyle(e).backgroundColor"
    assert (page.locator("#bars-figure .card").evaluate(colour) == ground) == (scheme == "light")
    assert page.locator("#pair-figure .card").evaluate(colour) == ground, "a picture of a brain stays as it is"


def test_text_that_looks_like_html_stays_text(show) -> None:
    table = Table(
        EVIL, (EVIL, "B" + EVIL), ((EVIL, Link(EVIL, "a.html")),), sortable=True, filters=(EVIL,), name="table"
    )
    pair = _comparison()
    blocks = (
        Paragraph(EVIL),
        Bullets((EVIL, Link(EVIL, "b.html")), heading=EVIL),
        Facts(((EVIL, EVIL),)),
        table,
        Figure("bars", count_bars([EVIL], [2], label=EVIL, name="bars", alt=EVIL), EVIL, table),
        Comparison("pair", pair.lower, EVIL, pair.upper, EVIL, EVIL, table),
    )
    visit = show(*blocks, title=EVIL)
    page = visit.page
    visit.unfold()
    for button in page.locator("th button").all():
        button.press("Enter")
    page.get_by_role("slider").first.press("ArrowRight")
    page.locator("select").first.select_option(index=1)
    page.locator("nav a").first.press("Enter")
    page.wait_for_timeout(50)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script").count() == 0
    for where in ("h1", "header p", "nav a", "h2", "main p", "li", "h3", "dt", "dd", "figcaption", "td a", "th button"):
        assert EVIL in page.locator(where, has_text="window.hacked").first.inner_text(), where
    assert page.locator("svg text", has_text="script").count(), "in drawings too"
    assert visit.complaints == []


def _rating() -> Rating:
    return Rating("sub-01_rating", {"participant_id": "sub-01", "analysis": "a \"b\" <c> & 'd'", "bidsml_version": "1"})


def test_a_judgement_is_entered_by_keyboard_kept_and_saved(show, tmp_path) -> None:
    visit = show(_rating())
    page = visit.page
    save = page.get_by_role("button", name="Save as JSON")
    save.press("Enter")
    assert "first" in page.locator("[role=status]").inner_text(), "nothing to save yet"
    assert page.evaluate("document.activeElement.value") == "pass"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("head </script> moved")
    page.keyboard.press("Tab")
    page.keyboard.type("AB")
    page.reload()
    assert page.get_by_label("Notes").input_value() == "head </script> moved", "kept by the browser"
    with page.expect_download() as waiting:
        save.press("Enter")
    assert waiting.value.suggested_filename == "sub-01_rating.json"
    waiting.value.save_as(tmp_path / "saved.json")
    saved = json.loads((tmp_path / "saved.json").read_text(encoding="utf-8"))
    assert saved.pop("rated_at").startswith("20")
    assert saved == _rating().record | {"rating": "review", "notes": "head </script> moved", "rater": "AB"}
    page.get_by_role("button", name="Clear").press("Enter")
    page.reload()
    assert page.get_by_label("Notes").input_value() == ""
    assert visit.complaints == []


def test_a_judgement_is_saved_where_the_browser_keeps_nothing(show, tmp_path) -> None:
    visit = show(_rating())
    page = visit.page
    page.add_init_script(
        "const get = () => { throw new DOMException('denied', 'SecurityError'); };"
        "Object.defineProperty(window, 'localStorage', { get });"
    )
    page.reload()
    page.get_by_label("Fail").check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as JSON").click()
    assert json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))["rating"] == "fail"
    assert visit.complaints == []
