"""What a reader does to brains and dots, by keyboard and by pointer."""

from pathlib import Path

import numpy as np
import pytest

from bidsml.records import WeightMap
from bidsml.report.blocks import Block, Section, Table
from bidsml.report.page import make_page
from bidsml.report.viewers import Connectome, Dot, Edge, Strip
from bidsml.report.viewers.brainmap import make_brain_map
from bidsml.report.viewers.glass import draw_glass

TABLE = Table("t", ("Region",), (("1",),))


def strip() -> Strip:
    dots = tuple(Dot(i / 10, i % 2, f"sub-{i}", f"sub-{i}.html", i > 15, ((i % 3,), (i % 5, 5))) for i in range(20))
    folds = tuple(f"fold {i}" for i in range(6))
    return Strip(
        "people", "Finding.", TABLE, ("control", "patient"), dots, "Score",
        {"Site": ("north", "south", "west"), "Tested in": folds}, reference=0.5,
    )  # fmt: skip


def connectome() -> Connectome:
    places = np.array([[-40.0, 20, 10], [-30, -60, 20], [35, 25, 5]])
    edges = (Edge(0, 1, 0.8, "p = 0.01", sure=True), Edge(0, 2, -0.5, "p = 0.2"))
    svg = draw_glass(edges, places, legend=["Legend."], name="c", alt="Finding.")
    return Connectome("c", "Finding.", TABLE, svg, edges, ("A", "B", "C"), places, "pattern", "up", "down")


def brain_map(name: str) -> Block:
    volume = np.zeros((20, 24, 20), dtype=np.float32)
    volume[5:8, 8:12, 8:12] = 0.5
    affine = np.diag([8.0, 8, 8, 1])
    affine[:3, 3] = -78, -110, -70
    given = WeightMap(name, "gm", "", "p", "pattern", "MNI152", volume, affine, ("a",), np.ones(1), np.ones(1))
    return make_brain_map(given, name=name, alt="Finding.", table=TABLE)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("viewers") / "page.html"
    (path.parent / "sub-19.html").write_text("<title>sub-19</title>", encoding="utf-8")
    blocks = (strip(), connectome(), brain_map("map-1"), brain_map("map-2"))
    path.write_text(
        make_page([Section("a", "A", "Lead.", blocks)], title="T", subtitle="S", version="1").html, encoding="utf-8"
    )
    return path


def press(page, words: str) -> None:
    page.get_by_role("button", name=words).first.focus()
    page.keyboard.press("Enter")


def pixels(page, canvas: str) -> str:
    return page.evaluate(f"document.querySelector('{canvas}').toDataURL()")


def test_filters_choose_people_and_say_how_many(address: Path, open_page) -> None:
    visit = open_page(address)
    figure = visit.page.locator("figure.strip")
    figure.get_by_label("Site").select_option(label="north")
    assert figure.locator("svg a:visible").count() == 7
    assert figure.get_by_role("status").first.inner_text() == "7 of 20 people shown"
    figure.get_by_label("Tested in").select_option(label="fold 0")
    assert figure.get_by_role("status").first.inner_text() == "fewer than 5 of 20 people shown"
    assert not visit.complaints and len(visit.requests) == 1


def test_dots_are_one_stop_and_arrows_go_on(address: Path, open_page) -> None:
    page = open_page(address).page
    assert page.locator("figure.strip svg a[tabindex='0']").count() == 1
    page.locator("figure.strip svg a[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "sub-4.html"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "sub-19.html"
    page.keyboard.press("Enter")
    page.wait_for_url("**/sub-19.html")


def test_without_scripts_everyone_is_there_and_no_button_is_dead(address: Path, open_page) -> None:
    page = open_page(address, scripts=False).page
    assert page.locator("figure.strip svg a:visible").count() == 20
    assert not page.locator("button:visible, select:visible, input:visible").count()
    assert page.locator("figure.connectome svg:visible, figure.brainmap svg:visible").count() == 3


def test_the_brain_turns_by_slider_and_by_dragging(address: Path, open_page) -> None:
    visit = open_page(address)
    page = visit.page
    press(page, "Turn the brain")
    canvas = "figure.connectome canvas"
    seen = [pixels(page, canvas)]
    page.get_by_label("Turn ").focus()
    page.keyboard.press("ArrowRight")
    seen.append(pixels(page, canvas))
    assert page.locator("figure.connectome select").first.input_value() == "free"
    page.locator("figure.connectome select").first.select_option("above")
    seen.append(pixels(page, canvas))
    page.locator(canvas).scroll_into_view_if_needed()
    box = page.locator(canvas).bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 140)
    page.mouse.up()
    seen.append(pixels(page, canvas))
    assert len(set(seen)) == 4
    assert not visit.complaints and len(visit.requests) == 1


def test_a_region_tells_its_edges(address: Path, open_page) -> None:
    page = open_page(address).page
    press(page, "Turn the brain")
    told = page.locator("figure.connectome .told")
    assert told.inner_text() == "2 of 2 edges shown, 1 of them beyond chance after correction."
    page.get_by_label("Region").last.select_option(label="C")
    assert (
        told.inner_text().startswith("C: 1 of 2 edges shown, 0 of them")
        and "A with C: −0.5 (p = 0.2)" in told.inner_text()
    )


def test_slices_move_by_keyboard_and_two_maps_are_apart(address: Path, open_page) -> None:
    visit = open_page(address)
    page = visit.page
    press(page, "Step through the brain")
    page.wait_for_selector("#brainmap-0-canvas[aria-label]")
    before = page.locator("#brainmap-0-canvas").get_attribute("aria-label")
    first = pixels(page, "#brainmap-0-canvas")
    page.get_by_label("Left to right").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#brainmap-0-canvas").get_attribute("aria-label") != before
    assert pixels(page, "#brainmap-0-canvas") != first
    press(page, "Step through the brain")
    page.wait_for_selector("#brainmap-1-canvas[aria-label]")
    assert pixels(page, "#brainmap-1-canvas") == first
    assert not visit.complaints and len(visit.requests) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_no_barrier_and_no_sideways_scrolling(address: Path, open_page, barriers, width: int, scheme: str) -> None:
    visit = open_page(address)
    page = visit.look(width=width, scheme=scheme)
    press(page, "Turn the brain")
    press(page, "Step through the brain")
    page.wait_for_selector("#brainmap-0-canvas[aria-label]")
    visit.unfold()
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
