import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from bidsml.report.carpet import carpet_plot
from bidsml.report.pictures import Outline, brain_picture, trace


def polygons(path: str) -> list[np.ndarray]:
    """Corners of a path in pixels."""
    found = []
    for start, moves in re.findall(r"M([^l]+)l([^z]+)z", path):
        steps = np.array([*start.split(), *moves.split()], dtype=float).reshape(-1, 2)
        found.append(np.cumsum(steps, axis=0) / 2)
    return found


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 7), (10, 3)])
def test_an_outline_runs_round_the_pixels(height, width):
    inside = np.zeros((20, 20), dtype=bool)
    inside[5 : 5 + height, 8 : 8 + width] = True
    (corners,) = polygons(trace(inside))
    assert corners.min(axis=0).tolist() == [8, 5]
    assert corners.max(axis=0).tolist() == [8 + width, 5 + height]
    assert area(corners) == pytest.approx(height * width - 0.5), "corners are cut"


def test_holes_islands_and_the_edge_are_outlined():
    inside = np.ones((12, 12), dtype=bool)
    inside[4:8, 4:8] = False
    inside[5, 5] = True
    assert len(polygons(trace(inside))) == 3
    assert trace(np.zeros((4, 4), dtype=bool)) == ""


def test_the_picture_holds_the_grey_values():
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    svg = brain_picture(grey, [Outline("a & b", grey > 20, "#ffffff")], name="x", alt="say 1")
    address = re.search(r'href="data:image/png;base64,([^"]+)"', svg)[1]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(address)))), grey)
    assert "a &amp; b" in svg and 'aria-label="say 1"' in svg


def test_a_long_run_makes_no_large_picture():
    rng = np.random.default_rng(0)
    sizes = []
    for n_volumes in (800, 4000):
        svg = carpet_plot(
            rng.normal(size=(600, n_volumes)).astype(np.float32),
            np.zeros(600, dtype=np.int8),
            np.full(n_volumes, np.nan),
            np.full(n_volumes, np.nan),
            tissues=("grey matter",),
            name="x",
            alt="1",
        )
        sizes.append(len(svg))
    assert max(sizes) < 1.2e6, "noise packs worst; a page of ten runs stays under 15 MB"
