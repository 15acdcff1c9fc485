"""The drawings of the page on statistics: drawn from their numbers, and the numbers from the code."""

from importlib import import_module

import pandas as pd
import pytest

NAMES = ("leakage", "selection", "units", "accuracy", "samples", "harmonise", "patterns", "intervals")


def numbers(docs, name) -> pd.DataFrame:
    return pd.read_csv(docs / "figures" / f"{name}.tsv", sep="\t")


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_is_that_of_its_numbers(docs, name):
    from_numbers = import_module(name).paint(numbers(docs, name))
    assert from_numbers == (docs / "figures" / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["accuracy", "patterns"])
def test_the_code_gives_the_numbers(docs, name):
    measured = import_module(name).measure()
    pd.testing.assert_frame_equal(measured, numbers(docs, name), rtol=1e-4, check_dtype=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"accuracy", "patterns"}))
def test_the_code_gives_the_numbers_in_full(docs, name):
    measured = import_module(name).measure()
    pd.testing.assert_frame_equal(measured, numbers(docs, name), rtol=1e-4, check_dtype=False)


def test_what_the_page_says_of_them_holds(docs):
    leakage = numbers(docs, "leakage").mean()
    assert leakage["selected on everyone"] > 0.9
    assert 0.47 < leakage["everything in the fold"] < 0.53
    selection = numbers(docs, "selection").median()
    assert selection["20"] > 0.58 > selection["1"]
    units = numbers(docs, "units")
    # 200 datasets: a valid test calls 10 significant; 3.3 standard deviations above are 20.
    assert (units["people"] <= 0.05).sum() <= 20 < (units["scans"] <= 0.05).sum()
    assert numbers(docs, "samples")["20"].quantile(0.975) > 0.75
    as_they_are, in_fold, on_everyone = numbers(docs, "harmonise").mean()
    assert in_fold < 0.55 < min(as_they_are, on_everyone)
    intervals = numbers(docs, "intervals")
    truth = intervals["mean"].mean()
    covers = ((intervals["low"] <= truth) & (truth <= intervals["high"])).mean()
    plain = ((intervals["plain low"] <= truth) & (truth <= intervals["plain high"])).mean()
    assert plain < 0.75
    assert covers > 0.88
