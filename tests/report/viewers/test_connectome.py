"""Edges stand between the right regions, still and turning."""

import json

import lxml.etree
import lxml.html
import numpy as np

from bidsml.report.blocks import Section, Table
from bidsml.report.page import make_page
from bidsml.report.viewers import Connectome, Edge
from bidsml.report.viewers.glass import HIGH_COLOUR, LOW_COLOUR, draw_glass

PLACES = np.array([[-40.0, 20, 10], [-30, -60, 20], [35, 25, 5], [np.nan, np.nan, np.nan]])
EDGES = (
    Edge(0, 1, 0.8, "p = 0.01", sure=True),
    Edge(0, 2, -0.5, "p = 0.2"),
    Edge(1, 3, 0.4, "p = 0.3"),
)
SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> str:
    return draw_glass(EDGES, PLACES, legend=["Legend."], name="c", alt="Finding.")


def lines() -> list:
    return [
        p for p in lxml.etree.fromstring(drawn()).iter(f"{SVG}path") if p.get("stroke") in (HIGH_COLOUR, LOW_COLOUR)
    ]


def viewer(name: str = "region") -> Connectome:
    return Connectome(
        "c", "Finding.", Table("t", ("a",), (("1",),)), drawn(), EDGES, tuple(f"{name} {i}" for i in range(4)), PLACES,
        "pattern", "up", "down", ("N", "N", "M", "M"),
    )  # fmt: skip


def test_a_side_shows_the_edges_within_its_hemisphere() -> None:
    # Left: one; behind and above: two each; right: none. The region without a place has none.
    assert len(lines()) == 5


def test_sign_is_colour_and_what_stands_is_solid() -> None:
    for line in lines():
        assert (line.get("stroke") == HIGH_COLOUR) == (line.get("stroke-dasharray") is None)


def test_from_behind_left_is_left() -> None:
    circles = [float(c.get("cx")) for c in lxml.etree.fromstring(drawn()).iter(f"{SVG}circle")]
    behind = sorted(x for x in circles if 122 < x < 242)
    assert len(behind) == 3 and sum(x < 182 for x in behind) == 2


def test_the_brain_that_turns_has_the_same_edges_but_those_without_a_place() -> None:
    content = viewer().content
    assert [node[3] for node in content["nodes"]] == ["region 0", "region 1", "region 2"]
    assert content["edges"] == [[0, 1, 0.8, "p = 0.01", 1], [0, 2, -0.5, "p = 0.2", 0]]
    assert max(content["faces"]) < len(content["vertices"]) // 3


def test_names_cannot_end_the_data() -> None:
    bad = "</script ><script>alert(1)<!--"
    html = make_page([Section("a", "A", "L.", (viewer(bad),))], title="t", subtitle="s", version="1").html
    data = lxml.html.fromstring(html).xpath("//script[@type='application/json']")
    assert len(data) == 1 and json.loads(data[0].text)["nodes"][0][3] == f"{bad} 0"
    assert bad not in html


def test_nothing_to_draw_is_an_empty_brain() -> None:
    assert "stroke-dasharray" not in draw_glass((), PLACES, legend=[], name="c", alt="Nothing.")
