"""Numbers in words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.report import wording


@pytest.mark.parametrize(
    ("p", "floor", "draws", "words"),
    [
        (1 / 201, 1 / 201, 200, "p < 0.005 (at the floor: 200 draws can't show less)"),
        (1 / 200, 1 / 200, 199, "p = 0.005 (at the floor: 199 draws can't show less)"),
        (1 / 1001, 1 / 1001, 1000, "p < 0.001 (at the floor: 1000 draws can't show less)"),
        (1 / 5001, 1 / 5001, 5000, "p < 0.0002 (at the floor: 5000 draws can't show less)"),
        (2 / 201, 1 / 201, 200, "p = 0.010"),
        (0.35, 1 / 201, 200, "p = 0.35"),
        (1.0, 1 / 201, 200, "p = 1.0"),
        (1e-12, math.nan, 0, "p < 0.0001"),
        (math.nan, math.nan, 0, "not tested"),
    ],
)
def test_p_values(p: float, floor: float, draws: int, words: str) -> None:
    assert wording.p_value(p, floor=floor, draws=draws) == words


@given(st.integers(1, 100_000))
def test_p_at_the_floor_is_never_understated(draws: int) -> None:
    p = 1 / (1 + draws)
    words = wording.p_value(p, floor=p, draws=draws)
    sign, bound = words.split()[1:3]
    if sign == "<":
        assert p < float(bound) <= 1.1 * p + 1e-12
    else:
        assert float(bound) == pytest.approx(p, rel=1e-6)


@given(st.floats(1e-9, 1e9), st.integers(2, 5))
def test_numbers_keep_their_digits(value: float, digits: int) -> None:
    back = float(wording.number(value, digits).replace("−", "-"))
    assert back == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.7, "0.700"), (0.00995, "0.00995"), (-12.345, "−12.3"), (1234.5, "1234"), (0, "0"), (math.nan, "n/a")],
)
def test_number(value: float, words: str) -> None:
    assert wording.number(value) == words


def test_rounding_up_adds_no_digit() -> None:
    assert wording.number(0.00995, 2) == "0.010" or wording.number(0.00995, 2) == "0.0099"
    assert wording.number(0.009951, 2) == "0.010"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read /data/a b/sub-1.tsv", "cannot read /data/a b/sub-1.tsv".replace("/data/a", "…/a")),
        ("see /home/x/y.tsv: empty", "see …/y.tsv: empty"),
        ("1 mm/s and/or 3", "1 mm/s and/or 3"),
        ("https://doi.org/10.1/a/b", "https://doi.org/10.1/a/b"),
        ("../relative/path/x", "../relative/path/x"),
        (
            "not in {mriqc}/sub-{participant}/anat/sub-{participant}_T1w.json, for 5",
            "not in sub-X_T1w.json of mriqc, for 5",
        ),
    ],
)
def test_folders_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert wording.hide_folders(text) == shown


def test_listing() -> None:
    assert wording.listing([]) == "none"
    assert wording.listing(["a"]) == "a"
    assert wording.listing(["a", "b", "c"]) == "a, b and c"
    assert wording.listing(list("abcd"), limit=2) == "a, b and 2 more"
