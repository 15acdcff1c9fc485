"""Every dot is a person, leads to their report, and lies where their value is."""

import lxml.etree
import numpy as np
import pytest

from bidsml.errors import BidsmlError
from bidsml.report.blocks import Section, Table
from bidsml.report.page import make_page
from bidsml.report.viewers import Dot, Strip

SVG = "{http://www.w3.org/2000/svg}"


def strip(dots: list[Dot], **given) -> Strip:
    table = Table("people", ("Participant",), ((("sub-1"),),))
    options = {"bands": ("control", "patient"), "filters": {"Site": ("A", "B")}, "reference": 0.0} | given
    return Strip("people", "Finding.", table, dots=tuple(dots), label="Score", **options)


def people(n: int) -> list[Dot]:
    values = np.random.default_rng(0).normal(size=n)
    return [Dot(float(v), i % 2, f"sub-{i}", f"sub-{i}.html", v < 0, ((i % 2,),)) for i, v in enumerate(values)]


def links(made: Strip) -> list:
    return list(lxml.etree.fromstring(made.svg).iter(f"{SVG}a"))


def test_every_person_is_a_link_with_a_name() -> None:
    dots = people(40)
    found = {a.get("href"): a.findtext(f"{SVG}title") for a in links(strip(dots))}
    assert found == {dot.href: dot.words for dot in dots}


def test_dots_of_a_line_rise_from_left_to_right_and_wrong_ones_are_hollow() -> None:
    dots = people(60)
    by_href = {dot.href: dot for dot in dots}
    drawn = [(by_href[a.get("href")], a.find(f"{SVG}circle")) for a in links(strip(dots))]
    for band in (0, 1):
        x = [float(c.get("cx")) for dot, c in drawn if dot.band == band]
        assert x == sorted(x)
    value, x = (np.array(v) for v in zip(*[(dot.value, float(c.get("cx"))) for dot, c in drawn], strict=True))
    assert np.corrcoef(value, x)[0, 1] > 0.9999
    assert all((c.get("fill") == "#ffffff") == dot.is_wrong for dot, c in drawn)


@pytest.mark.parametrize("n", [2, 50, 300])
def test_few_people_do_not_hide_each_other(n: int) -> None:
    circles = [a.find(f"{SVG}circle") for a in links(strip(people(n)))]
    y = np.array([[float(c.get("cx")), float(c.get("cy"))] for c in circles])
    radius = float(circles[0].get("r"))
    distance = np.linalg.norm(y[:, None] - y[None], axis=-1) + 99 * np.eye(len(y))
    # Written to a tenth.
    assert distance.min() > 2 * radius - 0.2


def test_two_thousand_stay_in_the_picture_and_small() -> None:
    made = strip(people(2000))
    height = float(lxml.etree.fromstring(made.svg).get("viewBox").split()[3])
    y = np.array([float(a.find(f"{SVG}circle").get("cy")) for a in links(made)])
    assert y.min() > 0 and y.max() < height < 400
    assert len(made.svg) < 500_000
    assert made.svg == strip(people(2000)).svg


def test_one_person_with_one_value_can_be_drawn() -> None:
    assert len(links(strip([Dot(0.0, 0, "sub-1", "sub-1.html")], reference=None))) == 1


def test_texts_do_nothing_and_links_stay_in_the_folder() -> None:
    bad = "<script>alert(1)</script>"
    made = strip([Dot(1.0, 0, bad, "sub-1.html", groups=((0,),)), *people(4)], bands=(bad, "b"), filters={bad: (bad,)})
    html = make_page([Section("a", "A", "Lead.", (made,))], title="t", subtitle="s", version="1").html
    assert bad not in html and "&lt;script&gt;alert" in html
    with pytest.raises(BidsmlError, match="a link in a report"):
        _ = strip([Dot(1.0, 0, "x", "javascript:alert(1)")]).svg


def test_the_drawing_that_names_people_is_not_published_as_a_file() -> None:
    assert not make_page([Section("a", "A", "L.", (strip(people(4)),))], title="", subtitle="", version="").figures
