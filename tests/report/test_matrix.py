"""A matrix as a picture: every cell in its place and colour."""

import base64
import io
import re

import numpy as np
from PIL import Image

from bidsml.report.matrix import matrix_image, matrix_table


def pixels(svg: str) -> np.ndarray:
    data = re.search(r'href="data:image/png;base64,([^"]+)"', svg)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_one_pixel_per_cell_red_up_blue_down_grey_missing() -> None:
    matrix = np.array([[np.nan, 1.0, 0.0], [1.0, np.nan, -1.0], [0.0, -1.0, np.nan]])
    shown = pixels(matrix_image(matrix, label="r", name="m", alt="three regions")).astype(int)
    assert shown.shape == (3, 3, 3)
    red, green, blue = (shown[..., c] for c in range(3))
    assert red[0, 1] > blue[0, 1] and blue[1, 2] > red[1, 2]
    assert (shown[0, 2] > 240).all()
    assert red[0, 0] == green[0, 0] == blue[0, 0] == 190
    np.testing.assert_array_equal(shown, shown.transpose(1, 0, 2))


def test_a_matrix_without_a_number_is_grey() -> None:
    assert (pixels(matrix_image(np.full((4, 4), np.nan), label="r", name="m", alt="0 cells")) == 190).all()


def test_a_large_matrix_lists_its_strongest_pairs() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(40, 40))
    matrix += matrix.T
    matrix[3, 7] = matrix[7, 3] = -99
    matrix[5] = matrix[:, 5] = np.nan
    nodes = tuple(f"r{i}" for i in range(40))
    table = matrix_table(matrix, nodes, what="Value")
    assert table.rows[0] == ("r3", "r7", "−99.0") and len(table.rows) == 30
    assert not any("r5" in row[:2] for row in table.rows)


def test_a_small_matrix_is_listed_whole() -> None:
    table = matrix_table(np.eye(3), ("a", "b", "c"), what="Value")
    assert table.columns == ("Region", "a", "b", "c") and table.rows[1] == ("b", "0", "1.00", "0")
